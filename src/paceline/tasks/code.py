"""Programming problems, checked by running: inputs and outputs, or assert lines."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..errors import ConfigError
from ..types import Problem
from ..verify.programs.asserts import Asserts
from ..verify.programs.code import Cases
from ..verify.programs.program import Running
from .columns import Fault
from .rows import Rows
from .task import Task

Checks = Literal["cases", "asserts"]
USER = (
    "{prompt}\n\nAnswer with one Python program in a block that begins with ```python and ends "
    "with ```."
)


@dataclass(frozen=True, slots=True)
class Code:
    """Rows with a description and checks of the program.

    cases: a list of {"stdin": …, "stdout": …}, each a text or a list of lines. asserts: a list of
    `assert call == value` lines, as in google-research-datasets/mbpp (prompt=text, checks=asserts,
    column=test_list).
    """

    path: str = ""
    """A file, a folder or a hub name."""
    prompt: str = "prompt"
    """The column of descriptions."""
    checks: Checks = "cases"
    """cases or asserts."""
    column: str = "cases"
    """The column of the checks."""
    solution: str = "code"
    """A column with a right program, if there is one: for `paceline tasks check`."""
    strict: bool = True
    """Whether all checks must hold for any reward; else their share is paid."""
    seconds: float = 5.0
    """Of one run."""
    megabytes: int = 256
    """Of memory."""
    split: str = "train"
    """Which part of a folder or hub name is trained on."""
    subset: str | None = None
    """The hub data set's configuration."""
    heldout: float = 0.1
    """Held out: below 1 a share of the rows, from 1 on a number of them."""
    system: str | None = None
    """A system message; None for none."""
    user: str = USER
    """The user's turn, with {prompt} where the description goes."""
    limit: int | None = None
    """At most so many rows, from the start."""
    on_error: Literal["stop", "drop"] = "stop"
    """Rows that cannot be used are refused (stop), or left out with a note (drop)."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows without checks, or with some that cannot be read.
        """
        if self.checks not in get_args(Checks):
            raise ConfigError(f"task.checks is '{self.checks}'; it is cases or asserts.")
        kind = Cases if self.checks == "cases" else Asserts
        running = Running(self.seconds, self.megabytes)
        verifier = kind(column=self.column, strict=self.strict, running=running)
        rows = Rows(
            path=self.path, prompt=self.prompt, answer=None, split=self.split, subset=self.subset,
            heldout=self.heldout, system=self.system, user=self.user, reward=self.checks,
            limit=self.limit, on_error=self.on_error,
        )  # fmt: skip
        return replace(rows.judged_by(verifier, check=self._check), gold=self._gold)

    def _check(self, problem: Problem) -> None:
        if not problem.data.get(self.column):
            raise Fault(
                f"there are no checks in column '{self.column}'; set task.column to the column "
                f"that has them, of [{', '.join(problem.data)}]"
            )

    def _gold(self, problem: Problem) -> str | None:
        program = problem.data.get(self.solution)
        return f"```python\n{program}\n```" if program else None
