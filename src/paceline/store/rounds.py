"""Rounds on disk: one parquet file each, complete and fsynced before the round's first update, so
that between two updates of a round the file holds the round's state."""

import io
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from ..errors import DataError
from ..model import Detokenizer
from ..objective import Criterion
from ..types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from ..verify.answers.form import opened_in
from . import atomic
from .atomic import Written
from .base import of_file
from .rollout_row import RolloutRow, rows_of, table_of


def write_round(path: Path, round: Round, loss: Criterion, tokenizer: Any, step: int) -> Written:
    """Write every rollout of a round: one row each, floats in float32.

    Args:
        loss: a resolved loss; gives the advantages as the updates will see them.
        step: the first optimizer step that will train on the round.
    """
    import pyarrow.parquet

    file = io.BytesIO()
    table = table_of(round_rows(round, loss, tokenizer, step))
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return atomic.replace(path, [file.getbuffer()])


def read_round(path: Path, problem_at: Callable[[int], Problem] | None = None) -> Round:
    """The round that `write_round` wrote, number for number.

    Args:
        problem_at: returns the problem at a position of the stream: a file holds the question, not
            the row's other columns. None makes problems of their ids and answers alone.

    Raises: DataError if it asked problems that the task does not have; RecordError if this version
        cannot read its columns; pyarrow.ArrowException or OSError for a file that is damaged.
    """
    import pyarrow.parquet

    def asked(row: RolloutRow) -> Problem:
        if problem_at is None:
            return Problem(row.problem_id, "", row.answer)
        problem = problem_at(row.draw)
        if problem.id != row.problem_id:
            raise DataError(
                f"'{path}' asked problem {row.problem_id} at place {row.draw}, where the "
                f"task has {problem.name} now; put the old problems back."
            )
        return problem

    with of_file(path):
        rows = rows_of(pyarrow.parquet.read_table(path))
    return Round(
        rows[0].round,
        tuple(_groups(rows, asked)),
        anchor=_floats([row.anchor for row in rows]),
        ref=_floats([row.ref for row in rows]),
        values=_floats([row.values for row in rows]),
    )


def _groups(rows: Sequence[RolloutRow], asked: Callable[[RolloutRow], Problem]) -> Iterator[Group]:
    for draw, of_group in groupby(rows, key=lambda row: row.draw):
        group = list(of_group)
        problem = asked(group[0])
        rollouts = tuple(
            Rollout(problem, _completion(row), _verdict(row), row.masked) for row in group
        )
        yield Group(problem, Prompt(tuple(group[0].prompt_ids)), rollouts, draw)


def _completion(row: RolloutRow) -> Completion:
    return Completion(
        tuple(row.token_ids),
        tuple(row.old),
        row.completion,
        row.finish,
        row.policy_version,
        None if row.sampled is None else tuple(row.sampled),
        opened_in(row.prompt),
    )


def _verdict(row: RolloutRow) -> Verdict:
    return Verdict(row.reward, json.loads(row.parts), row.reason, row.correct)


def _floats(column: Sequence[Sequence[float] | None]) -> tuple[array, ...] | None:
    """A column with a list in each row; None where the rows have none."""
    present = [array("f", row) for row in column if row is not None]
    return tuple(present) if len(present) == len(column) else None


def round_rows(round: Round, loss: Criterion, tokenizer: Any, step: int) -> list[RolloutRow]:
    """The rows of a round's file, group after group; arguments as of `write_round`."""
    advantages = _advantages(loss.advantages(round), round.lengths)
    detokenizer = Detokenizer(tokenizer)
    rows: list[RolloutRow] = []
    for group in round.groups:
        prompt = tokenizer.decode(group.prompt_ids)
        for index, rollout in enumerate(group.rollouts):
            completion, verdict, place = rollout.completion, rollout.verdict, len(rows)
            pieces = detokenizer.pieces(completion.token_ids)
            rows.append(
                RolloutRow(
                    round=round.index,
                    step=step,
                    draw=group.draw,
                    index=index,
                    policy_version=completion.policy_version,
                    problem_id=group.problem.id,
                    problem_row=group.problem.row,
                    prompt=prompt,
                    answer=group.problem.answer,
                    completion=completion.text,
                    parts=json.dumps(dict(verdict.parts), ensure_ascii=False),
                    reason=verdict.reason,
                    finish=completion.finish,
                    prompt_ids=group.prompt_ids,
                    token_ids=completion.token_ids,
                    tokens=pieces.texts,
                    old=completion.logprobs,
                    anchor=None if round.anchor is None else round.anchor[place],
                    ref=None if round.ref is None else round.ref[place],
                    values=None if round.values is None else round.values[place],
                    advantage=advantages[place],
                    reward=verdict.reward,
                    correct=verdict.solved,
                    masked=rollout.masked,
                    special=pieces.special,
                    sampled=completion.sampled,
                )
            )
    return rows


def _advantages(advantage: torch.Tensor, lengths: Sequence[int]) -> list[list[float]]:
    """The advantages: one number a row, or one a token."""
    if advantage.ndim == 1:
        return [[a] for a in advantage.tolist()]
    return [row[:n] for row, n in zip(advantage.tolist(), lengths, strict=True)]
