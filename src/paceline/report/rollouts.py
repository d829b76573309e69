"""The report's rollouts: which ones the page holds, and their tokens in a compact form.

A page is to be read, so it holds whole groups of a few rounds spread over the run, not everything.
The choice depends on counts alone, never on what the completions say.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..store.base import finite
from ..store.rollout_row import RolloutRow, read_table, rows_of
from ..text import abridged, counted
from .pieces import PieceTable

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROUNDS = 12
"""The most rounds on the page, spread evenly."""
MOST_COMPLETIONS = 400
"""The most completions on the page."""
MOST_TOKENS = 120_000
"""All shown tokens together: about two megabytes of page."""
HEAD, TAIL = 500, 250
"""Of a longer completion the first and last tokens are shown, and the gap is marked."""
MOST_CHARACTERS = 6000
"""The most characters of a prompt, or of a completion, that are shown as plain text."""

Numbers = Sequence[float | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowData:
    """One completion. Log-probabilities are whole thousandths of a nat, to keep the page small."""

    index: int
    reward: float | None
    parts: Mapping[str, float]
    """The reward's named parts."""
    reason: str
    correct: bool
    finish: str
    masked: bool
    advantage: Numbers
    """One value, or one a token."""
    text: str
    length: int
    """Tokens, those that are left out counted."""
    gap: int | None
    """Tokens before the gap, where the middle is left out."""
    tokens: Sequence[int]
    """Places in the table of pieces."""
    old: Numbers | None
    anchor: Numbers | None
    ref: Numbers | None
    values: Numbers | None
    """The critic's forecasts, in thousandths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupData:
    """The completions of one problem."""

    problem: str
    problem_row: str
    """Where the data has it; empty where no file does."""
    prompt: str
    answer: str
    rows: Sequence[RowData]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundData:
    """Some whole groups of a round."""

    round: int
    step: int
    of_groups: int
    """Groups that the round has."""
    of_rows: int
    """Completions that the round has."""
    groups: Sequence[GroupData]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutData:
    """The page's rollouts, with the table of token pieces."""

    rounds: Sequence[RoundData]
    pieces: Sequence[str]
    special: Sequence[int]
    """Places of the pieces that are special tokens."""
    shown: str
    """Sentence on what the page holds and what it leaves out."""


def rollouts(folder: Path) -> RolloutData:
    """The page's rollouts. A round's file that cannot be read (a run may be writing it) is named in
    the sentence."""
    files = sorted(folder.glob("rollouts/round-*.parquet"))
    chosen = spread(files, MOST_ROUNDS)
    pieces = PieceTable()
    rounds, unread = list[RoundData](), list[str]()
    for path in chosen:
        table = read_table(path)
        if table is None:
            unread.append(path.name)
        elif table.num_rows:
            rounds.append(round_of(table, len(chosen), pieces))
    return RolloutData(
        rounds=rounds,
        pieces=pieces.texts,
        special=pieces.special,
        shown=sentence(rounds, len(files), unread),
    )


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def round_of(table: "pa.Table", rounds: int, pieces: PieceTable) -> RoundData:
    """One round with as many whole groups as its share of the page holds."""
    import pyarrow.compute as pc

    groups: dict[tuple[int, str], list[int]] = {}
    keys = zip(table["draw"].to_pylist(), table["problem_id"].to_pylist(), strict=True)
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    counts = pc.call_function("list_value_length", [table["tokens"]]).fill_null(0).to_pylist()
    lengths = [min(n, HEAD + TAIL) for n in counts]
    kept = within(list(groups.values()), lengths, rounds)
    rows = rows_of(table.take([place for group in kept for place in group]))
    shown, at = list[GroupData](), 0
    for group in kept:
        shown.append(group_of(rows[at : at + len(group)], pieces))
        at += len(group)
    return RoundData(
        round=rows[0].round,
        step=rows[0].step,
        of_groups=len(groups),
        of_rows=table.num_rows,
        groups=shown,
    )


