"""Draws what each named objective gains at which ratio: docs/objectives/NAME.svg.

    python docs/draw_objectives.py

Nothing of an objective is typed here again. Its own ratio and surrogate are evaluated on rows of
one token, at an advantage of 1 and of −1; the slope is autograd's. Where a slope jumps, the place
is found by halving the interval. tests/docs holds the files equal to what this writes.

Letters: P points of a line. Places are in ratios and gains until a `Panel` turns them into pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from drawing import Point, pixel, stroke, text

from paceline.objective import (
    GROUPS,
    GeometricRatio,
    LogProb,
    Objective,
    Plain,
    SequenceRatio,
    TokenRatio,
)

FOLDER = Path(__file__).parent / "objectives"
WIDTH, PANEL, HEIGHT = 760, 296, 216
LEFTS, TOP, ROW = (56, 448), 66, 300
POINTS = 500
TEXT = (88, 13)
"""Width and height that a label of 12 pixels takes."""
SIGNS = (("up", 1.0, "advantage > 0"), ("down", -1.0, "advantage < 0"))

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.name { font-size: 16px; font-weight: 600 }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.quiet { fill: #59636e }
line, polyline { fill: none; stroke-width: 1; stroke: #dde3e8 }
.axis { stroke: #8c959f }
.plain { stroke: #8c959f; stroke-width: 1.5; stroke-dasharray: 2 4 }
polyline.up { stroke: #0067b0; stroke-width: 2.5 }
polyline.down { stroke: #b84a00; stroke-width: 2.5 }
polyline.jump { stroke-width: 1 }
text.up { fill: #0067b0; font-weight: 600 }
text.down { fill: #b84a00; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
line, polyline { stroke: #2f353d }
.axis, .plain { stroke: #6e7681 }
polyline.up { stroke: #58b4f0 }
polyline.down { stroke: #f0a35e }
text.up { fill: #58b4f0 }
text.down { fill: #f0a35e }
}
"""


@dataclass(frozen=True, slots=True)
class View:
    """What one row of a picture shows: ratios from `low` to `high`, heights up to ± `tall`."""

    low: float
    high: float
    every: float
    """Between two ticks of the ratio."""
    tall: tuple[float, float]
    """Of the gain, and of the slope."""
    ticks: tuple[float, float]


COMMON = View(0.0, 2.5, 0.5, (2.6, 2.6), (1.0, 1.0))
"""The first row of every picture, so that they can be laid beside each other."""
NARROW = View(0.998, 1.002, 0.001, (0.0026, 2.6), (0.001, 1.0))
WIDE = View(0.0, 8.0, 1.0, (2.6, 2.6), (1.0, 1.0))
SECOND = {
    "gspo": NARROW,
    "luspo": NARROW,
    "cispo": replace(WIDE, tall=(10.4, 7.8), ticks=(5.0, 2.0)),
    "sapo": WIDE,
}
"""A second row, where the first does not show what bounds the gain."""


@dataclass(frozen=True, slots=True)
class Line:
    """Gains and slopes at rising ratios, and where the slope jumps."""

    ratios: list[float]
    gains: list[float]
    slopes: list[float]
    jumps: list[int]
    """The point before each jump; the next one is behind it."""

    def of(self, what: int) -> list[Point]:
        """(ratio, gain) of every point for 0, (ratio, slope) for 1."""
        heights = (self.gains, self.slopes)[what]
        return list(zip(self.ratios, heights, strict=True))

    def pieces(self, what: int) -> Iterator[list[Point]]:
        """The same, cut where the slope jumps: only a slope may be discontinuous."""
        points, start = self.of(what), 0
        for jump in self.jumps if what == 1 else []:
            yield points[start : jump + 1]
            start = jump + 1
        yield points[start:]


def measured(objective: Objective, sign: float, ratios: Sequence[float]) -> tuple[list, list]:
    """[P] gain less that at ratio 1, and [P] slope by log-ratio, of rows of one token."""
    ratio_P1 = torch.tensor([*ratios, 1.0], dtype=torch.float64).unsqueeze(-1)
    log_ratio_P1 = ratio_P1.log().requires_grad_()
    advantage_P1 = torch.full_like(ratio_P1, sign)
    mask_P1 = torch.ones_like(ratio_P1).bool()
    seen_P1 = objective.ratio(log_ratio_P1, mask_P1, advantage_P1)
    gain_P1 = objective.surrogate(seen_P1, advantage_P1)
    (slope_P1,) = torch.autograd.grad(gain_P1.sum(), log_ratio_P1)
    gain_P = gain_P1.detach().squeeze(-1)
    return (gain_P - gain_P[-1])[:-1].tolist(), slope_P1.squeeze(-1)[:-1].tolist()


