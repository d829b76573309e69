"""Rows on two sides: where those to train on lie, and where the held-out ones come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, DataError
from ..text import counted
from ..types import Problem
from .columns import ProblemSet
from .read import held_out_beside, is_file, read_rows
from .row import Row
from .split import prompt_key, split

Make = Callable[[list[Row], str, str], ProblemSet]
"""Makes problems of rows; takes the rows, their place in words, and words after a row's number in
`Problem.row`."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Problems to train on, and held-out ones."""

    train: tuple[Problem, ...]
    heldout: tuple[Problem, ...]
    """Held-out problems, in an order whose first n are a fair sample."""
    notes: tuple[str, ...]
    """Notes of reading, a sentence each."""
    sets: tuple[ProblemSet, ...]
    """Problems as they were made, of the training rows and of held-out rows of their own."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a task's rows: its options `path`, `split` and so on.

    Example: Places("rows.jsonl", heldout=500)
    """

    path: str
    """Rows to train on: a file, a folder or a hub name."""
    split: str = "train"
    """Part of a folder or hub name to train on."""
    subset: str | None = None
    """Configuration of a hub data set."""
    heldout_path: str | None = None
    """Held-out rows that lie elsewhere."""
    heldout_split: str | None = None
    """Part of a folder or hub name to hold out."""
    heldout: float = 0.0
    """Held-out rows where they have no place of their own: a share below 1, or a number."""
    limit: int | None = None
    """Most training rows to read."""

    @property
    def name(self) -> str:
        """The name of the rows, for the task that is made of them."""
        return Path(self.path).absolute().stem

    @property
    def holds_out_its_own(self) -> bool:
        """True if held-out rows are chosen among the rows, and lie in no place of their own."""
        return self.heldout_path is None and self.heldout_split is None

    def check(self) -> None:
        """Raise ConfigError for options that do not fit, before any row is read."""
        if not self.path:
            raise ConfigError("task.path is empty; set it to a file, a folder or a hub name.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"task.limit is {self.limit}; it must be at least 1.")
        if self.heldout_split is not None and is_file(self.heldout_path or self.path):
            raise ConfigError(
                f"'{self.heldout_path or self.path}' is one file, so it has no split "
                f"'{self.heldout_split}'; leave task.heldout_split out."
            )
        refuse_idle(
            (is_file(self.path) and self.split != "train", "split", "a file has no splits"),
            (is_file(self.path) and self.subset is not None, "subset", "a file has no subsets"),
        )

    def unread(self) -> list[str]:
        """Notes on files beside the rows whose names say that they are to be held out, and that are
        not read."""
        if not self.holds_out_its_own:
            return []
        return [
            f"{name} is there too and is not read; {option} holds it out."
            for name, option in held_out_beside(self.path, self.split)
        ]

    def sides(self, make: Make, key: Callable[[Problem], str] | None = None) -> Sides:
        """Both sides, read and made; no prompt stands on both.

        Args:
            key: problems with equal keys stay on one side; None takes the prompt.

        Raises: DataError where nothing is left to train on, or what reading and making raise.
        """
        where = f"'{self.path}'"
        found = make(read_rows(self.path, self.split, self.subset, self.limit), where, "")
        if self.holds_out_its_own:
            train, heldout = split(found.problems, self.heldout, key)
            if not train:
                raise DataError(
                    f"task.heldout is {self.heldout:g}, so that of {where} with "
                    f"{counted(len(heldout), 'problem')} nothing is left to train on; set it lower."
                )
            return Sides(train, heldout, tuple(found.notes), (found,))
        place, part = self.heldout_path or self.path, self.heldout_split or self.split
        there = f"'{place}'" if is_file(place) else f"'{place}' ({part})"
        own = make(read_rows(place, part, self.subset), there, f" of {there}")
        heldout = split(own.problems, len(own.problems))[1]
        train, notes = _without(found.problems, heldout)
        return Sides(tuple(train), heldout, (*found.notes, *own.notes, *notes), (found, own))


def refuse_idle(*options: tuple[bool, str, str]) -> None:
    """Raise ConfigError for an option that would change nothing: (it would not, its name, why)."""
    for idle, option, why in options:
        if idle:
            raise ConfigError(f"task.{option} would change nothing: {why}; leave it out.")


def _without(
    train: Sequence[Problem], heldout: Sequence[Problem]
) -> tuple[list[Problem], list[str]]:
    """The training problems whose prompt is not held out, with a note on the others."""
    asked = {prompt_key(problem.prompt) for problem in heldout}
    kept = [problem for problem in train if prompt_key(problem.prompt) not in asked]
    gone = len(train) - len(kept)
    told = f"Training problems left out because their prompt is held out too: {gone}."
    return kept, [told] if gone else []
