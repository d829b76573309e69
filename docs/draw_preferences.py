"""Draws the loss of a pair, and how hard it is pushed apart: docs/objectives/preferences.svg.

    python docs/draw_preferences.py

Nothing of a loss is typed here again: each link is evaluated, and the push is autograd's slope.
tests/docs holds the file equal to what this writes.

Letters: P points of a line. u = β·Δ, and β = 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from drawing import Point, pixel, stroke, text

from paceline.objective import Hinge, Link, Logistic, Squared

FILE = Path(__file__).parent / "objectives" / "preferences.svg"
LINES: dict[str, tuple[str, Link]] = {
    "a": ("Logistic()", Logistic()),
    "b": ("Logistic(0.1)", Logistic(0.1)),
    "c": ("Hinge()", Hinge()),
    "d": ("Squared(), β = 1", Squared()),
}
LOW, HIGH, STEPS = -4.0, 4.0, 200
WIDTH, PANEL, TALL, TOP = 760, 296, 216, 66

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.name { font-size: 16px; font-weight: 600 }
.quiet { fill: #59636e }
line, polyline { fill: none; stroke-width: 1; stroke: #dde3e8 }
.axis { stroke: #8c959f }
.a { stroke: #0067b0; stroke-width: 2.5 }
.b { stroke: #0067b0; stroke-width: 2; stroke-dasharray: 6 4 }
.c { stroke: #b84a00; stroke-width: 2.5 }
.d { stroke: #59636e; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
line, polyline { stroke: #2f353d }
.axis { stroke: #6e7681 }
.a, .b { stroke: #58b4f0 }
.c { stroke: #f0a35e }
.d { stroke: #9198a1 }
}
"""


def measured(link: Link) -> tuple[list[Point], list[Point]]:
    """(u, loss) and (u, push) along the axis; the push is minus the slope by u."""
    u_P = torch.linspace(LOW, HIGH, STEPS + 1, dtype=torch.float64, requires_grad=True)
    loss_P = link(u_P, 1.0)
    (slope_P,) = torch.autograd.grad(loss_P.sum(), u_P)
    places = u_P.tolist()
    return (
        list(zip(places, loss_P.tolist(), strict=True)),
        list(zip(places, (-slope_P).tolist(), strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    said: str
    left: float
    low: float
    high: float
    tick: float

    def at(self, point: Point) -> Point:
        """The pixel of a place."""
        x = self.left + PANEL * (point[0] - LOW) / (HIGH - LOW)
        return x, TOP + TALL * (self.high - point[1]) / (self.high - self.low)

    def frame(self) -> Iterator[str]:
        """Grid, axes, ticks, and what they measure."""
        for u in range(int(LOW), int(HIGH) + 1, 2):
            x = self.at((u, 0))[0]
            yield stroke((x, TOP), (x, TOP + TALL), "" if u else "axis")
            yield text((x, TOP + TALL + 17), _number(u), "quiet", "middle")
        for i in range(round((self.high - self.low) / self.tick) + 1):
            height = self.low + i * self.tick
            y = self.at((0, height))[1]
            yield stroke((self.left, y), (self.left + PANEL, y), "" if height else "axis")
            yield text((self.left - 6, y + 4), _number(height), "quiet", "end")
        yield text((self.left, TOP - 10), self.said)
        middle = self.left + PANEL / 2
        yield text((middle, TOP + TALL + 37), "β·Δ, less the margin", "quiet", "middle")

    def line(self, points: list[Point], kind: str) -> str:
        """The points that lie within the panel, joined."""
        inside = [self.at(p) for p in points if self.low <= p[1] <= self.high]
        said = " ".join(f"{pixel(x)},{pixel(y)}" for x, y in inside)
        return f'<polyline class="{kind}" points="{said}"/>'


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def picture() -> str:
    """The SVG text."""
    loss = Panel("loss of a pair", 56, 0.0, 4.0, 1.0)
    push = Panel("how hard it is pushed apart", 448, -0.5, 1.5, 0.5)
    drawn = [text((56, 24), "From a difference to a loss", "name"), *loss.frame(), *push.frame()]
    bottom = TOP + TALL + 66
    for place, (kind, (name, link)) in enumerate(LINES.items()):
        heights, slopes = measured(link)
        drawn += [loss.line(heights, kind), push.line(slopes, kind)]
        x = 56 + 172 * place
        drawn += [stroke((x, bottom - 4), (x + 28, bottom - 4), kind)]
        drawn += [text((x + 36, bottom), name)]
    height = bottom + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>Losses of a pair against its difference</title>\n"
        f"<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
