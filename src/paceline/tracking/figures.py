"""The parts of a run's records that are sent to trackers: every number, under the name that it has
in the run's files, and the completions of one problem of each round."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..store.base import Record, finite
from ..store.records import Measured, StepRecord
from ..text import abridged
from .tracker import Completions, Figures

NOT_FIGURES = ("unknown", "absent", "step", "evaluation", "reasons")
"""Fields of records that are no figures: reasons of verdicts are sentences, and stand in the
table."""
COLUMNS = (
    "prompt", "answer", "completion", "reward", "correct", "verdict", "advantage", "finish",
)  # fmt: skip
"""Columns of the table of completions."""
COLUMNS_READ = (
    "draw", "prompt", "answer", "completion", "reward", "correct", "reason", "advantage", "finish",
)  # fmt: skip
"""Columns of a round's file that the table is made from: those of tokens are large."""
MOST_COMPLETIONS = 16
"""The most completions of a table: a group's first."""
MOST_CHARACTERS = 4000
"""The most characters of a cell."""


def figures_of_step(record: StepRecord) -> Figures:
    """Every number of a step.

    Example: {"train/reward": 0.7, "train/phases/sample": 2.1, …}
    """
    return _numbers(record, "train")


def figures_of_evaluation(measured: Measured) -> Figures:
    """Every number of a measurement on held-out problems, the ends of its intervals among them.

    Example: {"eval/sampled_accuracy": 0.77, "eval/sampled_accuracy_low": 0.73, …}
    """
    found = dict(_numbers(measured, "eval"))
    for name, ends in measured.intervals.items():
        for side, value in zip(("low", "high"), ends, strict=True):
            found[f"eval/{name}_{side}"] = value
    return found


def _numbers(record: Record, prefix: str) -> dict[str, float]:
    """The finite numbers of a record, and those in its mappings; true is 1."""
    found: dict[str, Any] = {}
    for one in fields(record):
        if one.name in NOT_FIGURES or one.name in record.absent:
            continue
        value = getattr(record, one.name)
        if isinstance(value, Mapping):
            found |= {f"{one.name}/{key}": inner for key, inner in value.items()}
        else:
            found[one.name] = int(value) if isinstance(value, bool) else value
    known = {f"{prefix}/{name}": finite(value) for name, value in found.items()}
    return {name: value for name, value in known.items() if value is not None}


def completions_of(rows: Sequence[Mapping[str, Any]]) -> Completions:
    """The completions of one problem of a round: the first whose rewards differ, from which the
    round has learned, or else the first.

    Args:
        rows: the round's completions, each with the columns of COLUMNS_READ.
    """
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["draw"], []).append(row)
    taught = (group for group in groups.values() if len({row["reward"] for row in group}) > 1)
    group = next(taught, next(iter(groups.values()), []))
    return Completions(COLUMNS, [_cells(row) for row in group[:MOST_COMPLETIONS]])


def _cells(row: Mapping[str, Any]) -> tuple[str | float | bool, ...]:
    texts = (
        abridged(row[name] or "", MOST_CHARACTERS) for name in ("prompt", "answer", "completion")
    )
    mean = sum(row["advantage"]) / max(1, len(row["advantage"]))  # one a token has a mean
    advantage = float(f"{mean:.4g}")  # a float32 in all its digits fills the cell
    return (*texts, row["reward"], row["correct"], row["reason"], advantage, row["finish"])
