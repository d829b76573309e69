"""The data of the page's reader: a part's groups, with every objective's push on each token.

The page must stay readable, so it holds the groups that objectives put most weight on, as many as
fit.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...report.page import fields_of
from ...report.pieces import PieceTable
from ...report.rollouts import HEAD, TAIL
from ...report.rollouts import MOST_CHARACTERS as MOST_OF_A_TEXT
from ...store.base import finite
from ...text import abridged, counted
from .record import Effect, MeasuredObjective, Replay

MOST_CHARACTERS = 2_500_000
"""Most characters of all groups' numbers and texts."""
MOST_ROWS = 64
"""Most completions of a group; those of most weight are kept."""
PUSH_SCALE = 10_000
"""The largest push as a whole number; the others are in proportion."""


Numbers = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectData:
    """The effect of an objective on a completion."""

    advantage: float | None
    advantages: Numbers | None
    """Each token's own, where they differ."""
    weight: float | None
    push: float | None
    ratio: float | None
    ratio_max: float | None
    clipped: int
    pushes: Sequence[int | None]
    """Each token's push, in PUSH_SCALE parts of the objective's largest one."""
    bound: Sequence[int]
    """The places of tokens that a clip bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedRow:
    """A completion. Log-probabilities are whole thousandths of a nat."""

    row: int
    """Its place among the round's rollouts."""
    index: int
    """Its place in the group."""
    reward: float | None
    correct: bool
    finish: str
    reason: str
    masked: bool
    length: int
    """Tokens, those that are left out counted."""
    gap: int | None
    """Tokens before the gap, where the middle is left out."""
    tokens: Sequence[int]
    """Places in the table of pieces."""
    old: Sequence[int | None]
    logp: Sequence[int | None] | None
    moved: Sequence[int | None] | None
    """logp − anchor, in hundred-thousandths of a nat."""
    effects: Sequence[EffectData | None]
    """Under each objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedGroup:
    """Completions of one problem."""

    problem: str
    problem_row: str
    """Where the data has it; empty where no file does."""
    prompt: str
    answer: str
    of_rows: int
    """Completions that the group has."""
    rows: Sequence[ReplayedRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderData:
    """The page's groups, with the table of token pieces."""

    names: Sequence[str]
    """The objectives."""
    largest: Sequence[float]
    """The largest push of each objective."""
    scale: int
    groups: Sequence[ReplayedGroup]
    pieces: Sequence[str]
    special: Sequence[int]
    """Places of the pieces that are special tokens."""
    shown: str
    """Sentence on what the page holds and what it leaves out."""


def reader_data(replay: Replay) -> ReaderData:
    """The reader's groups: those that objectives put most weight on, as many as fit."""
    by_row = [{e.row: e for e in m.effects} for m in replay.measured]
    largest = [_largest(m) for m in replay.measured]
    weights = _weights(replay)
    pieces = PieceTable()
    kept: dict[int, ReplayedGroup] = {}
    room = MOST_CHARACTERS
    heavy = sorted((g for g in replay.groups if weights[g] > 0), key=lambda g: -weights[g])
    for group in heavy:
        made = _group(replay, group, by_row, largest, pieces)
        room -= len(json.dumps(made, default=fields_of))
        if room < 0 and kept:
            break
        kept[group] = made
    groups = [kept[g] for g in sorted(kept)]
    return ReaderData(
        names=[m.name for m in replay.measured],
        largest=largest,
        scale=PUSH_SCALE,
        groups=groups,
        pieces=pieces.texts,
        special=pieces.special,
        shown=_sentence(replay, groups, len(heavy)),
    )


def _largest(measured: MeasuredObjective) -> float:
    """The largest of the pushes that are finite."""
    pushes = (abs(p) for e in measured.effects for p in e.push_T)
    return max((p for p in pushes if math.isfinite(p)), default=0.0)


def _weight(effect: Effect) -> float:
    """The weight to choose by: values that are not finite come first."""
    return effect.weight if math.isfinite(effect.weight) else math.inf


def _weights(replay: Replay) -> dict[int, float]:
    """The most that an objective puts on a group, by group."""
    group_of = replay.round.group_of
    found = dict.fromkeys(replay.groups, 0.0)
    for m in replay.measured:
        sums = dict.fromkeys(replay.groups, 0.0)
        for e in m.effects:
            sums[group_of[e.row]] += _weight(e)
        found = {g: max(found[g], sums[g]) for g in found}
    return found


