"""Rounds on disk: one parquet file each, complete and fsynced before the round's first update, so
that between two updates of a round the file holds the round's state."""

import io
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from ..errors import DataError
from ..model import Detokenizer
from ..objective import Loss
from ..types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict
from ..verify.answers.form import opened_in
from . import atomic
from .atomic import Written

COLUMNS = {
    "round": ("int64", "The round's number, from 0."),
    "step": ("int64", "The first optimizer step that trained on the round."),
    "draw": ("int64", "The place in the stream of problems at which the problem was drawn."),
    "index": ("int64", "The place of the completion in its group, from 0."),
    "policy_version": ("int64", "How many updates the sampling weights had seen."),
    "problem_id": ("string", "The problem's name: a hash of its content, or the row's own."),
    "problem_row": ("string", "Where the problem was read, such as `row 17`; empty elsewhere."),
    "prompt": ("string", "The prompt as the model read it, decoded."),
    "answer": ("string", "The expected answer."),
    "completion": ("string", "The decoded completion, without special tokens."),
    "parts": ("string", "The named parts of the reward, before weighting, as JSON."),
    "reason": ("string", "Why the verifier said so, in one sentence."),
    "finish": ("string", "`stop`, or `length` for a completion that was cut."),
    "prompt_ids": ("list<int32>", "The tokens of the prompt."),
    "token_ids": ("list<int32>", "The tokens of the completion, the stop token included."),
    "tokens": ("list<string>", "The text that each token adds to the completion."),
    "old": ("list<float>", "The engine's log-probability of each token, when it sampled."),
    "anchor": (
        "list<float>",
        "The trainer's log-probability of each token at the start of the round; null where "
        "nothing reads it, as in a round that serves one update.",
    ),
    "ref": ("list<float>", "The reference's log-probability; null without a KL term."),
    "advantage": ("list<float>", "The advantage: one number a completion, or one a token."),
    "reward": ("double", "The reward, as the verifier gave it."),
    "correct": ("bool", "Whether the answer was right."),
    "masked": ("bool", "Whether the completion gives no gradient (`rollouts.mask_cut`)."),
    "special": ("list<bool>", "Which tokens are special tokens of the model."),
    "sampled": ("list<bool>", "Which tokens the model sampled itself; null for all of them."),
}
"""Column of a round's file -> its type, and its meaning."""


def write_round(path: Path, round: Round, loss: Loss, tokenizer: Any, step: int) -> Written:
    """Write every rollout of a round: one row each, floats in float32.

    Args:
        loss: a resolved loss; gives the advantages as the updates will see them.
        step: the first optimizer step that will train on the round.
    """
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pydict(columns(round, loss, tokenizer, step), schema=_schema())
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return atomic.replace(path, [file.getbuffer()])


def read_round(path: Path, problem_at: Callable[[int], Problem] | None = None) -> Round:
    """The round that `write_round` wrote, number for number.

    Args:
        problem_at: returns the problem at a position of the stream: a file holds the question, not
            the row's other columns. None makes problems of their ids and answers alone.

    Raises: DataError if it asked problems that the task does not have.
    """
    import pyarrow.parquet

    def asked(row: Mapping[str, Any]) -> Problem:
        if problem_at is None:
            return Problem(row["problem_id"], "", row["answer"])
        problem = problem_at(row["draw"])
        if problem.id != row["problem_id"]:
            raise DataError(
                f"'{path}' asked problem {row['problem_id']} at place {row['draw']}, where the "
                f"task has {problem.name} now; put the old problems back."
            )
        return problem

    rows = pyarrow.parquet.read_table(path).to_pylist()
    groups = tuple(_groups(rows, asked))
    return Round(
        rows[0]["round"],
        groups,
        anchor=_floats(rows, "anchor"),
        ref=_floats(rows, "ref"),
    )


