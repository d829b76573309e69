"""TL;DR: posts to be summed up in a given number of characters."""

from dataclasses import dataclass, replace

from ..errors import DataError
from ..types import Problem
from ..verify.shaping.length import LengthTarget, Unit
from .column_names import MissingColumnError
from .rows import Rows
from .task import Task


@dataclass(frozen=True, slots=True)
class Tldr:
    """Posts with a summary (trl-lib/tldr: columns prompt, completion), rewarded for length alone.

    The reward is −|target − length|, as in many first tutorials. It teaches a length and nothing
    else: nobody checks that the summary fits the post.
    """

    data: str | None = None
    """Rows with a column prompt: a file, a folder or a hub name; None takes trl-lib/tldr."""
    target: int = 50
    """Length to reach, in task.unit."""
    unit: Unit = "characters"
    """Unit of the length: tokens, words or characters."""
    heldout: float = 500
    """Held-out rows: below 1 a share of them, from 1 on a number of them."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = "{prompt}"
    """The user's turn, with {prompt} where the post goes."""
    limit: int | None = 20_000
    """Most rows to read, from the start; None reads all."""

    def load(self) -> Task:
        """The task.

        Raises: DataError where the rows cannot be read.
        """
        rows = Rows(
            path=self.data or "trl-lib/tldr",
            answer=None,
            heldout=self.heldout,
            reward="near_fifty",
            system=self.system,
            user=self.user,
            limit=self.limit,
        )
        try:
            task = rows.judged_by(LengthTarget(self.target, self.unit), full=0.0)
        except MissingColumnError as missing:
            raise DataError(f"{missing.found}; rename the column that has the posts.") from None
        return replace(task, name="tldr", gold=self._gold)

    def _gold(self, problem: Problem) -> str | None:
        """A text of the right length; None if it counts tokens, which are not known here."""
        if self.unit == "tokens":
            return None
        return "a" * self.target if self.unit == "characters" else " ".join("a" * self.target)
