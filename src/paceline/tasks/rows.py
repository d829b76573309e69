"""The user's own rows: a file, a folder or a hub name, with the columns' names as options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError, nearest
from ..types import AnyVerifier, BatchVerifier, Problem, Verifier
from ..verify import known
from ..verify.asserts import Asserts
from ..verify.choice import Choice
from ..verify.code import Cases, PrintedAnswer
from ..verify.load import IN_PYTHON, load_function
from ..verify.math import ExactAnswer, LastNumber, NumberIn
from ..verify.missing import NotHere
from ..verify.signatures import adapt
from ..verify.symbolic import SymbolicAnswer
from .columns import Columns, cell, in_words
from .read import is_file, read_rows
from .split import prompt_key, split
from .task import BY_NAME, Task, Template

REWARDS: dict[str, Callable[[bool], Verifier]] = {
    "last_number": lambda allow_cut: LastNumber(allow_cut),
    "exact": lambda allow_cut: ExactAnswer(allow_cut=allow_cut),
    "tag": lambda allow_cut: NumberIn("tag", allow_cut=allow_cut),
    "boxed": lambda allow_cut: NumberIn("boxed", allow_cut=allow_cut),
    "hashes": lambda allow_cut: NumberIn("hashes", allow_cut=allow_cut),
    "symbolic": lambda allow_cut: SymbolicAnswer("boxed", allow_cut=allow_cut),
    "choice": lambda allow_cut: Choice("tag", allow_cut=allow_cut),
    "printed": lambda allow_cut: PrintedAnswer(allow_cut=allow_cut),
    "cases": lambda allow_cut: Cases(allow_cut=allow_cut),
    "asserts": lambda allow_cut: Asserts(allow_cut=allow_cut),
    **{
        name: lambda allow_cut, make=make: make(allow_cut=allow_cut)
        for name, make in known.NAMES.items()
    },
}
"""Rewards by name; docs/rewards.md says what each asks for."""
ANSWERS: dict[str, Literal["number", "text", "anything"]] = {
    "exact": "text", "symbolic": "text", "choice": "text",
    "cases": "anything", "asserts": "anything",
    "strict_format": "anything", "soft_format": "anything", "near_fifty": "anything",
}  # fmt: skip
"""What the answer column has to hold for them; a number for the others."""


GOLD = {
    "last_number": "{}", "exact": "{}", "tag": "<answer>{}</answer>", "boxed": "\\boxed{{{}}}",
    "hashes": "#### {}", "symbolic": "\\boxed{{{}}}", "choice": "<answer>{}</answer>",
    "printed": "```python\nprint({})\n```",
    "r1_zero": "<think>It is so.</think>\n<answer>{}</answer>",
    "exact_and_numeric": "<reasoning>It is so.</reasoning>\n<answer>{}</answer>",
}  # fmt: skip
"""What an answer looks like that deserves full marks, for rewards that compare with the row's."""
FULL = {"r1_zero": 1.2, "exact_and_numeric": 2.4}
"""Full marks, where they are not 1."""


