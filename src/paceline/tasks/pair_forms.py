"""The forms in which rows bring preferences: pairs, dialogues as HH has them, rankings, and single
completions with a label."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeVar

from ..types import Given, Message
from .faults import Fault, check_text
from .row import Row
from .row_forms import (
    ALPACA,
    COMPLETION,
    CONVERSATIONS,
    MESSAGES,
    Form,
    ReadRow,
    label_of,
    present,
    question_of,
)
from .split import Question, prompt_key
from .turns import ASSISTANT, answer_of, as_turns, check_answers, with_system

_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_SIDES = ("chosen", "rejected")
T = TypeVar("T")


def in_pairs(good: Sequence[T], bad: Sequence[T]) -> list[tuple[T, T]]:
    """Each of one side with one of the other, in order; the shorter side begins again. Empty where
    a side is.

    Example: in_pairs("ab", "xyz") is [("a", "x"), ("b", "y"), ("a", "z")]
    """
    if not good or not bad:
        return []
    return [(good[i % len(good)], bad[i % len(bad)]) for i in range(max(len(good), len(bad)))]


def pair(
    chosen: Sequence[Message], rejected: Sequence[Message], margin: float = 0.0
) -> tuple[Given, Given]:
    """The preferred completion of a pair, which has the margin, and the other one."""
    return Given(tuple(chosen), 1.0, margin), Given(tuple(rejected), 0.0)


# Pairs ----------------------------------------------------------------------------------------


def _fits_pair(row: Row) -> bool:
    return present(row, *_SIDES) and not _fits_dialogues(row)


def _fits_dialogues(row: Row) -> bool:
    asked = any(present(row, name) for name in ("prompt", "instruction", *CONVERSATIONS))
    return not asked and all(_is_dialogue(row.get(side)) for side in _SIDES)


def _is_dialogue(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("Human:")


def _read_pair(row: Row) -> ReadRow:
    """Two answers to a prompt, or two conversations with one beginning."""
    chosen, rejected = (answer_of(row[side], side) for side in _SIDES)
    if all(turns[0]["role"] == ASSISTANT for turns in (chosen, rejected) if turns):
        prompt = question_of(row)
    else:
        prompt, chosen, rejected = _begun_alike(chosen, rejected)
        _check_same_prompt(row, prompt)
        prompt = with_system(prompt, row.get("system"))
    return _read_sides(prompt, chosen, rejected, _margin(row))


def _read_dialogues(row: Row) -> ReadRow:
    """Two dialogues as HH has them, "\\n\\nHuman: …\\n\\nAssistant: …"; both begin alike."""
    chosen, rejected = (_dialogue(row[side]) for side in _SIDES)
    return _read_sides(*_begun_alike(chosen, rejected), _margin(row))


def _dialogue(text: str) -> tuple[Message, ...]:
    check_text(text, "dialogue")
    parts = _SPEAKER.split(text.lstrip())[1:]
    roles = {"Human": "user", "Assistant": ASSISTANT}
    return tuple(
        {"role": roles[speaker], "content": said.strip()}
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    )


def _begun_alike(
    chosen: Sequence[Message], rejected: Sequence[Message]
) -> tuple[tuple[Message, ...], tuple[Message, ...], tuple[Message, ...]]:
    """What two conversations both begin with, turn by turn, and the rest of each."""
    if list(chosen) == list(rejected):
        raise Fault("chosen and rejected are equal")
    both = [
        a for a, _ in takewhile(lambda two: two[0] == two[1], zip(chosen, rejected, strict=False))
    ]
    rests = tuple(chosen[len(both) :]), tuple(rejected[len(both) :])
    if not all(rests):
        raise Fault("one of chosen and rejected is the beginning of the other")
    if any(rest[0]["role"] != ASSISTANT for rest in rests):
        raise Fault("chosen and rejected ask different things")
    if not any(turn["role"] != "system" for turn in both):
        raise Fault("the conversations begin with the assistant's turn, so nothing is asked")
    return tuple(both), *rests


def _check_same_prompt(row: Row, prompt: Sequence[Message]) -> None:
    """Raise Fault where the row has a prompt besides, and its conversations begin otherwise."""
    value = row.get("prompt")
    if isinstance(value, str) and value.strip():
        said = {" ".join(turn["content"].split()) for turn in prompt}
        if " ".join(value.split()) not in said:
            raise Fault(
                "the prompt is none of the turns that chosen and rejected begin with", value
            )


def _read_sides(
    prompt: Question, chosen: Sequence[Message], rejected: Sequence[Message], margin: float
) -> ReadRow:
    check_answers(chosen)
    check_answers(rejected)
    if _said(chosen) == _said(rejected):
        raise Fault("chosen and rejected are equal")
    return ReadRow(prompt, pair(chosen, rejected, margin))


def _said(turns: Sequence[Message]) -> list[tuple[str, str]]:
    """Turns without the white space around them, to be compared."""
    return [(turn["role"], turn["content"].strip()) for turn in turns]


def _margin(row: Row) -> float:
    value = row.get("margin")
    if value is None:
        return 0.0
    margin = _number(value)
    if margin is None or margin < 0:
        raise Fault("the margin is not a finite number of 0 or more", value)
    return margin


def _number(value: Any) -> float | None:
    """A finite number, also one that a CSV file has as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# Rankings -------------------------------------------------------------------------------------


