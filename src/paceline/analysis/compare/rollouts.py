"""Rollouts of the same problem side by side: the answers of each objective's policy at the same
position of the stream of problems and with the same random numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ...report.rollouts import spread
from ...store.base import RecordError, finite
from ...store.rollout_row import RolloutRow, rows_of
from ...store.run import Run
from ...text import abridged

MOST_ROUNDS = 6
"""Most rounds that the page shows."""
MOST_PROBLEMS = 4
"""Most problems of a round that the page shows."""
MOST_ROWS = 8
"""Most answers to a problem that the page shows."""
MOST_CHARACTERS = 1200
"""Most characters of an answer that the page shows."""


@dataclass(frozen=True, slots=True)
class AnswerData:
    """One answer."""

    text: str
    reward: float | None
    correct: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class AnswersData:
    """Some of a label's answers to a problem."""

    rows: Sequence[AnswerData]
    right: int
    """Right answers of all."""
    of: int
    """All answers."""


@dataclass(frozen=True, slots=True)
class ProblemData:
    """A problem that all labels met."""

    prompt: str
    answer: str | None
    answers: Mapping[str, AnswersData]
    """By label."""


@dataclass(frozen=True, slots=True)
class ComparedRound:
    """Problems of a round."""

    round: int
    step: int | None
    """None where the round is at different steps of the runs."""
    problems: Sequence[ProblemData]


@dataclass(frozen=True, slots=True)
class SideData:
    """Some problems of some rounds of one seed."""

    seed: int | None
    rounds: Sequence[ComparedRound]


def side_by_side(runs: Mapping[str, Mapping[int, Run]]) -> SideData:
    """Some problems of some rounds of the first seed that all labels have, spread evenly: the
    choice depends on counts alone."""
    seeds = set.intersection(*(set(of) for of in runs.values()))
    if not seeds:
        return SideData(None, ())
    seed = min(seeds)
    chosen = {label: of[seed] for label, of in runs.items()}
    counts = [len(list(run.rollouts.glob("round-*.parquet"))) for run in chosen.values()]
    rounds = (_round(chosen, index) for index in spread(range(min(counts)), MOST_ROUNDS))
    return SideData(seed, [found for found in rounds if found])


def _round(runs: Mapping[str, Run], index: int) -> ComparedRound | None:
    """Problems that all runs met in this round, with their answers."""
    try:
        rows = {
            label: rows_of(pq.read_table(run.rollouts_of(index))) for label, run in runs.items()
        }
    except (pa.ArrowException, OSError, RecordError):
        return None
    asked = [{(row.draw, row.prompt) for row in of} for of in rows.values()]
    draws = {draw for draw, _ in set.intersection(*asked)}
    if not draws:
        return None
    steps = {of[0].step for of in rows.values()}
    return ComparedRound(
        index,
        steps.pop() if len(steps) == 1 else None,
        [_problem(rows, draw) for draw in spread(sorted(draws), MOST_PROBLEMS)],
    )


def _problem(rows: Mapping[str, Sequence[RolloutRow]], draw: int) -> ProblemData:
    of = {label: [row for row in many if row.draw == draw] for label, many in rows.items()}
    first = next(iter(of.values()))[0]
    answers = {label: _answers(many) for label, many in of.items()}
    return ProblemData(abridged(first.prompt, MOST_CHARACTERS), first.answer, answers)


def _answers(rows: Sequence[RolloutRow]) -> AnswersData:
    right = sum(bool(row.correct) for row in rows)
    return AnswersData([_answer(row) for row in rows[:MOST_ROWS]], right, len(rows))


def _answer(row: RolloutRow) -> AnswerData:
    text = abridged(row.completion, MOST_CHARACTERS)
    return AnswerData(text, finite(row.reward), bool(row.correct), row.finish == "length")
