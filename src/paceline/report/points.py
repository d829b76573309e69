"""The points of curves: a step each, or neighbouring steps of a long run together; and the
measurements among them."""

from collections.abc import Callable
from statistics import fmean

from ..store.records import Measured
from ..store.snapshot import RunSnapshot
from .elements import Column

MOST_POINTS = 1000
"""Longer runs are drawn by bins of neighbouring steps, so that the page stays small."""


def measurements(run: RunSnapshot) -> list[tuple[int, Measured]]:
    """Every measurement on held-out problems, with the step after which it was made."""
    first, last = run.steps[0], run.steps[-1]
    places = [(first - 1, run.before), (last, run.after)]
    between = [(record.step, record.evaluation) for record in run.metrics]
    if run.after:  # measured at the same step
        between = [(x, measured) for x, measured in between if x != last]
    every = sorted(places + between, key=lambda place: place[0])
    return [(x, measured) for x, measured in every if measured is not None]


def binned(values: Column, how: Callable[[list[float]], float] = fmean) -> Column:
    """At most MOST_POINTS values with five digits: neighbouring steps become one point."""
    size = bin_size(len(values))
    cut = [values[i : i + size] for i in range(0, len(values), size)]
    known = [[v for v in part if v is not None] for part in cut]
    return [float(f"{how(part):.5g}") if part else None for part in known]


def bin_size(steps: int) -> int:
    """Steps of a point, for a run of so many."""
    return -(-steps // MOST_POINTS)
