"""A reward that is not here: a run names it, and only the Python session that wrote it has it."""

from dataclasses import dataclass
from typing import NoReturn

from ...errors import ConfigError
from ...types import Completion, Problem
from .base import VerifierBase
from .load import not_here


@dataclass(frozen=True, slots=True)
class NotHere(VerifierBase):
    """Stands for it where nobody is judged: a run's model can be asked, and its steps replayed."""

    name: str

    def check(self) -> None:
        """Raise ConfigError: whoever checks a reward is about to ask it."""
        raise ConfigError(not_here(self.name))

    def __call__(self, problem: Problem, completion: Completion) -> NoReturn:
        raise ConfigError(not_here(self.name))