def in_form(form: str, problem: Problem) -> str | None:
    """The problem's answer in a form such as "#### {}"; None where it has none."""
    return form.format(problem.answer) if problem.answer else None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one's own.

    A prompt is text, or messages (a list of {"role": …, "content": …}). All columns but the
    prompt reach the reward in `problem.data`, as they are. A column inside another is written
    with a dot, as in reward_model.ground_truth. Rows that repeat an earlier one are left out,
    with a note.
    """

    path: str = ""
    """A .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    prompt: str = "prompt"
    """The column of prompts."""
    answer: str | None = "answer"
    """The column of expected answers; none where the reward needs none."""
    split: str = "train"
    """Which part of a folder or hub name is trained on."""
    subset: str | None = None
    """The hub data set's configuration."""
    heldout_path: str | None = None
    """Where the held-out rows are, if not with the others."""
    heldout_split: str | None = None
    """Which part of a folder or hub name is held out; none holds out some of the rows."""
    heldout: float = 0.05
    """Held out of the rows, by content: below 1 a share, from 1 on a number of them."""
    split_key: str | None = None
    """A column whose equal values stay on one side; the prompt if none."""
    system: str | None = None
    """A system message; none for none."""
    user: str = "{prompt}"
    """The user's turn, with {prompt} where the row's prompt goes."""
    reward: str | Callable[..., Any] | BatchVerifier = field(
        default="last_number", metadata={BY_NAME: True}
    )
    """A reward's name, your own as file.py:function, or in Python the function itself."""
    answer_after: str | None = None
    """The expected answer is what follows the last of this mark in its column, such as ####."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score (rewards by name only)."""
    limit: int | None = None
    """At most so many rows, from the start; held-out rows of their own come on top."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows that are missing, empty or wrongly named; ConfigError for
            options that do not fit.
        """
        self._check()
        verifier, template = self._verifier(), Template(self.system, self.user)
        notes: list[str] = []
        train: Sequence[Problem] = self._read(self.path, self.split, self.limit, notes)
        if self.heldout_path is None and self.heldout_split is None:
            train, heldout = split(train, self.heldout, self._key())
        else:
            place = self.heldout_path or self.path
            rows = self._read(place, self.heldout_split or self.split, None, notes)
            heldout = split(rows, len(rows))[1]
            train = _without(train, heldout, notes)
        name = Path(self.path).absolute().stem
        form = GOLD.get(self._reward_name)
        return Task(
            name, tuple(train), heldout, template, verifier, tuple(notes),
            gold=None if form is None else partial(in_form, form),
            full=FULL.get(self._reward_name, 1.0),
        )  # fmt: skip

    def _check(self) -> None:
        if not self.path:
            raise ConfigError("task.path is empty; set it to a file, a folder or a hub name.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"task.limit is {self.limit}; it must be at least 1.")
        if self.heldout_split is not None and is_file(self.heldout_path or self.path):
            raise ConfigError(
                f"'{self.heldout_path or self.path}' is one file, so it has no split "
                f"'{self.heldout_split}'; leave task.heldout_split out."
            )

    @property
    def _reward_name(self) -> str:
        """ "" for a function or verifier of Python's."""
        return self.reward if isinstance(self.reward, str) else ""

    def _verifier(self) -> AnyVerifier:
        if not isinstance(self.reward, str):
            return adapt(self.reward)
        if self.reward in REWARDS:
            return REWARDS[self.reward](self.allow_cut)
        place, colon, name = self.reward.rpartition(":")
        if place == IN_PYTHON:
            return NotHere(name)
        if colon:
            return adapt(load_function(self.reward))
        raise ConfigError(
            f"There is no reward '{self.reward}'.{nearest(self.reward, list(REWARDS))} It is "
            f"{', '.join(REWARDS)}, or your own as file.py:function."
        )

    def _key(self) -> Callable[[Problem], str] | None:
        column = self.split_key
        return None if column is None else lambda problem: str(cell(problem.data, column))

    def _read(self, path: str, split: str, limit: int | None, notes: list[str]) -> list[Problem]:
        name = self._reward_name
        columns = Columns(
            self.prompt,
            self.answer,
            self.answer_after,
            ANSWERS.get(name, "number") if name in REWARDS else "anything",
            () if self.split_key is None else (self.split_key,),
        )
        rows = read_rows(path, split, self.subset, limit)
        problems, repeated = columns.problems(rows, f"'{path}'")
        if repeated:
            notes.append(f"{in_words(repeated)} of '{path}': left out, the same as an earlier row.")
        return problems


def _without(
    train: Sequence[Problem], heldout: Sequence[Problem], notes: list[str]
) -> list[Problem]:
    asked = {prompt_key(problem.prompt) for problem in heldout}
    kept = [problem for problem in train if prompt_key(problem.prompt) not in asked]
    if len(kept) < len(train):
        gone = len(train) - len(kept)
        notes.append(f"Training problems left out because their prompt is held out too: {gone}.")
    return kept
