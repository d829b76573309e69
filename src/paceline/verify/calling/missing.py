"""Rewards that are missing: one that only the Python session that wrote it has, and the one of rows
that bring their completions and are judged by nobody."""

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


@dataclass(frozen=True, slots=True)
class Unjudged(VerifierBase):
    """Stands for the reward of a task that has none (`Task.judged` is False): rows that bring their
    completions can be learned from, and nothing that is sampled can be judged."""

    option: bool = True
    """True if the task takes a reward by its option task.reward."""

    def check(self) -> None:
        """Raise ConfigError, because a check comes before asking the reward."""
        raise ConfigError(self._said())

    def __call__(self, problem: Problem, completion: Completion) -> NoReturn:
        raise ConfigError(self._said())

    def _said(self) -> str:
        named = "name one with task.reward and task.answer, or " if self.option else ""
        return (
            "The task's rows bring completions and no reward, so nothing that is sampled can be "
            f"judged; {named}learn from the rows themselves with answers=given."
        )
