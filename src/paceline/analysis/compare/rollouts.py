"""Rollouts of the same problem side by side: the answers of each objective's policy at the same
position of the stream of problems and with the same random numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import pyarrow as pa
import pyarrow.parquet as pq

from ...report.rollouts import spread
from ...store.base import Json, finite
from ...store.run import Run

MOST_ROUNDS = 6
"""Most rounds that the page shows."""
MOST_PROBLEMS = 4
"""Most problems of a round that the page shows."""
MOST_ROWS = 8
"""Most answers to a problem that the page shows."""
MOST_CHARACTERS = 1200
"""Most characters of an answer that the page shows."""


@dataclass(frozen=True, slots=True)
class _Row:
    """The fields of a completion that are read: columns of a round's file."""

    step: int
    draw: int
    prompt: str
    answer: str | None
    completion: str
    reward: float
    correct: bool
    finish: str


COLUMNS = [column.name for column in fields(_Row)]
"""Names of the columns that are read."""


def side_by_side(runs: Mapping[str, Mapping[int, Run]]) -> Json:
    """Some problems of some rounds of the first seed that all labels have, spread evenly: the
    choice depends on counts alone."""
    seeds = set.intersection(*(set(of) for of in runs.values()))
    empty: Json = {"seed": None, "rounds": []}
    if not seeds:
        return empty
    seed = min(seeds)
    chosen = {label: of[seed] for label, of in runs.items()}
    counts = [len(list(run.rollouts.glob("round-*.parquet"))) for run in chosen.values()]
    rounds = (_round(chosen, index) for index in spread(range(min(counts)), MOST_ROUNDS))
    return {"seed": seed, "rounds": [found for found in rounds if found]}


def _round(runs: Mapping[str, Run], index: int) -> Json | None:
    """Problems that all runs have in this round, with their answers."""
    try:
        rows = {
            label: _rows(pq.read_table(run.rollouts_of(index), columns=COLUMNS))
            for label, run in runs.items()
        }
    except (pa.ArrowException, OSError):
        return None
    asked = [{(row.draw, row.prompt) for row in of} for of in rows.values()]
    draws = {draw for draw, _ in set.intersection(*asked)}
    if not draws:
        return None
    some = next(iter(rows.values()))
    return {
        "round": index,
        "step": some[0].step if len({of[0].step for of in rows.values()}) == 1 else None,
        "problems": [_problem(rows, draw) for draw in spread(sorted(draws), MOST_PROBLEMS)],
    }


def _rows(table: pa.Table) -> list[_Row]:
    return [_Row(**row) for row in table.to_pylist()]


def _problem(rows: Mapping[str, Sequence[_Row]], draw: int) -> Json:
    of = {label: [row for row in many if row.draw == draw] for label, many in rows.items()}
    first = next(iter(of.values()))[0]
    return {
        "prompt": _cut(first.prompt),
        "answer": first.answer,
        "answers": {label: _answers(many) for label, many in of.items()},
    }


def _answers(rows: Sequence[_Row]) -> Json:
    """Some of the answers, and the number of right ones among all."""
    return {
        "rows": [_row(row) for row in rows[:MOST_ROWS]],
        "right": sum(bool(row.correct) for row in rows),
        "of": len(rows),
    }


def _row(row: _Row) -> Json:
    return {
        "text": _cut(row.completion),
        "reward": finite(row.reward),
        "correct": bool(row.correct),
        "cut": row.finish == "length",
    }


def _cut(text: str) -> str:
    half = MOST_CHARACTERS // 2
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"
