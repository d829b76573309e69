"""What is measured of a step, as one line of metrics.jsonl."""

from typing import Any

import psutil
import torch

from ..training import Report
from ..training.sample import reasons
from .watch import repeated_answers


def line(report: Report) -> dict[str, Any]:
    """The step as plain JSON: null where there is no such number.

    `reward`, `accuracy`, `completion_tokens`, `cut` and the groups are of the whole round; with
    several parts a round, its steps share them.
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
        "stop_reasons": {"stop": n - cut, "length": cut},
        "reasons": reasons(round),
        "repeated_answers": repeated_answers(round),
        "groups": len(round.groups),
        "groups_without_signal": sum(not g.has_signal for g in round.groups),
        "groups_refused": report.drawn.refused,
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


def finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and abs(value) < float("inf") else None


def memory_gb() -> float:
    """Peak memory of the GPU if it is used, else what the process holds now; in 1e9 bytes."""
    if torch.cuda.is_initialized() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return psutil.Process().memory_info().rss / 1e9