def _group(
    replay: Replay,
    group: int,
    by_row: Sequence[dict[int, Effect]],
    largest: Sequence[float],
    pieces: PieceTable,
) -> ReplayedGroup:
    rows = [i for i in replay.rows if replay.round.group_of[i] == group]
    first = rows[0]

    def weight(row: int) -> float:
        return max((_weight(found[row]) for found in by_row if row in found), default=0.0)

    kept = sorted(sorted(rows, key=lambda row: -weight(row))[:MOST_ROWS])
    made = replay.round.groups[group]
    return ReplayedGroup(
        problem=made.problem.id,
        problem_row=made.problem.row,
        prompt=abridged(replay.prompts[group], MOST_OF_A_TEXT),
        answer=abridged(made.problem.answer, MOST_OF_A_TEXT),
        of_rows=len(rows),
        rows=[_row(replay, row, row - first, by_row, largest, pieces) for row in kept],
    )


def _row(
    replay: Replay,
    row: int,
    index: int,
    by_row: Sequence[dict[int, Effect]],
    largest: Sequence[float],
    pieces: PieceTable,
) -> ReplayedRow:
    """One completion; of a long one the first and last tokens."""
    rollout, told = replay.round.rollouts[row], replay.pieces[row]
    n = len(told.texts)
    gap = n > HEAD + TAIL

    def shown(values: Sequence[Any]) -> list[Any]:
        return [*values[:HEAD], *values[-TAIL:]] if gap else list(values)

    found = [effects.get(row) for effects in by_row]
    seen = next((e for e in found if e is not None), None)
    logp = moved = None
    if seen is not None:
        logp = [_whole(v, 1e3) for v in shown(seen.logp_T)]
        steps = zip(shown(seen.logp_T), shown(seen.anchor_T), strict=True)
        moved = [_whole(a - b, 1e5) for a, b in steps]
    return ReplayedRow(
        row=row,
        index=index,
        reward=finite(rollout.verdict.reward),
        correct=rollout.verdict.solved,
        finish=rollout.completion.finish,
        reason=rollout.verdict.reason,
        masked=rollout.masked,
        length=n,
        gap=HEAD if gap else None,
        tokens=pieces.places_of(zip(shown(told.texts), shown(told.special), strict=True)),
        old=[_whole(v, 1e3) for v in shown(rollout.completion.logprobs)],
        logp=logp,
        moved=moved,
        effects=[
            None if e is None else _effect(e, most, shown)
            for e, most in zip(found, largest, strict=True)
        ],
    )


def _effect(effect: Effect, largest: float, shown: Any) -> EffectData:
    """Pushes in parts of the objective's largest one; clipped tokens by their places."""
    advantages = [_rounded(a) for a in shown(effect.advantage_T)]
    same = len(set(advantages)) == 1
    return EffectData(
        advantage=_rounded(effect.advantage),
        advantages=None if same else advantages,
        weight=_rounded(effect.weight),
        push=_rounded(effect.push),
        ratio=_rounded(effect.ratio),
        ratio_max=_rounded(effect.ratio_max),
        clipped=effect.clipped,
        pushes=[_whole(p, PUSH_SCALE / largest) if largest else 0 for p in shown(effect.push_T)],
        bound=[place for place, is_so in enumerate(shown(effect.clipped_T)) if is_so],
    )


def _whole(value: float, scale: float) -> int | None:
    return round(value * scale) if math.isfinite(value * scale) else None


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _sentence(replay: Replay, groups: Sequence[ReplayedGroup], heavy: int) -> str:
    """What the page holds and what it leaves out."""
    if not groups:
        return "No completion of this part is pushed by any of the objectives."
    rows = [row for group in groups for row in group.rows]
    problems = counted(len(replay.groups), "problem")
    text = f"{counted(len(rows), 'completion', ',')} of {len(groups)} of the part’s {problems}"
    if len(groups) < heavy:
        text += f", the ones that weigh most of {heavy} that any objective pushes"
    elif heavy < len(replay.groups):
        text += "; no objective here pushes the others"
    if any(len(group.rows) < group.of_rows for group in groups):
        text += f"; of large groups the {MOST_ROWS} that weigh most"
    if any(row.gap for row in rows):
        text += f"; of long completions the first {HEAD} and last {TAIL} tokens"
    return f"Here: {text}."
