"""The small records that pages are made of. Macros of templates/elements.html show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Column = Sequence[float | None]
Unit = Literal["percent", "number", "tokens", "seconds"]
Tone = Literal["", "odd", "bad"]


@dataclass(frozen=True, slots=True)
class Term:
    """A row of a list: a name, and what is said of it.

    Example: Term("Model", "SmolLM2-135M-Instruct")
    """

    name: str
    text: str
    value: str = ""
    """A figure that stands out before the text."""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading.

    Example: Section("Machine", (Term("device", "cpu"), Term("threads", "2")))
    """

    title: str
    rows: Sequence[Term]


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell.

    Example: Cell("After", "78.4 %", "74.6–81.8 %")
    """

    label: str
    """Name of its column, which narrow screens show beside it."""
    value: str
    small: str = ""
    """Figure below the value, such as its interval."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A line of a strip, between two shares of its width.

    Example: Stretch("range after", 0.746, 0.818)
    """

    kind: str
    """Classes of the line."""
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A dot of a strip, at a share of its width.

    Example: Spot("after", 0.784, 4.5)
    """

    kind: str
    at: float
    radius: float


@dataclass(frozen=True, slots=True)
class Strip:
    """A line from 0 to 100 % with values on it, and their intervals."""

    height: int
    stretches: Sequence[Stretch]
    spots: Sequence[Spot]


@dataclass(frozen=True, slots=True)
class Dot:
    """A held-out measurement in a plot.

    Example: Dot(80, 0.784, "held out, sampled", 0.746, 0.818)
    """

    x: int
    """The step."""
    y: float
    label: str
    low: float | None
    """The lower end of its interval, where one is known."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure's numbers: charts.js draws them."""

    id: str
    unit: Unit
    series: Sequence[tuple[str, Column]]
    """(label, one value a point); stacked ones from bottom to top."""
    bands: Sequence[tuple[Column, Column]] = ()
    """(low, high) of each series; empty for none."""
    stacked: bool = False
    log: bool = False
    smooth: bool = True
    """True where the thick line is a mean of neighbours; not where single steps matter."""
    connect: bool = False
    """True where lines go on over points that a series lacks."""
    dots: Sequence[Dot] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure: its words stand in the page, its numbers in the page's data."""

    plot: Plot
    title: str
    text: str
    """One or two short sentences: what it shows and what would be bad."""
    note: str = ""
    """The sense of these very numbers, where that is odd or bad."""
    tone: Tone = ""
    """The degree of badness; the class of the note."""
    wide: bool = False
    legend_below: bool = False


@dataclass(frozen=True, slots=True)
class CurveData:
    """Plots that have their steps, and so a cursor, in common."""

    steps: Sequence[int]
    window: int
    """Neighbouring points in a thick line's mean; 1 is none."""
    charts: Sequence[Plot]
