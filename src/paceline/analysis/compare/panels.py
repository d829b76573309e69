"""The curves of a comparison: each a mean over seeds for every label, with a band around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from ...report.curves import LINES, Line, shown
from ...store.base import Json, finite
from ...store.comparison import ComparisonRecord
from ...store.records import StepRecord
from .aggregate import Runs
from .kl import kl_of

Column = list[float | None]
MOST_POINTS = 400
"""Most points of a curve; in longer curves a point is the mean of several steps."""
ACCURACY = Line(
    "accuracy", "Training accuracy", "Right completions of the training problems.", "percent"
)
"""The curve of training accuracy."""
NO_SIGNAL = "no_signal"
"""Id of the report's curve of groups without signal, which a comparison does not show."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure: its text stands in the page, its numbers in the page's data."""

    id: str
    title: str
    text: str
    unit: Literal["percent", "number", "tokens"]
    steps: tuple[int, ...]
    series: tuple[tuple[str, Column], ...]
    """The lines: (label, one value a point)."""
    bands: tuple[tuple[Column, Column], ...]
    """The bands: (low, high) of each series."""
    sparse: bool = False
    """True if series may lack points that others have: lines continue over them."""

    def spec(self) -> Json:
        """The data that the page's script draws."""
        return {
            "id": self.id, "unit": self.unit, "series": self.series, "bands": self.bands,
            "stacked": False, "log": False, "smooth": False, "dots": [], "connect": self.sparse,
        }  # fmt: skip


def drawn(panels: Sequence[Panel]) -> list[Json]:
    """The data that the page's script draws: figures with the same steps share them, and a
    cursor."""
    by_steps: dict[tuple[int, ...], list[Panel]] = {}
    for panel in panels:
        by_steps.setdefault(panel.steps, []).append(panel)
    return [
        {"steps": steps, "window": 1, "charts": [panel.spec() for panel in of]}
        for steps, of in by_steps.items()
    ]


def held_out(data: ComparisonRecord) -> Panel:
    """The figure of held-out accuracy, with t intervals."""
    curves = {label: one.curve for label, one in data.objectives.items()}
    steps = tuple(sorted({step for curve in curves.values() for step in curve.steps}))

    def at(places: Sequence[int], values: Sequence[float | None]) -> Column:
        known = dict(zip(places, values, strict=True))
        return [known.get(step) for step in steps]

    return Panel(
        "accuracy",
        "Held-out accuracy",
        "Sampled answers; bands are 95\u202f% t intervals over seeds.",
        "percent",
        steps,
        tuple((label, at(c.steps, c.mean)) for label, c in curves.items()),
        tuple((at(c.steps, c.low), at(c.steps, c.high)) for c in curves.values()),
        sparse=True,
    )


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
    return [
        Panel("panel-drift", "KL to the start", text, "number", tuple(steps), tuple(series),
              tuple(bands))
    ]  # fmt: skip


def panels(runs: Runs) -> tuple[list[Panel], list[tuple[str, str]]]:
    """The curves of training: means over seeds, smoothed, with the range of the seeds; and (title,
    value) of every metric that never changed in any run."""
    lines = {label: [list(run.records()) for run in of.values()] for label, of in runs.items()}
    length = max(len(of) for many in lines.values() for of in many)
    size = -(-length // MOST_POINTS)
    steps = tuple(min(i + size, length) for i in range(0, length, size))
    found, constant = list[Panel](), list[tuple[str, str]]()
    for line in (ACCURACY, *(one for one in LINES if one.id != NO_SIGNAL)):
        columns = {
            label: [_column(of, line, length, size) for of in many] for label, many in lines.items()
        }
        every = [column for many in columns.values() for column in many]
        if not any(value is not None for column in every for value in column):
            continue
        if same := _the_same(every, line):
            constant.append((line.title, same))
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
    return Panel(
        f"panel-{line.id}",
        line.title,
        line.text.partition(" Bad:")[0],
        line.unit,
        steps,
        tuple((label, mean) for label, (mean, _, _) in zip(columns, made, strict=True)),
        tuple((low, high) for _, low, high in made),
    )


def _column(steps: Sequence[StepRecord], line: Line, length: int, size: int) -> Column:
    """A metric of one run, one value a point; a missing value is the mean of its neighbours."""
    values = [finite(getattr(one, line.id)) for one in steps] + [None] * (length - len(steps))
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
