"""The user's own rows: a file, a folder or a hub name, with the columns' names as options."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from ..types import AnyVerifier, BatchVerifier, Problem
from .columns import Columns, ProblemSet
from .faults import check_reaction
from .judging import Judging, judgeable
from .rewards import in_form
from .row import Row, cell
from .sides import Places
from .task import BY_NAME, Task, Template
from .templates import template_of


@dataclass(frozen=True, slots=True)
class Rows:
    """The user's own rows.

    A prompt is text, or messages (a list of {"role": …, "content": …}). All columns but the
    prompt reach the reward in `problem.data`, as they are. A column inside another is written
    with a dot, as in reward_model.ground_truth. Rows that repeat an earlier one are left out,
    with a note.
    """

    path: str = ""
    """Rows: a .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    prompt: str = "prompt"
    """Column of prompts."""
    answer: str | None = "answer"
    """Column of expected answers; None where the reward needs none."""
    split: str = "train"
    """Part of a folder or hub name to train on."""
    subset: str | None = None
    """Configuration of the hub data set; None is its default."""
    heldout_path: str | None = None
    """Held-out rows, if they lie elsewhere: a file, a folder or a hub name; None takes
    task.path."""
    heldout_split: str | None = None
    """Part of a folder or hub name to hold out; None holds out some of the training rows."""
    heldout: float = 0.05
    """Held-out rows, chosen by content: below 1 a share of the rows, from 1 on a number of them."""
    split_key: str | None = None
    """Column whose equal values stay on one side, training or held out; None takes the prompt."""
    system: str | None = None
    """System message before the question; None for none."""
    user: str = "{prompt}"
    """The user's turn, with {prompt} and other columns in braces; prompts that are messages stay as
    they are."""
    reward: str | Callable[..., Any] | BatchVerifier = field(
        default="last_number", metadata={BY_NAME: True}
    )
    """Reward, by name (docs/rewards.md lists them), or your own as file.py:function; in Python also
    the function itself."""
    answer_after: str | None = None
    """Mark behind which the expected answer stands in its column, such as ####: the last one
    counts. None takes the whole column."""
    allow_cut: bool = False
    """Also pay completions that were cut by their length; for rewards by name only."""
    limit: int | None = None
    """Most rows to read, from the start; None reads all. Held-out rows of their own come on top."""
    on_error: Literal["stop", "drop"] = "stop"
    """Reaction to rows that cannot be used: stop refuses them; drop leaves them out, with a
    note."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows that are missing, empty or wrongly named; ConfigError for
            options that do not fit.
        """
        places, judging = self._places(), self._judging()
        places.check()
        judging.check()
        check_reaction(self.on_error)
        named = judging.named
        task = self.judged_by(
            judging.verifier(), named.gold if named else None, named.full if named else 1.0
        )
        return replace(task, notes=(*places.unread(), *task.notes))

    def judged_by(
        self,
        verifier: AnyVerifier,
        form: str | None = None,
        full: float = 1.0,
        check: Callable[[Problem], None] | None = None,
    ) -> Task:
        """The task with this verifier in place of the one that `reward` names.

        Args:
            form: what an answer looks like that deserves full marks, such as "#### {}".
            full: the reward of full marks.
            check: raises `faults.Fault` for a problem that cannot be used.
        """
        gold = None if form is None else partial(in_form, form)
        payable = judgeable(verifier, gold, full)

        def checked(problem: Problem) -> None:
            if check is not None:
                check(problem)
            payable(problem)

        def made(rows: list[Row], where: str, of: str) -> ProblemSet:
            return self._columns().problems(rows, where, checked, of)

        places = self._places()
        sides = places.sides(made, self._key())
        problems, filled = (*sides.train, *sides.heldout), sides.sets[0].filled
        template, more = template_of(problems, self.system, self.user, filled=filled)
        return Task(
            places.name, sides.train, sides.heldout, template, verifier, (*sides.notes, *more),
            gold=gold, full=full,
        )  # fmt: skip

    def _places(self) -> Places:
        return Places(
            self.path, self.split, self.subset, self.heldout_path, self.heldout_split,
            self.heldout, self.limit,
        )  # fmt: skip

    def _judging(self) -> Judging:
        return Judging(self.reward, self.answer, self.answer_after, self.allow_cut)

    def _columns(self) -> Columns:
        return Columns(
            self.prompt,
            self.answer,
            self.answer_after,
            self._judging().answer_is,
            () if self.split_key is None else (self.split_key,),
            Template(self.system, self.user).user,
            self.on_error == "drop",
        )

    def _key(self) -> Callable[[Problem], str] | None:
        column = self.split_key
        return None if column is None else lambda problem: str(cell(problem.data, column))