def within(groups: list[list[int]], lengths: list[int], rounds: int) -> list[list[int]]:
    """Evenly spaced groups whose rows and tokens fit; where not even one does, some of its rows."""
    most_rows, most_tokens = MOST_COMPLETIONS // rounds, MOST_TOKENS // rounds

    def fits(rows: list[int]) -> bool:
        return len(rows) <= most_rows and sum(lengths[r] for r in rows) <= most_tokens

    for count in range(min(len(groups), most_rows), 0, -1):
        kept = spread(groups, count)
        if fits([row for group in kept for row in group]):
            return kept
    for count in range(min(len(groups[0]), most_rows), 1, -1):
        rows = spread(groups[0], count)
        if fits(rows):
            return [rows]
    return [groups[0][:1]]


def group_of(rows: Sequence[RolloutRow], pieces: PieceTable) -> GroupData:
    """A group of a round's file."""
    first = rows[0]
    return GroupData(
        problem=first.problem_id,
        problem_row=first.problem_row,
        prompt=abridged(first.prompt or "", MOST_CHARACTERS),
        answer=abridged(first.answer or "", MOST_CHARACTERS),
        rows=[row_of(row, pieces) for row in rows],
    )


def row_of(row: RolloutRow, pieces: PieceTable) -> RowData:
    """One completion; of a long one the first and last tokens."""
    tokens = row.tokens or []
    n = len(tokens)
    special = row.special or [False] * n
    gap = n > HEAD + TAIL

    def shown(values: Sequence[T]) -> Sequence[T]:
        return [*values[:HEAD], *values[-TAIL:]] if gap and len(values) == n else values

    def thousandths(values: Sequence[float] | None) -> Numbers | None:
        if values is None:
            return None
        known = (finite(v) for v in shown(values))
        return [None if v is None else round(v * 1000) for v in known]

    advantage = [finite(a) for a in shown(row.advantage)]
    told = zip(shown(tokens), shown(special), strict=True)
    return RowData(
        index=row.index,
        reward=finite(row.reward),
        parts=parts_of(row.parts),
        reason=row.reason,
        correct=bool(row.correct),
        finish=row.finish,
        masked=bool(row.masked),
        advantage=[None if a is None else round(a, 4) for a in advantage],
        text=abridged(row.completion or "", MOST_CHARACTERS),
        length=n,
        gap=HEAD if gap else None,
        tokens=pieces.places_of((text or "", is_so) for text, is_so in told),
        old=thousandths(row.old),
        anchor=thousandths(row.anchor),
        ref=thousandths(row.ref),
        values=thousandths(row.values),
    )


def parts_of(text: str | None) -> dict[str, float]:
    """The named parts of a reward, from their JSON; empty where there are none to read."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(k): v for k, v in ((k, finite(v)) for k, v in pairs) if v is not None}


def sentence(rounds: Sequence[RoundData], files: int, unread: Sequence[str]) -> str:
    """A sentence about what the page holds and what it leaves out."""
    if not rounds and not unread:
        return "No round has been sampled yet." if not files else "The rounds so far are empty."
    count = sum(len(group.rows) for one in rounds for group in one.groups)
    of_rows = sum(one.of_rows for one in rounds)
    whole = of_rows == count
    some = f"{len(rounds)} of " if files > len(rounds) else ""
    text = f"{'all ' if whole else ''}{count:,} completions of {some}{counted(files, 'round')}"
    if not whole:
        text += f", which have {of_rows:,}"
    if files > len(rounds) or not whole:
        text += "; the run’s rollouts folder holds them all"
    gaps = any(row.gap for one in rounds for group in one.groups for row in group.rows)
    text += f"; of long ones the first {HEAD} and last {TAIL} tokens" if gaps else ""
    text += f"; not readable (still being written?): {', '.join(unread)}" if unread else ""
    return f"Here: {text}."