def line(objective: Objective, sign: float, view: View) -> Line:
    """The objective at the ratios of a view; a jump of its slope has a point on either side."""
    # The ratio 0 has no logarithm; half a step is less than a pixel.
    step = (view.high - view.low) / POINTS
    grid = [max(view.low + i * step, step / 2) for i in range(POINTS + 1)]
    slopes = measured(objective, sign, grid)[1]
    ratios, jumps = [grid[0]], []
    for i in range(POINTS):
        # A step is a 500th of the width: what changes by a fifth in it has jumped.
        if abs(slopes[i + 1] - slopes[i]) > 0.2:
            left, right = _halved(objective, sign, grid[i], grid[i + 1])
            ratios += [left] if left > grid[i] else []
            jumps.append(len(ratios) - 1)
            ratios += [right] if right < grid[i + 1] else []
        ratios.append(grid[i + 1])
    return Line(ratios, *measured(objective, sign, ratios), jumps)


def _halved(objective: Objective, sign: float, left: float, right: float) -> Point:
    """Two ratios with the jump of the slope between them, as near as float64 has them."""
    (first,), (last,) = (measured(objective, sign, [r])[1] for r in (left, right))
    for _ in range(60):
        middle = (left + right) / 2
        (slope,) = measured(objective, sign, [middle])[1]
        if abs(slope - first) < abs(slope - last):
            left = middle
        else:
            right = middle
    return left, right


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes, and what was drawn in it."""

    view: View
    what: int
    """0 for the gain, 1 for the slope."""
    left: float
    top: float

    def at(self, point: Point) -> Point:
        """The pixel of a place."""
        span, tall = self.view.high - self.view.low, self.view.tall[self.what]
        x = self.left + PANEL * (point[0] - self.view.low) / span
        return x, self.top + HEIGHT * (1 - point[1] / tall) / 2

    def frame(self, below: str) -> Iterator[str]:
        """Grid, axes, ticks, and what they measure."""
        view, tick, tall = self.view, self.view.ticks[self.what], self.view.tall[self.what]
        right, bottom = self.left + PANEL, self.top + HEIGHT
        for i in range(round((view.high - view.low) / view.every) + 1):
            ratio = view.low + i * view.every
            x = self.at((ratio, 0))[0]
            kind = "axis" if abs(ratio - 1) < 1e-9 else ""
            yield stroke((x, self.top), (x, bottom), kind)
            yield text((x, bottom + 17), _number(ratio), "quiet", "middle")
        for i in range(-int(tall / tick), int(tall / tick) + 1):
            y = self.at((1, i * tick))[1]
            yield stroke((self.left, y), (right, y), "" if i else "axis")
            yield text((self.left - 6, y + 4), _number(i * tick), "quiet", "end")
        said = ("gain, less its value at ratio 1", "slope by log-ratio: the gradient's weight")
        yield text((self.left, self.top - 10), said[self.what])
        yield text(((self.left + right) / 2, bottom + 37), below, "quiet", "middle")

    def draw(self, lines: dict[str, Line]) -> Iterator[str]:
        """The lines by their class, clipped to the panel, with their names beside them."""
        for kind, drawn in lines.items():
            for piece in drawn.pieces(self.what):
                yield from self._polyline(piece, kind)
        pixels = {kind: self._pixels(drawn.of(self.what)) for kind, drawn in lines.items()}
        taken = self._axes()
        for kind, sign, _ in SIGNS:
            yield from self._jumps(lines[kind], kind, sign, taken)
        for kind, sign, said in SIGNS:
            # Where another line lies on this one, it is no other.
            here = {round(x): y for x, y in pixels[kind]}
            others = [
                (x, y)
                for other in pixels
                for x, y in pixels[other]
                if other != kind and abs(here.get(round(x), y + 9) - y) > 3
            ]
            box = self._room(pixels[kind], others, taken, sign)
            taken += _edge(box)
            yield text((box[0] + TEXT[0] / 2, box[1] + 11), said, kind, "middle")

    def _polyline(self, piece: list[Point], kind: str) -> Iterator[str]:
        points = _simple([self.at(p) for p in self._inside(piece)])
        if len(points) > 1:
            said = " ".join(f"{pixel(x)},{pixel(y)}" for x, y in points)
            yield f'<polyline class="{kind}" points="{said}"/>'

    def _inside(self, piece: list[Point]) -> list[Point]:
        """The piece up to the panel's upper and lower edge."""
        tall, kept = self.view.tall[self.what], []
        for before, point in zip([None, *piece], piece, strict=False):
            if before and (abs(before[1]) > tall) != (abs(point[1]) > tall):
                edge = tall if max(before[1], point[1]) > tall else -tall
                share = (edge - before[1]) / (point[1] - before[1])
                kept.append((before[0] + share * (point[0] - before[0]), edge))
            if abs(point[1]) <= tall:
                kept.append(point)
        return kept

    def _pixels(self, points: list[Point]) -> list[Point]:
        """The pixels on a line, also between two points that are far apart: at a jump."""
        found: list[Point] = []
        for x, y in (self.at(p) for p in self._inside(points)):
            steps = int(abs(y - found[-1][1]) / 3) if found else 0
            x0, y0 = found[-1] if found else (x, y)
            found += [(x0 + (x - x0) * i / steps, y0 + (y - y0) * i / steps) for i in range(steps)]
            found.append((x, y))
        return found

    def _axes(self) -> list[Point]:
        """The pixels of the gain 0 and of the ratio 1."""
        x, y = self.at((1, 0))
        across = [(self.left + i, y) for i in range(PANEL)]
        return across + [(x, self.top + i) for i in range(HEIGHT)]

    def _jumps(self, drawn: Line, kind: str, sign: float, taken: list[Point]) -> Iterator[str]:
        """A thin line where the slope jumps, and at which ratio it does."""
        if self.what == 0:
            return
        for i in drawn.jumps:
            jump = drawn.ratios[i]
            ends = [self.at((jump, drawn.slopes[i + k])) for k in (0, 1)]
            said = " ".join(f"{pixel(x)},{pixel(y)}" for x, y in ends)
            yield f'<polyline class="{kind} jump" points="{said}"/>'
            # Two bounds within a few pixels are told in the second row instead.
            if PANEL * abs(jump - 1) / (self.view.high - self.view.low) > 8:
                x, y = self.at((jump, 0))
                y += 16 if sign > 0 else -7
                taken += _edge((x - TEXT[0] / 2, y - 11))
                yield text((x, y), _number(jump), kind, "middle")

    def _room(
        self, own: list[Point], others: list[Point], taken: list[Point], sign: float
    ) -> Point:
        """The corner of a label that covers nothing and is nearest to its own line: outside of it
        and at the right, where that goes."""
        (width, height), right = TEXT, self.left + PANEL
        for side in (-sign, sign):
            for gap in (5, 8, 12, 18, 26, 36):
                for x, y in own[::-4]:
                    box = (
                        min(x - width / 2, right - width - 3),
                        y - gap - height if side < 0 else y + gap,
                    )
                    inside = box[0] > self.left + 3 and box[1] > self.top + 2
                    inside &= box[1] + height < self.top + HEIGHT - 2
                    if inside and _free(box, own + others + taken) and _nearest(box, own, others):
                        return box
        raise ValueError("There is no room for a label in this panel.")


