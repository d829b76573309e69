"""Programming problems, checked by running: inputs and outputs, or assert lines."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..errors import ConfigError
from ..types import Problem
from ..verify.programs.asserts import Asserts
from ..verify.programs.code import Cases
from ..verify.programs.program import Running
from .faults import Fault
from .rows import Rows
from .task import Task

Checks = Literal["cases", "asserts"]
USER_TURN = (
    "{prompt}\n\nAnswer with one Python program in a block that begins with ```python and ends "
    "with ```."
)
"""Default of the user's turn."""


@dataclass(frozen=True, slots=True)
class Code:
    """Rows with a description and checks of the program.

    cases: a list of {"stdin": …, "stdout": …}, each a text or a list of lines. asserts: a list of
    `assert call == value` lines, as in google-research-datasets/mbpp (prompt=text, checks=asserts,
    column=test_list).
    """

    path: str = ""
    """Rows: a .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    prompt: str = "prompt"
    """Column of descriptions."""
    checks: Checks = "cases"
    """Kind of the checks: cases (inputs and outputs) or asserts (assert lines)."""
    column: str = "cases"
    """Column of the checks."""
    solution: str = "code"
    """Column of a right program, where the rows have one; only `paceline tasks check` and the audit
    read it."""
    strict: bool = True
    """Pay only a program that passes all checks; false pays the share that it passes."""
    seconds: float = 5.0
    """Time limit of one run of a program, in seconds."""
    megabytes: int = 256
    """Memory limit of a program, in megabytes."""
    split: str = "train"
    """Part of a folder or hub name to train on."""
    subset: str | None = None
    """Configuration of the hub data set; None is its default."""
    heldout: float = 0.1
    """Held-out rows: below 1 a share of them, from 1 on a number of them."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = USER_TURN
    """The user's turn, with {prompt} where the description goes."""
    limit: int | None = None
    """Most rows to read, from the start; None reads all."""
    on_error: Literal["stop", "drop"] = "stop"
    """Reaction to rows that cannot be used: stop refuses them; drop leaves them out, with a
    note."""

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
