"""The page's bars: the weight of each completion, a line for every objective."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .conclusions import share
from .record import Effect, MeasuredObjective, Replay
from .token_data import ReaderData


@dataclass(frozen=True, slots=True)
class Bar:
    """A completion's weight, in percent of the line's width and height."""

    kind: str
    """up or down: whether it is made more probable, or less."""
    group: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of an objective."""

    name: str
    spoken: str
    """Description for those who do not see it."""
    line: str
    """Height of the line, in percent."""
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A group's number below its middle, in percent of the width."""

    x: str
    text: str


@dataclass(frozen=True, slots=True)
class WeightBars:
    """The bars of all completions that the page holds, a line for every objective."""

    none: str = ""
    """Sentence that stands there where no completion is shown."""
    lines: tuple[Bars, ...] = ()
    numbers: tuple[Number, ...] = ()
    longest: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a completion's bar, in percent of the width."""

    group: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The conversion of shares to percent of the height."""

    up: float
    """The largest share above the line."""
    down: float

    @classmethod
    def of(cls, lines: Sequence[Sequence[float]]) -> "Scale":
        """The scale that holds all of these shares."""
        every = [signed for line in lines for signed in line]
        return cls(max(0.0, *every), max(0.0, *(-signed for signed in every)))

    @property
    def line(self) -> float:
        """Height of the line itself."""
        return self.height(self.up)

    def height(self, signed: float) -> float:
        """Height of a bar."""
        return 100 * abs(signed) / ((self.up + self.down) or 1.0)


def weight_bars(replay: Replay, data: ReaderData) -> WeightBars:
    """The bars of all completions that the page holds."""
    groups = [[row.row for row in group.rows] for group in data.groups]
    if not groups:
        return WeightBars(none=data.shown)
    shown = [row for group in groups for row in group]
    lines = [_shares(m, shown) for m in replay.measured]
    places, scale = _places(groups), Scale.of(lines)
    return WeightBars(
        lines=tuple(
            Bars(m.name, _spoken(m), f"{scale.line:.2f}", _bars(places, line, scale))
            for m, line in zip(replay.measured, lines, strict=True)
        ),
        numbers=_numbers(places),
        longest=share(max(scale.up, scale.down)),
    )


def _shares(measured: MeasuredObjective, rows: Sequence[int]) -> list[float]:
    """The weight of each row, below 0 if it is made less probable."""
    found = {e.row: e for e in measured.effects}
    return [_signed(found.get(row)) for row in rows]


def _signed(effect: Effect | None) -> float:
    if effect is None or not math.isfinite(effect.weight):
        return 0.0
    return math.copysign(effect.weight, effect.push)


def _places(groups: Sequence[Sequence[int]]) -> list[Place]:
    """The places of the bars, one after another, with the gap of a bar between groups."""
    slots = sum(map(len, groups)) + len(groups) - 1
    found, at = [], 0
    for place, group in enumerate(groups):
        found += [Place(place, 100 * (at + i) / slots, 80 / slots) for i in range(len(group))]
        at += len(group) + 1
    return found


def _bars(places: Sequence[Place], line: Sequence[float], scale: Scale) -> tuple[Bar, ...]:
    bars = list[Bar]()
    for place, signed in zip(places, line, strict=True):
        height = scale.height(signed)
        y = scale.line - height if signed > 0 else scale.line
        if height:
            bars.append(
                Bar(
                    "up" if signed > 0 else "down",
                    place.group,
                    x=f"{place.x:.3f}",
                    y=f"{y:.2f}",
                    width=f"{place.width:.3f}",
                    height=f"{height:.2f}",
                )
            )
    return tuple(bars)


def _numbers(places: Sequence[Place]) -> tuple[Number, ...]:
    found = list[Number]()
    for group in dict.fromkeys(place.group for place in places):
        mine = [place for place in places if place.group == group]
        middle = (mine[0].x + mine[-1].x + mine[-1].width) / 2
        found.append(Number(f"{middle:.2f}", str(group + 1)))
    return tuple(found)


def _spoken(measured: MeasuredObjective) -> str:
    weights = [e.weight for e in measured.effects if math.isfinite(e.weight)]
    told = f"{measured.rows_trained} of {measured.rows} completions have a gradient"
    most = f"; the largest share is {share(max(weights))}" if weights else ""
    return f"{measured.name}: {told}{most}"