def _free(box: Point, taken: list[Point]) -> bool:
    (x, y), (width, height) = box, TEXT
    return not any(x - 3 < a < x + width + 3 and y - 3 < b < y + height + 3 for a, b in taken)


def _nearest(box: Point, own: list[Point], others: list[Point]) -> bool:
    x, y = box[0] + TEXT[0] / 2, box[1] + TEXT[1] / 2
    near, far = (min((a - x) ** 2 + (b - y) ** 2 for a, b in points) for points in (own, others))
    return far > 1.5 * near


def _edge(box: Point) -> list[Point]:
    """Pixels of a label's box, close enough that another box cannot slip between."""
    return [(box[0] + i, box[1] + j) for i in range(0, TEXT[0], 4) for j in range(0, TEXT[1], 4)]


def _simple(points: list[Point]) -> list[Point]:
    """The points without those that lie on the way between others (Ramer, Douglas and Peucker)."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    off = [abs((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / length for x, y in points]
    worst = max(range(len(points)), key=off.__getitem__)
    if off[worst] < 0.05:
        return [points[0], points[-1]]
    return _simple(points[: worst + 1])[:-1] + _simple(points[worst:])


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".").replace("-", "−")


def picture(name: str) -> str:
    """The SVG text of a named objective."""
    objective = GROUPS[name]()
    plain = replace(objective, ratio=TokenRatio(), surrogate=Plain())
    views = (COMMON, SECOND[name]) if name in SECOND else (COMMON,)
    parts = f"{objective.ratio!r} · {objective.surrogate!r}"
    drawn = [
        text((LEFTS[0], 24), name, "name"),
        text((LEFTS[-1] + PANEL, 24), parts, "code quiet", "end"),
    ]
    for row, view in enumerate(views):
        lines = {"plain rising": line(plain, 1.0, view), "plain falling": line(plain, -1.0, view)}
        lines |= {kind: line(objective, sign, view) for kind, sign, _ in SIGNS}
        for what, left in enumerate(LEFTS):
            panel = Panel(view, what, left, TOP + row * ROW)
            drawn += [*panel.frame(_below(objective)), *panel.draw(lines)]
    height = TOP + len(views) * ROW - 8
    drawn += [
        stroke((LEFTS[0], height - 18), (LEFTS[0] + 28, height - 18), "plain"),
        text((LEFTS[0] + 36, height - 14), "ratio · advantage, with nothing bounded", "quiet"),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>{name}: gain and slope against the ratio</title>\n"
        f"<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _below(objective: Objective) -> str:
    """What the ratio on the axis is the ratio of."""
    if isinstance(objective.surrogate, LogProb):
        return "ratio of the token (it does not enter the slope)"
    if isinstance(objective.ratio, SequenceRatio):
        return "ratio of the completion"
    if isinstance(objective.ratio, GeometricRatio):
        return "ratio of a completion whose tokens all moved alike"
    return "ratio of the token"


def pictures() -> dict[str, str]:
    """The SVG text of every named objective that judges by groups, by its name. Those with a critic
    have the ratios and surrogates of these."""
    return {name: picture(name) for name in GROUPS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for drawn_name, text in pictures().items():
        (FOLDER / f"{drawn_name}.svg").write_text(text, encoding="utf-8")
