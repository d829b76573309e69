"""A task made of a few sums, and configs that train on it."""

from dataclasses import dataclass, replace

from paceline import recipes
from paceline.config import Config
from paceline.tasks import Task, TaskSource, Template
from paceline.types import Problem
from paceline.verify.answers.math import LastNumber


@dataclass(frozen=True)
class Made(TaskSource):
    """A task made of a few sums."""

    long: int = 0
    """So many of the problems have a prompt of 600 letters."""
    long_heldout: bool = False
    count: int = 10
    verifier: object = LastNumber()
    right: bool = True
    """True if the gold answers are right."""

    def load(self) -> Task:
        def problem(i: int) -> Problem:
            return Problem(
                f"p{i}", "x" * 600 + str(i) if i < self.long else f"{i} + 1?", str(i + 1)
            )

        heldout = replace(problem(4711), prompt="y" * 600 if self.long_heldout else "4711 + 1?")

        def gold(problem: Problem) -> str:
            return problem.answer if self.right else "0"

        return Task(
            "made", tuple(problem(i) for i in range(self.count)), (heldout,), Template(),
            self.verifier, ("a note of the task",), gold=gold,  # type: ignore[arg-type]
        )  # fmt: skip


def config_of(task: TaskSource | None = None, **changes: object) -> Config:
    """The recipe `tiny` on a task of sums, with other values."""
    return recipes.tiny().with_(task=task or Made(), **changes)