def _groups(
    rows: Sequence[dict[str, Any]], asked: Callable[[dict[str, Any]], Problem]
) -> Iterator[Group]:
    for draw, of_group in groupby(rows, key=lambda row: row["draw"]):
        group = list(of_group)
        problem = asked(group[0])
        rollouts = tuple(
            Rollout(problem, _completion(row), _verdict(row), row["masked"]) for row in group
        )
        yield Group(problem, Prompt(tuple(group[0]["prompt_ids"])), rollouts, draw)


def _completion(row: dict[str, Any]) -> Completion:
    sampled = row["sampled"]
    return Completion(
        tuple(row["token_ids"]),
        tuple(row["old"]),
        row["completion"],
        row["finish"],
        row["policy_version"],
        None if sampled is None else tuple(sampled),
        opened_in(row["prompt"]),
    )


def _verdict(row: dict[str, Any]) -> Verdict:
    return Verdict(row["reward"], json.loads(row["parts"]), row["reason"], row["correct"])


def _floats(rows: Sequence[dict[str, Any]], name: str) -> tuple[array, ...] | None:
    if rows[0][name] is None:
        return None
    return tuple(array("f", row[name]) for row in rows)


def columns(round: Round, loss: Loss, tokenizer: Any, step: int) -> dict[str, list]:
    """The columns of a round's file, by name."""
    advantage_B: torch.Tensor = loss.advantages(round)
    groups = [g for g in round.groups for _ in g.rollouts]
    rollouts = round.rollouts
    prompts = {g.draw: tokenizer.decode(g.prompt_ids) for g in round.groups}
    completions = [r.completion for r in rollouts]
    detokenizer = Detokenizer(tokenizer)
    pieces = [detokenizer.pieces(c.token_ids) for c in completions]
    return {
        "round": [round.index] * len(rollouts),
        "step": [step] * len(rollouts),
        "draw": [g.draw for g in groups],
        "index": [i for g in round.groups for i in range(len(g.rollouts))],
        "problem_id": [g.problem.id for g in groups],
        "problem_row": [g.problem.row for g in groups],
        "prompt": [prompts[g.draw] for g in groups],
        "prompt_ids": [list(g.prompt_ids) for g in groups],
        "answer": [g.problem.answer for g in groups],
        "completion": [c.text for c in completions],
        "token_ids": [list(c.token_ids) for c in completions],
        "tokens": [list(p.texts) for p in pieces],
        "special": [list(p.special) for p in pieces],
        "old": [list(c.logprobs) for c in completions],
        "anchor": _optional(round.anchor, len(rollouts)),
        "ref": _optional(round.ref, len(rollouts)),
        "reward": [r.verdict.reward for r in rollouts],
        "parts": [json.dumps(dict(r.verdict.parts), ensure_ascii=False) for r in rollouts],
        "reason": [r.verdict.reason for r in rollouts],
        "correct": [r.verdict.solved for r in rollouts],
        "finish": [c.finish for c in completions],
        "advantage": _advantages(advantage_B, round.lengths),
        "masked": [r.masked for r in rollouts],
        "sampled": [None if c.sampled is None else list(c.sampled) for c in completions],
        "policy_version": [c.policy_version for c in completions],
    }


def _advantages(advantage: torch.Tensor, lengths: Sequence[int]) -> list[list[float]]:
    """The advantages: one number a row, or one a token."""
    if advantage.ndim == 1:
        return [[a] for a in advantage.tolist()]
    return [row[:n] for row, n in zip(advantage.tolist(), lengths, strict=True)]


def _optional(column: Sequence[Sequence[float]] | None, rows: int) -> list:
    return [None] * rows if column is None else [list(c) for c in column]


def _schema() -> Any:
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "string": pa.string(),
        "list<int32>": pa.list_(pa.int32()),
        "list<float>": pa.list_(pa.float32()),
        "list<string>": pa.list_(pa.string()),
        "list<bool>": pa.list_(pa.bool_()),
    }
    return pa.schema([(name, types[kind]) for name, (kind, _) in COLUMNS.items()])
