"""What is measured of a step, as one line of metrics.jsonl."""

from collections.abc import Iterable, Mapping
from typing import Any

import psutil
import torch

from ..training import Report
from ..training.sample import reasons
from .watch import repeated_mistakes
from .watch.figures import finite

OF_ROUNDS = ("groups_refused", "groups_lost", "prompts_too_long", "groups_without_signal")
OF_STEPS = {"skipped": "steps_skipped", "rows_trained": "steps_without_signal"}
OF_EVENTS = {
    "resumed": "resumes", "memory": "out_of_memory", "not saved": "checkpoints_failed",
    "stuck": "stuck", "worker": "workers_restarted",
}  # fmt: skip
"""Kinds of events -> the counters of the summary."""


def line(report: Report) -> dict[str, Any]:
    """The step as plain JSON: null where there is no such number.

    `reward`, `accuracy`, `completion_tokens`, `cut` and the groups are of the whole round; with
    several parts a round, its steps share them. `accuracy_refused` is of the groups that were set
    aside, which belong to no round: null where there are none.
    """
    round, metrics = report.drawn.round, report.metrics
    rollouts = round.rollouts
    n = len(rollouts)
    cut = sum(r.completion.finish == "length" for r in rollouts)
    tokens = sum(round.lengths)
    sampling = report.seconds.get("sample")
    return {
        "step": report.step,
        "round": round.index,
        "part": report.part,
        "reward": sum(round.rewards) / n,
        "accuracy": sum(r.verdict.solved for r in rollouts) / n,
        "completions": n,
        "completion_tokens": tokens / n,
        "cut": cut / n,
        "empty": sum(not r.completion.text.strip() for r in rollouts) / n,
        "stop_reasons": {"stop": n - cut, "length": cut},
        "reasons": reasons(round),
        "repeated_mistakes": repeated_mistakes(round),
        "groups": len(round.groups),
        "groups_without_signal": sum(not g.has_signal for g in round.groups),
        "groups_refused": report.drawn.refused,
        "accuracy_refused": report.drawn.refused_accuracy,
        "groups_lost": len(report.drawn.lost),
        "prompts_too_long": report.drawn.too_long,
        "rows": report.rows,
        "rows_trained": report.rows_trained,
        "grad_norm": finite(report.stepped.grad_norm),
        "skipped": report.stepped.skipped,
        "lr": report.stepped.lr,
        "entropy": finite(metrics.entropy),
        "kl": finite(metrics.kl),
        "ratio_max": finite(metrics.ratio_max) if metrics.tokens else None,
        "clip_fraction": finite(metrics.clip_fraction),
        "mismatch": finite(metrics.mismatch),
        "tokens_per_second": tokens / sampling if sampling else None,
        "memory_gb": memory_gb(),
        "seconds": sum(report.seconds.values()),
        "phases": report.seconds,
    }


TIMED = ("seconds", "phases", "tokens_per_second", "memory_gb")
"""What is measured of the machine, and so differs between two runs that are the same."""


def untimed(line: Mapping[str, Any]) -> dict[str, Any]:
    """A step's line without what no run repeats."""
    kept = {key: value for key, value in line.items() if key not in TIMED}
    if kept.get("evaluation"):
        kept["evaluation"] = {k: v for k, v in kept["evaluation"].items() if k not in TIMED}
    return kept


def counters_of(
    lines: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
) -> dict[str, int]:
    """What was skipped, dropped or went wrong in a run, counted from what it has written."""
    counted = dict.fromkeys((*OF_ROUNDS, *OF_STEPS.values(), *OF_EVENTS.values()), 0)
    for line in lines:
        for key in OF_ROUNDS if line["part"] == 0 else ():  # the steps of a round share these
            counted[key] += line[key]
        for key, name in OF_STEPS.items():
            counted[name] += not line[key] if key == "rows_trained" else line[key]
    for event in events:
        if event["kind"] in OF_EVENTS:
            counted[OF_EVENTS[event["kind"]]] += 1
    return counted


def memory_gb() -> float:
    """Peak memory of the GPU if it is used, else what the process holds now; in 1e9 bytes."""
    if torch.cuda.is_initialized() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return psutil.Process().memory_info().rss / 1e9
