"""The report's sentences: numbers as people read them, the verdict, the objective in words."""

import math
from collections.abc import Callable

from ..config import describe_objective
from ..diagnostics import Diagnosis
from ..errors import UserError
from ..stats import change_interval
from ..store.description import RunDescription
from ..store.records import Measured, Share
from ..store.snapshot import RunSnapshot
from ..text import THIN, counted, duration, percent_range, thin_percent


def span_of_steps(found: Diagnosis) -> str:
    """Example: steps 31–46, with a space that does not break."""
    if found.first == found.last:
        return f"step{THIN}{found.first:,}"
    return f"steps{THIN}{found.first:,}–{found.last:,}"


ShareOf = Callable[[Measured], Share | None]
"""A function that finds a share among what was measured; None where it was not."""
ACCURACIES: tuple[tuple[str, ShareOf], ...] = (
    ("Sampled", lambda side: side.sampled),
    ("Greedy", lambda side: side.greedy),
)
"""Names of the accuracies that are measured on held-out problems, and each one's place."""


def known(side: Measured | None, of: ShareOf) -> Share | None:
    """A share before or after; None where it was not measured."""
    share = side and of(side)
    return share if share and math.isfinite(share.value) else None


def verdict(run: RunSnapshot) -> str:
    """One sentence from the numbers: what the run did, or how far it is."""
    if not run.metrics:
        return "No step has been finished yet."
    if run.summary is None or run.state == "going":
        return verdict_so_far(run, "Not finished:", "so far")
    if run.state != "finished":
        return verdict_so_far(run, f"{run.state.title()} after", "")
    both = [
        (name, before, after)
        for name, of in ACCURACIES
        if (before := known(run.before, of)) and (after := known(run.after, of))
    ]
    if not both or run.after is None:
        return _likelihood(run)
    name, before, after = both[0]
    where = f" on {counted(run.after.n, 'held-out problem', ',')}"
    interval = f" (95{THIN}% interval {percent_range(*after.interval)})" if after.interval else ""
    time = f" in {duration(run.summary.seconds)}"
    low, high = change_interval(before.value, after.value, (before.bounds, after.bounds))
    verb = "fell" if high < 0 else "went"
    doubt = (
        "; the interval of the change includes zero, so this run alone does not show that"
        " training changed it"
        if low <= 0 <= high
        else ""
    )
    return (
        f"{name} accuracy{where} {verb} from {thin_percent(before.value)} to"
        f" {thin_percent(after.value)}{interval}{time}{doubt}."
    )


def _likelihood(run: RunSnapshot) -> str:
    """The verdict on a finished run whose answers nobody judged."""
    steps, before, after = counted(len(run.metrics), "step"), run.before, run.after
    if before and after and (first := before.ordered) and (last := after.ordered):
        return (
            f"{counted(after.pairs or after.n, 'held-out pair', ',')}: the share in order went "
            f"from {thin_percent(first.value)} to {thin_percent(last.value)} (95{THIN}% interval "
            f"{percent_range(*last.bounds)}) in {steps}; the longer one wins "
            f"{thin_percent(after.longer_wins or 0.0)} of them."
        )
    if before is None or after is None or before.nll is None or after.nll is None:
        return f"Finished {steps}; nothing was measured before and after."
    low, high = after.intervals["nll"]
    return (
        f"Negative log-likelihood of {counted(after.rows or after.n, 'held-out row', ',')} went "
        f"from {before.nll:.4f} to {after.nll:.4f} nats a token (95{THIN}% interval "
        f"{low:.4f}–{high:.4f}) in {steps}."
    )


def verdict_so_far(run: RunSnapshot, start: str, end: str) -> str:
    """The verdict from the training completions, without a measurement after training."""
    steps = len(run.metrics)
    seconds = sum(s for s in run.column(lambda step: step.seconds) if s is not None)
    so_far = f"{start} {counted(steps, 'step', ',')} in {duration(seconds)} {end}".strip()
    right = [a for a in run.column(lambda step: step.accuracy) if a is not None]
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


def objective_in_words(run: RunDescription) -> str:
    """The objective of a run in one sentence; as it is written where it has none."""
    try:
        return describe_objective(run.config)
    except UserError:
        return run.objective
