"""GSM8K: 7,473 grade-school problems to train on and 1,319 held out (Cobbe et al. 2021)."""

from dataclasses import dataclass, replace

from ..types import Problem
from ..verify.math import NumberIn
from .rows import Rows
from .task import Task


@dataclass(frozen=True, slots=True)
class Gsm8k:
    """Word problems whose answer is a whole number, asked for behind "####".

    The rows' `answer` is a worked solution that ends in "#### 1,234"; the problem's answer is
    that number without commas, and the solution stays in `problem.data["answer"]`.
    """

    data: str | None = None
    """A folder with train.jsonl and test.jsonl, or a hub name; none is openai/gsm8k."""
    subset: str | None = "main"
    """The configuration of a hub name or a copy of it."""
    system: str | None = None
    """A system message; none for none."""
    user: str = (
        "{prompt}\n\nReason step by step. Then write the final answer on the last line, "
        "as #### and the number alone."
    )
    """The user's turn, with {prompt} where the question goes."""
    units: tuple[str, ...] = ("$", "%")
    """What may stand before or behind the number."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""
    limit: int | None = None
    """At most so many training rows, from the start."""

    def load(self) -> Task:
        """The task; the test rows are held out.

        Raises: DataError where the rows cannot be read.
        """
        task = Rows(
            path=self.data or "openai/gsm8k",
            prompt="question",
            subset=self.subset,
            heldout_split="test",
            answer_after="####",
            reward="hashes",
            system=self.system,
            user=self.user,
            limit=self.limit,
        ).load()
        return replace(
            task,
            name="gsm8k",
            train=tuple(map(_without_commas, task.train)),
            heldout=tuple(map(_without_commas, task.heldout)),
            verifier=NumberIn("hashes", units=self.units, allow_cut=self.allow_cut),
        )


def _without_commas(problem: Problem) -> Problem:
    return replace(problem, answer=problem.answer.replace(",", ""))
