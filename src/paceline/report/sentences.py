"""The report's sentences: numbers as people read them, the verdict, the objective in words."""

import math
from collections.abc import Sequence

from ..config import describe_objective
from ..diagnostics import Diagnosis
from ..errors import UserError
from ..store.base import Json, finite
from ..store.records import Measured
from ..text import counted
from .read import RunRecord

THIN = "\u202f"
"""A narrow space that does not break, between a number and its unit."""


def percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}{THIN}%"


def span(low: float, high: float) -> str:
    """An interval of shares, e.g. 74.6–81.8 %."""
    return f"{low * 100:.1f}–{high * 100:.1f}{THIN}%"


def points(low: float, high: float) -> str:
    """An interval of a difference of shares, e.g. +70.9 to +79.0."""
    return f"{signed(low)} to {signed(high)}"


def signed(share: float) -> str:
    """A difference of shares in percentage points, with a true minus sign."""
    tenths = round(share * 1000) / 10
    return f"{'+' if tenths > 0 else '−' if tenths < 0 else '±'}{abs(tenths):.1f}"


def quantity(value: float) -> str:
    """Three significant digits, thousands grouped: 1,240 · 0.0123 · 3.1 · 1.8e+41."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 100 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"


def span_of_steps(found: Diagnosis) -> str:
    """Example: steps 31–46, with a space that does not break."""
    if found.first == found.last:
        return f"step{THIN}{found.first:,}"
    return f"steps{THIN}{found.first:,}–{found.last:,}"


def change_interval(
    before: float, after: float, spans: tuple[Sequence[float], Sequence[float]]
) -> tuple[float, float]:
    """The interval of after − before from the two intervals, taken as independent.

    Newcombe, Statistics in Medicine 17 (1998) 873–890, method 10. Both evaluations use the same
    problems, so that the true interval is as a rule narrower.
    """
    (low_1, high_1), (low_2, high_2) = spans
    return (
        after - before - math.hypot(after - low_2, high_1 - before),
        after - before + math.hypot(high_2 - after, before - low_1),
    )


def measured(side: Measured | None, metric: str) -> tuple[float | None, tuple[float, float]]:
    """A metric before or after, with its interval (nan where it has none)."""
    if side is None:
        return None, (math.nan, math.nan)
    low, high = side.intervals.get(metric) or (math.nan, math.nan)
    return finite(getattr(side, metric)), (low, high)


def verdict(run: RunRecord) -> str:
    """One sentence from the numbers: what the run did, or how far it is."""
    if not run.metrics:
        return "No step has been finished yet."
    if run.summary is None or run.state == "going":
        return verdict_so_far(run, "Not finished:", "so far")
    if run.state != "finished":
        return verdict_so_far(run, f"{run.state.title()} after", "")
    for metric in ("sampled_accuracy", "greedy_accuracy"):
        before, span_1 = measured(run.before, metric)
        after, span_2 = measured(run.after, metric)
        if before is not None and after is not None:
            break
    else:
        return (
            f"Finished {counted(len(run.metrics), 'step')}; nothing was measured before and after."
        )
    name = "Sampled" if metric == "sampled_accuracy" else "Greedy"
    assert run.after is not None
    where = f" on {counted(run.after.n, 'held-out problem', ',')}"
    known = not math.isnan(span_2[0])
    interval = f" (95{THIN}% interval {span(*span_2)})" if known else ""
    time = f" in {duration(run.summary.seconds)}"
    low, high = change_interval(before, after, (span_1, span_2))
    verb = "fell" if high < 0 else "went"
    doubt = (
        "; the interval of the change includes zero, so this run alone does not show that"
        " training changed it"
        if low <= 0 <= high
        else ""
    )
    return (
        f"{name} accuracy{where} {verb} from {percent(before)} to {percent(after)}{interval}"
        f"{time}{doubt}."
    )


def verdict_so_far(run: RunRecord, start: str, end: str) -> str:
    """What can be said without a measurement after training: from the training completions."""
    steps = len(run.metrics)
    seconds = sum(s for s in run.column("seconds") if s is not None)
    so_far = f"{start} {counted(steps, 'step', ',')} in {duration(seconds)} {end}".strip()
    right = [a for a in run.column("accuracy") if a is not None]
    if len(right) < 2:
        return f"{so_far}."
    few = max(1, min(5, len(right) // 2))
    first, last = sum(right[:few]) / few, sum(right[-few:]) / few
    over = f"the first {few} steps to" if few > 1 else "the first step to"
    return (
        f"{so_far}; the share of right training completions went from"
        f" {percent(first)} in {over} {percent(last)} in the last{f' {few}' if few > 1 else ''}."
    )


def objective_in_words(config: Json) -> str:
    """The objective of a run's config.json in one sentence; as it is written where it has none."""
    try:
        return describe_objective(config.get("config") or {})
    except UserError:
        return str(config.get("objective") or "")
