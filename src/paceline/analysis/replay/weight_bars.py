"""The page's bars: the weight of each completion, a line for every objective."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ...store.base import Json
from .conclusions import share
from .record import Effect, Measured, Replay

CAPTION = (
    "A bar is a completion: the share of all the objective’s pushes that it gets. Above the line it"
    " is made more probable, below it less. Click a bar to read its group."
)
"""Explanation of the bars, shown above them."""


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
        every = [signed for line in lines for signed in line]
        return cls(max(0.0, *every), max(0.0, *(-signed for signed in every)))

    @property
    def line(self) -> float:
        """The height of the line."""
        return self.height(self.up)

    def height(self, signed: float) -> float:
        return 100 * abs(signed) / ((self.up + self.down) or 1.0)


def strips(replay: Replay, data: Json) -> str:
    """The bars of all completions that the page holds."""
    groups = [[row["row"] for row in group["rows"]] for group in data["groups"]]
    if not groups:
        return f'<p class="muted">{escape(data["shown"])}</p>'
    shown = [row for group in groups for row in group]
    lines = [_shares(m, shown) for m in replay.measured]
    places, scale = _places(groups), Scale.of(lines)
    rows = "".join(
        f'<div><dt>{escape(m.name)}</dt><dd><svg role="img" aria-label="{_spoken(m)}">'
        f"{_bars(places, line, scale)}</svg></dd></div>"
        for m, line in zip(replay.measured, lines, strict=True)
    )
    longest = share(max(scale.up, scale.down))
    return (
        f'<p class="muted">{CAPTION}</p><dl class="strips">{rows}<div aria-hidden="true">'
        f'<dt>group</dt><dd><svg class="numbers">{_numbers(places)}</svg></dd></div></dl>'
        f'<p class="note-line">The longest bar is {longest} of all that its objective pushes.</p>'
    )


def _shares(measured: Measured, rows: Sequence[int]) -> list[float]:
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


def _bars(places: Sequence[Place], line: Sequence[float], scale: Scale) -> str:
    zero = scale.line
    bars = [f'<line class="axis" x1="0" x2="100%" y1="{zero:.2f}%" y2="{zero:.2f}%"/>']
    for place, signed in zip(places, line, strict=True):
        height, kind = scale.height(signed), "up" if signed > 0 else "down"
        y = zero - height if signed > 0 else zero
        if height:
            bars.append(
                f'<rect class="{kind}" data-group="{place.group}" x="{place.x:.3f}%"'
                f' y="{y:.2f}%" width="{place.width:.3f}%" height="{height:.2f}%"/>'
            )
    return "".join(bars)


def _numbers(places: Sequence[Place]) -> str:
    """Labels: each group's number below its middle."""
    found = []
    for group in dict.fromkeys(place.group for place in places):
        mine = [place for place in places if place.group == group]
        middle = (mine[0].x + mine[-1].x + mine[-1].width) / 2
        found.append(f'<text class="tick" x="{middle:.2f}%" y="70%">{group + 1}</text>')
    return "".join(found)


def _spoken(measured: Measured) -> str:
    weights = [e.weight for e in measured.effects if math.isfinite(e.weight)]
    told = f"{measured.rows_trained} of {measured.rows} completions have a gradient"
    most = f"; the largest share is {share(max(weights))}" if weights else ""
    return escape(f"{measured.name}: {told}{most}")
