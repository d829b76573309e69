"""The curves of a comparison: each a mean over seeds for every label, with a band around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ...report.curves import LINES, Line, shown
from ...report.elements import Chart, Column, CurveData, Plot, Term
from ...store.base import finite
from ...store.comparison import ComparisonRecord
from ...store.records import StepRecord
from .aggregate import Runs
from .kl import kl_of

MOST_POINTS = 400
"""Most points of a curve; in longer curves a point is the mean of several steps."""
ACCURACY = Line(
    "accuracy",
    "Training accuracy",
    lambda step: step.accuracy,
    "Right completions of the training problems.",
    "percent",
)
"""The curve of training accuracy."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure, and the steps of its points."""

    steps: tuple[int, ...]
    chart: Chart


def drawn(panels: Sequence[Panel]) -> list[CurveData]:
    """Data that the page's script draws: figures with the same steps share them, and a cursor."""
    by_steps: dict[tuple[int, ...], list[Plot]] = {}
    for panel in panels:
        by_steps.setdefault(panel.steps, []).append(panel.chart.plot)
    return [CurveData(steps, 1, plots) for steps, plots in by_steps.items()]


def held_out(data: ComparisonRecord) -> Panel:
    """The figure of held-out accuracy, with t intervals."""
    curves = {label: one.curve for label, one in data.objectives.items()}
    steps = tuple(sorted({step for curve in curves.values() for step in curve.steps}))

    def at(places: Sequence[int], values: Sequence[float | None]) -> Column:
        known = dict(zip(places, values, strict=True))
        return [known.get(step) for step in steps]

    plot = Plot(
        id="accuracy",
        unit="percent",
        series=[(label, at(c.steps, c.mean)) for label, c in curves.items()],
        bands=[(at(c.steps, c.low), at(c.steps, c.high)) for c in curves.values()],
        smooth=False,
        connect=True,
    )
    text = "Sampled answers; bands are 95\u202f% t intervals over seeds."
    return Panel(steps, Chart(plot, "Held-out accuracy", text, wide=True, legend_below=True))


def kl_to_start(runs: Runs) -> list[Panel]:
    """The figure of KL to the start, if it was measured for every run; a list of one figure, or of
    none."""
    points = {label: [kl_of(run) for run in of.values()] for label, of in runs.items()}
    every = [of for many in points.values() for of in many]
    if not all(every):
        return []
    # The steps that all runs were measured at: all of them, unless they differ in their rounds.
    steps = sorted(set.intersection(*({p.step for p in of} for of in every)))
    if len(steps) < 2:
        return []
    series, bands = [], []
    for label, many in points.items():
        at = [{p.step: p.kl for p in of} for of in many]
        columns: list[Column] = [[of[step] for step in steps] for of in at]
        mean, low, high = _mean_and_range(columns)
        series.append((label, mean))
        bands.append((low, high))
    text = "How far the policy has moved from its start, in nats a token, on its own completions."
    plot = Plot(id="panel-drift", unit="number", series=series, bands=bands, smooth=False)
    return [Panel(tuple(steps), Chart(plot, "KL to the start", text, legend_below=True))]


def panels(runs: Runs) -> tuple[list[Panel], list[Term]]:
    """Training's own curves: means over seeds, smoothed, with the range of the seeds; and what
    never changed in any run."""
    lines = {label: [list(run.records()) for run in of.values()] for label, of in runs.items()}
    length = max(len(of) for many in lines.values() for of in many)
    size = -(-length // MOST_POINTS)
    steps = tuple(min(i + size, length) for i in range(0, length, size))
    found, constant = list[Panel](), list[Term]()
    for line in (ACCURACY, *(one for one in LINES if one.compared)):
        columns = {
            label: [_column(of, line, length, size) for of in many] for label, many in lines.items()
        }
        every = [column for many in columns.values() for column in many]
        if not any(value is not None for column in every for value in column):
            continue
        if same := _the_same(every, line):
            constant.append(Term(line.title, same))
        else:
            found.append(_panel(line, steps, columns))
    return found, constant


def _the_same(every: Sequence[Column], line: Line) -> str | None:
    """The value in words, if it never changed, or changed alike in all runs."""
    known = [value for column in every for value in column if value is not None]
    if max(known) - min(known) <= 1e-9 * max(1e-6, abs(known[0])):
        return shown(known[0], line.unit)
    if all(column == every[0] for column in every):
        first, last = (shown(known[i], line.unit) for i in (0, -1))
        return f"from {first} to {last}, step by step the same"
    return None


def _panel(line: Line, steps: tuple[int, ...], columns: Mapping[str, Sequence[Column]]) -> Panel:
    made = [_mean_and_range(many, smooth=line.smooth) for many in columns.values()]
    plot = Plot(
        id=f"panel-{line.id}",
        unit=line.unit,
        series=[(label, mean) for label, (mean, _, _) in zip(columns, made, strict=True)],
        bands=[(low, high) for _, low, high in made],
        smooth=False,
    )
    return Panel(steps, Chart(plot, line.title, line.text.partition(" Bad:")[0], legend_below=True))


def _column(steps: Sequence[StepRecord], line: Line, length: int, size: int) -> Column:
    """A metric of one run, one value a point; a missing value is the mean of its neighbours."""
    values = [finite(line.of(one)) for one in steps] + [None] * (length - len(steps))
    return [_of(values[i : i + size], line.bin) for i in range(0, length, size)]


def _of(values: Sequence[float | None], how: Callable[[list[float]], float]) -> float | None:
    known = [v for v in values if v is not None]
    return how(known) if known else None


def _mean_and_range(
    columns: Sequence[Column], *, smooth: bool = True
) -> tuple[Column, Column, Column]:
    """Means over runs, and the lowest and highest of them.

    Args:
        smooth: True takes means of neighbouring steps; False if single steps matter.
    """
    at = [[v for v in place if v is not None] for place in zip(*columns, strict=True)]
    found = []
    for how in (fmean, min, max):
        values = [how(known) if known else None for known in at]
        found.append(_smooth(values, len(values) // 40 if smooth else 0))
    return found[0], found[1], found[2]


def _smooth(values: Column, half: int) -> Column:
    """Means of each value, with so many neighbours on both sides, in five digits."""
    near = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    means = (_of(some, fmean) for some in near)
    return [None if v is None else float(f"{v:.5g}") for v in means]
