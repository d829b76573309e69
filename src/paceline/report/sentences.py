"""The report's sentences: numbers as people read them, the verdict, the objective in words."""

import math

from ..config import describe_objective
from ..diagnostics import Diagnosis
from ..errors import UserError
from ..stats import change_interval
from ..store.base import Json, finite
from ..store.records import Measured
from ..store.snapshot import RunSnapshot
from ..text import THIN, counted, duration, percent_range, thin_percent


def span_of_steps(found: Diagnosis) -> str:
    """Example: steps 31–46, with a space that does not break."""
    if found.first == found.last:
        return f"step{THIN}{found.first:,}"
    return f"steps{THIN}{found.first:,}–{found.last:,}"


def measured(side: Measured | None, metric: str) -> tuple[float | None, tuple[float, float]]:
    """A metric before or after, with its interval (nan where it has none)."""
    if side is None:
        return None, (math.nan, math.nan)
    low, high = side.intervals.get(metric) or (math.nan, math.nan)
    return finite(getattr(side, metric)), (low, high)


def verdict(run: RunSnapshot) -> str:
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
    interval = f" (95{THIN}% interval {percent_range(*span_2)})" if known else ""
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
        f"{name} accuracy{where} {verb} from {thin_percent(before)} to {thin_percent(after)}"
        f"{interval}{time}{doubt}."
    )


def verdict_so_far(run: RunSnapshot, start: str, end: str) -> str:
    """The verdict from the training completions, without a measurement after training."""
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
        f" {thin_percent(first)} in {over} {thin_percent(last)} in the last"
        f"{f' {few}' if few > 1 else ''}."
    )


def objective_in_words(config: Json) -> str:
    """The objective of a run's config.json in one sentence; as it is written where it has none."""
    try:
        return describe_objective(config.get("config") or {})
    except UserError:
        return str(config.get("objective") or "")