def _read_ranking(row: Row) -> ReadRow:
    """Completions of one prompt, each with its score."""
    completions, scores = row["completions"], row["scores"]
    if not isinstance(completions, list | tuple) or not isinstance(scores, list | tuple):
        raise Fault("completions or scores is no list")
    if len(completions) != len(scores):
        raise Fault(
            "there are not as many scores as completions", f"{len(scores)}, {len(completions)}"
        )
    numbers = [_number(score) for score in scores]
    rewards = [number for number in numbers if number is not None]
    if len(rewards) < len(numbers):
        raise Fault("a score is not a finite number", list(scores))
    if len(set(rewards)) < 2:
        raise Fault("there are no two different scores, so nothing is preferred", list(scores))
    prompt = question_of(row)
    turns = [answer_of(value, "completions") for value in completions]
    for one in turns:
        check_answers(one)
    said: dict[str, float] = {}
    for one, reward in zip(turns, rewards, strict=True):
        if said.setdefault(repr(_said(one)), reward) != reward:
            raise Fault("one completion has two scores")
    given = [Given(one, reward) for one, reward in zip(turns, rewards, strict=True)]
    return ReadRow(prompt, tuple(given))


# Labelled completions -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair made of two labelled rows, with their numbers."""

    rows: tuple[int, int]
    read: ReadRow


def _form_of_labelled(row: Row) -> Form | None:
    """The form in which the row brings its completion."""
    return next((form for form in (COMPLETION, MESSAGES, ALPACA) if form.fits(row)), None)


def _fits_labelled(row: Row) -> bool:
    pairs = any(present(row, side) for side in _SIDES)
    return not pairs and label_of(row) is not None and _form_of_labelled(row) is not None


def _read_labelled(row: Row) -> ReadRow:
    """One completion, the last answer of the row, with 1 for a good one and 0 for a bad one."""
    form = _form_of_labelled(row)
    assert form is not None  # it fits
    read = form.read(row)
    turns, reward = read.given[0].turns, float(bool(label_of(row)))
    # Behind the last turn of another stands the answer that the label is about.
    start = max((i for i, turn in enumerate(turns, 1) if turn["role"] != ASSISTANT), default=0)
    prompt = (*as_turns(read.prompt), *turns[:start]) if start else read.prompt
    return ReadRow(prompt, (Given(turns[start:], reward),), read.unanswered)


def labelled_pairs(
    rows: Sequence[tuple[int, ReadRow]],
) -> tuple[list[Labelled], list[int]]:
    """Pairs of a good and a bad completion of the same prompt, and the numbers of rows whose prompt
    has no completion of the other kind."""
    asked: dict[str, list[tuple[int, ReadRow]]] = {}
    for number, read in rows:
        asked.setdefault(prompt_key(read.prompt), []).append((number, read))
    pairs: list[Labelled] = []
    alone: list[int] = []
    for of_prompt in asked.values():
        good = [one for one in of_prompt if one[1].given[0].reward]
        bad = [one for one in of_prompt if not one[1].given[0].reward]
        made = list(_pairs(good, bad))
        pairs += made
        if not made:
            alone += [number for number, _ in of_prompt]
    return pairs, sorted(alone)


def _pairs(
    good: Sequence[tuple[int, ReadRow]], bad: Sequence[tuple[int, ReadRow]]
) -> Iterator[Labelled]:
    for (i, chosen), (j, rejected) in in_pairs(good, bad):
        turns = chosen.given[0].turns, rejected.given[0].turns
        if _said(turns[0]) != _said(turns[1]):
            yield Labelled((i, j), ReadRow(chosen.prompt, pair(*turns)))


PAIR = Form(
    "preference",
    "prompt, chosen and rejected",
    ("pair of completions", "pairs of completions"),
    _fits_pair,
    _read_pair,
)
"""A preferred completion and another one, of one prompt."""
HH = Form(
    "hh",
    "chosen and rejected as dialogues of Human and Assistant",
    ("pair of dialogues", "pairs of dialogues"),
    _fits_dialogues,
    _read_dialogues,
)
"""Two dialogues in one text each, as Anthropic's HH-RLHF has them."""
RANKING = Form(
    "ranking",
    "prompt, completions and scores",
    ("ranking", "rankings"),
    lambda row: present(row, "completions", "scores"),
    _read_ranking,
)
"""Several completions of one prompt, each with a score."""
LABELLED = Form(
    "kto",
    "prompt, completion and label (true or false)",
    ("pair of labelled completions", "pairs of labelled completions"),
    _fits_labelled,
    _read_labelled,
)
"""A completion that is a good or a bad one, as for KTO."""
PREFERENCES = (PAIR, HH, RANKING, LABELLED)
"""Forms of rows that say which completion is better."""
