"""A reward that is missing: a run names it, but only the Python session that wrote it has it."""

from dataclasses import dataclass
from typing import NoReturn

from ...errors import ConfigError
from ...types import Completion, Problem
from .base import VerifierBase
from .load import not_here


@dataclass(frozen=True, slots=True)
class NotHere(VerifierBase):
    """Stands for a missing reward if nothing has to be judged: a run's model can be asked, and its
    steps replayed."""

    name: str

    def check(self) -> None:
        """Raise ConfigError, because a check comes before asking the reward."""
        raise ConfigError(not_here(self.name))

    def __call__(self, problem: Problem, completion: Completion) -> NoReturn:
        raise ConfigError(not_here(self.name))
