"""Rows that bring their completions: demonstrations to imitate, and preferences between two or
more."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ..errors import ConfigError
from ..types import TEXT, AnyVerifier, Given, Problem
from ..verify.calling.missing import Unjudged
from .columns import ProblemSet
from .faults import check_reaction
from .given_rows import GivenReader
from .judging import Judging, judgeable
from .pair_forms import PREFERENCES
from .rewards import in_form
from .row_forms import DEMONSTRATIONS, Form, described
from .sides import Places, refuse_idle
from .task import Task, Template
from .templates import template_of


@dataclass(frozen=True, slots=True)
class RowsThatBring:
    """The options of rows that bring their completions, whatever these are."""

    path: str = ""
    """Rows: a .jsonl, .json, .parquet or .csv file, a folder, or a hub name."""
    form: str = "auto"
    """Form of all rows; auto recognises it from the columns of each."""
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
    """Held-out rows, chosen by content: below 1 a share of the rows, from 1 on a number of them.
    Rows with one prompt stay on one side."""
    system: str | None = None
    """System message before the prompt; None for none. A row that brings its own keeps it."""
    limit: int | None = None
    """Most rows to read, from the start; None reads all. Held-out rows of their own come on top."""
    on_error: Literal["stop", "drop"] = "stop"
    """Reaction to rows that cannot be used: stop refuses them; drop leaves them out, with a
    note."""


@dataclass(frozen=True, slots=True)
class Demonstrations(RowsThatBring):
    """Rows of completions to imitate: conversations, prompts with a completion, instructions, text.

    The form of each row is recognised from its columns: `messages` ({role, content}) or
    `conversations` ({from, value}), of which every answer trains; `prompt` and `completion`, text
    or messages; `instruction`, `input`, `output`, `system` and `history`, as Alpaca has them;
    `text`, of which all tokens train. Turns behind the last answer are left out, and rows that
    repeat an earlier one, each with a note. With a reward, held-out problems can also be judged.
    """

    form: Literal["auto", "messages", "completion", "alpaca", "text"] = "auto"
    """Form of all rows; auto recognises it from the columns of each."""
    reward: str | None = None
    """Reward that judges what the model answers to held-out prompts, by name (docs/rewards.md
    lists them), or your own as file.py:function; None judges nothing."""
    answer: str | None = None
    """Column of the expected answers that the reward compares with; None where there are none."""
    answer_after: str | None = None
    """Mark behind which the expected answer stands in its column, such as ####: the last one
    counts. None takes the whole column."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows that are missing, fit no form, or cannot be used; ConfigError for
            options that do not fit.
        """
        return _task(self, DEMONSTRATIONS, self._judging())

    def _judging(self) -> Judging | None:
        if self.reward is not None:
            return Judging(self.reward, self.answer, self.answer_after)
        nobody = "there is no reward that compares with it (task.reward is none)"
        refuse_idle(
            (self.answer is not None, "answer", nobody),
            (self.answer_after is not None, "answer_after", nobody),
        )
        return None


@dataclass(frozen=True, slots=True)
class Preferences(RowsThatBring):
    """Rows that say which completion of a prompt is better: pairs, rankings, labelled completions.

    The form of each row is recognised from its columns: `chosen` and `rejected` with a `prompt`, or
    as conversations that begin alike, with a `margin` if there is one; the same as texts of
    "\\n\\nHuman: …\\n\\nAssistant: …"; `prompt`, `completions` and `scores`; `prompt`, `completion`
    and `label` (or `kto_tag`), of which a good and a bad one of the same prompt make a pair.
    """

    form: Literal["auto", "preference", "hh", "ranking", "kto"] = "auto"
    """Form of all rows; auto recognises it from the columns of each."""

    def load(self) -> Task:
        """The task.

        Raises: DataError for rows that are missing, fit no form, or cannot be used; ConfigError for
            options that do not fit.
        """
        return _task(self, PREFERENCES, None)


def _task(
    source: Demonstrations | Preferences, forms: tuple[Form, ...], judging: Judging | None
) -> Task:
    places = Places(
        source.path, source.split, source.subset, source.heldout_path, source.heldout_split,
        source.heldout, source.limit,
    )  # fmt: skip
    places.check()
    check_reaction(source.on_error)
    names = ["auto", *(form.name for form in forms)]
    if source.form not in names:
        raise ConfigError(f"task.form is '{source.form}'; it is one of {', '.join(names)}.")
    verifier: AnyVerifier = Unjudged(option=isinstance(source, Demonstrations))
    check, full = None, 1.0
    if judging is not None:
        judging.check()
        verifier, named = judging.verifier(), judging.named
        full = named.full if named else 1.0
        gold = partial(in_form, named.gold) if named and named.gold else None
        check = judgeable(verifier, gold, full)
    drop, expected = source.on_error == "drop", judging.expected if judging else None
    rows = GivenReader(forms, source.form, drop, expected, check)
    sides = places.sides(rows.problems)
    given = {name: brought for found in sides.sets for name, brought in found.given.items()}
    problems = (*sides.train, *sides.heldout)
    template, notes = _template(problems, given, source.system)
    return Task(
        places.name, sides.train, sides.heldout, template, verifier,
        (*places.unread(), *sides.notes, *notes),
        gold=partial(_said, given) if judging else None, full=full,
        given=partial(_of, given), judged=judging is not None,
        forms=_in_words(sides.sets, forms),
    )  # fmt: skip


def _of(given: Mapping[str, tuple[Given, ...]], problem: Problem) -> tuple[Given, ...]:
    """What a problem's row brings."""
    return given.get(problem.id, ())


def _said(given: Mapping[str, tuple[Given, ...]], problem: Problem) -> str:
    """The demonstration itself, which a reward should pay in full."""
    return given[problem.id][0].turns[-1]["content"]


def _template(
    problems: tuple[Problem, ...], given: Mapping[str, tuple[Given, ...]], system: str | None
) -> tuple[Template, list[str]]:
    """The template of those that are asked; a plain text has none."""
    asked = [one for one in problems if given[one.id][0].turns[0]["role"] != TEXT]
    if system is not None and not asked:
        raise ConfigError(
            "task.system would change nothing: all rows are plain text, which has no turns; leave "
            "it out."
        )
    return template_of(asked, system) if asked else (Template(), [])


def _in_words(sets: tuple[ProblemSet, ...], forms: tuple[Form, ...]) -> str:
    """Example: "960 rows of messages and 1 row of text" """
    counts = sum((Counter(found.forms) for found in sets), Counter[str]())
    return described(counts, forms)
