"""The report's rollouts: which ones the page holds, and their tokens in a compact form.

A page is to be read, so it holds whole groups of a few rounds spread over the run, not everything.
The choice depends on counts alone, never on what the completions say.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..store.base import Json, finite
from ..text import counted
from .pieces import PieceTable

MOST_ROUNDS = 12
MOST_COMPLETIONS = 400
MOST_TOKENS = 120_000
"""All shown tokens together: about two megabytes of page."""
HEAD, TAIL = 500, 250
"""Of a longer completion the first and last tokens are shown, and the gap is marked."""
MOST_CHARACTERS = 6000
"""Of a prompt, or of a completion as plain text."""

COLUMNS = [
    *("round", "step", "draw", "index", "problem_id", "prompt", "answer", "completion"),
    *("tokens", "old", "anchor", "ref", "advantage", "reward", "parts", "reason"),
    *("correct", "finish", "masked"),
]
SPECIAL, ROW = "special", "problem_row"
"""The columns that say which tokens are special ones, and where a problem was read; older rounds
have neither."""


def rollouts(folder: Path) -> Json:
    """The page's rollouts: rounds, the table of token pieces, and a sentence of what is left out.

    A round file that cannot be read (a run may be writing it) is named in the sentence.
    """
    files = sorted(folder.glob("rollouts/round-*.parquet"))
    chosen = spread(files, MOST_ROUNDS)
    pieces = PieceTable()
    rounds, unread = [], []
    for path in chosen:
        try:
            # Without threads: where none can be started, pyarrow's would be waited for for ever.
            file = pq.ParquetFile(path)
            later = [name for name in (SPECIAL, ROW) if name in file.schema_arrow.names]
            table = file.read([*COLUMNS, *later], use_threads=False)
        except (pa.ArrowException, OSError):
            unread.append(path.name)
            continue
        if table.num_rows:
            rounds.append(round_of(table, len(chosen), pieces))
    return {"rounds": rounds, **pieces.data(), "shown": sentence(rounds, len(files), unread)}


def spread(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[0]]
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def round_of(table: pa.Table, rounds: int, pieces: PieceTable) -> Json:
    """One round with as many whole groups as its share of the page holds."""
    groups: dict[tuple[int, str], list[int]] = {}
    keys = zip(table["draw"].to_pylist(), table["problem_id"].to_pylist(), strict=True)
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    counted = pc.call_function("list_value_length", [table["tokens"]]).fill_null(0).to_pylist()
    lengths = [min(n, HEAD + TAIL) for n in counted]
    kept = within(list(groups.values()), lengths, rounds)
    rows = table.take([place for group in kept for place in group]).to_pylist()
    shown, at = [], 0
    for group in kept:
        shown.append(group_of(rows[at : at + len(group)], pieces))
        at += len(group)
    return {
        "round": rows[0]["round"],
        "step": rows[0]["step"],
        "of_groups": len(groups),
        "of_rows": table.num_rows,
        "groups": shown,
    }


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


def group_of(rows: list[Json], pieces: PieceTable) -> Json:
    first = rows[0]
    return {
        "problem": first["problem_id"],
        "problem_row": first.get(ROW) or "",
        "prompt": shortened(first["prompt"]),
        "answer": shortened(first["answer"]),
        "rows": [row_of(row, pieces) for row in rows],
    }


def row_of(row: Json, pieces: PieceTable) -> Json:
    """One completion; log-probabilities are whole thousandths of a nat, to keep the page small."""
    tokens: list[str] = row["tokens"] or []
    n = len(tokens)
    special: list[bool] = row.get(SPECIAL) or [False] * n
    gap = n > HEAD + TAIL

    def shown(values: list[Any]) -> list[Any]:
        return values[:HEAD] + values[-TAIL:] if gap and len(values) == n else values

    def thousandths(values: list[float] | None) -> list[int | None] | None:
        if values is None:
            return None
        known = (finite(v) for v in shown(values))
        return [None if v is None else round(v * 1000) for v in known]

    advantage = [finite(a) for a in shown(row["advantage"] or [])]
    told = zip(shown(tokens), shown(special), strict=True)
    return {
        "index": row["index"],
        "reward": finite(row["reward"]),
        "parts": parts_of(row["parts"]),
        "reason": row["reason"],
        "correct": bool(row["correct"]),
        "finish": row["finish"],
        "masked": bool(row["masked"]),
        "advantage": [None if a is None else round(a, 4) for a in advantage],
        "text": shortened(row["completion"]),
        "length": n,
        "gap": HEAD if gap else None,
        "tokens": pieces.places_of((text or "", is_so) for text, is_so in told),
        **{name: thousandths(row[name]) for name in ("old", "anchor", "ref")},
    }


def parts_of(text: str | None) -> dict[str, float]:
    """The named parts of a reward, from their JSON; empty where there are none to read."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(k): v for k, v in ((k, finite(v)) for k, v in pairs) if v is not None}


def shortened(text: str | None) -> str:
    """A text as it is, or its beginning and end where it is very long."""
    text, half = text or "", MOST_CHARACTERS // 2
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def sentence(rounds: list[Json], files: int, unread: list[str]) -> str:
    """What the page holds and what it leaves out."""
    if not rounds and not unread:
        return "No round has been sampled yet." if not files else "The rounds so far are empty."
    count = sum(len(g["rows"]) for r in rounds for g in r["groups"])
    of_rows = sum(r["of_rows"] for r in rounds)
    part = f"{count:,} of the {of_rows:,}" if of_rows > count else f"all {count:,}"
    some = f"{len(rounds)} of " if files > len(rounds) else ""
    text = f"{part} completions of {some}{counted(files, 'round')}"
    if files > len(rounds) or of_rows > count:
        text += "; the run’s rollouts folder holds them all"
    gaps = any(row["gap"] for r in rounds for g in r["groups"] for row in g["rows"])
    text += f"; of long ones the first {HEAD} and last {TAIL} tokens" if gaps else ""
    text += f"; not readable (still being written?): {', '.join(unread)}" if unread else ""
    return f"Here: {text}."
