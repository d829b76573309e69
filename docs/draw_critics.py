"""Draws a critic's forecasts, and what each token then counts: docs/objectives/critics.svg.

    python docs/draw_critics.py

Nothing of the advantage is typed here again: `Gae` computes it from a round with these forecasts.
tests/docs holds the file equal to what this writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drawing import Point, pixel, stroke, text

from paceline.objective import Gae
from paceline.types import Completion, Group, Problem, Prompt, Rollout, Round, Verdict

FILE = Path(__file__).parent / "objectives" / "critics.svg"
TOKENS = ("47", "+", "56", "is", "9", "no", "103", ".")
FORECASTS = (0.5, 0.5, 0.55, 0.5, 0.5, 0.15, 0.3, 0.9)
"""V before each token: a wrong digit takes hope away, and its correction gives it back."""
KINDS = {"a": 1.0, "b": 0.9, "c": 0.0}
"""Class of the bars -> λ."""
WIDTH, PANEL, TALL, TOP = 760, 296, 216, 66

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.name { font-size: 16px; font-weight: 600 }
.quiet { fill: #59636e }
line, polyline { fill: none; stroke-width: 1; stroke: #dde3e8 }
.axis { stroke: #8c959f }
line.a, polyline.a { stroke: #0067b0; stroke-width: 2.5 }
rect.a { fill: #0067b0 }
rect.b { fill: #8c959f }
rect.c { fill: #b84a00 }
.reward { fill: #1f7a3a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
line, polyline { stroke: #2f353d }
.axis { stroke: #6e7681 }
line.a, polyline.a { stroke: #58b4f0 }
rect.a { fill: #58b4f0 }
rect.b { fill: #6e7681 }
rect.c { fill: #f0a35e }
.reward { fill: #56c271 }
}
"""


def advantages(lam: float) -> list[float]:
    """The advantage of each token with the reward 1 at the end, by `Gae`."""
    problem = Problem("p", "What is 47 + 56?", "103")
    count = len(FORECASTS)
    completion = Completion(tuple(range(count)), (0.0,) * count, " ".join(TOKENS), "stop")
    rollout = Rollout(problem, completion, Verdict(1.0))
    round = Round(0, (Group(problem, Prompt((0,)), (rollout,)),))
    return Gae(lam=lam)(replace(round, values=(FORECASTS,)))[0].tolist()


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes: tokens to the right."""

    said: str
    left: float
    low: float
    high: float
    tick: float

    def x(self, place: float) -> float:
        """The pixel of a place among the tokens, from 0."""
        return self.left + PANEL * (place + 0.5) / len(TOKENS)

    def y(self, height: float) -> float:
        """The pixel of a number."""
        return TOP + TALL * (self.high - height) / (self.high - self.low)

    def frame(self) -> Iterator[str]:
        """Grid, tokens, and what the panel measures."""
        for i in range(round((self.high - self.low) / self.tick) + 1):
            height = self.low + i * self.tick
            look = "" if abs(height) > 1e-9 else "axis"
            yield stroke((self.left, self.y(height)), (self.left + PANEL, self.y(height)), look)
            said = f"{height:.2g}".replace("-", "−")
            yield text((self.left - 6, self.y(height) + 4), said, "quiet", "end")
        for place, token in enumerate(TOKENS):
            yield text((self.x(place), TOP + TALL + 17), token, "quiet", "middle")
        yield text((self.left, TOP - 10), self.said)


def picture() -> str:
    """The SVG text."""
    left = Panel("V before each token, and the reward at the end", 56, 0.0, 1.0, 0.25)
    right = Panel("what each token counts", 448, -0.5, 1.0, 0.25)
    drawn = [
        text((56, 24), "A completion that corrects itself, and earns 1", "name"),
        *left.frame(), *_forecasts(left), *right.frame(),
    ]  # fmt: skip
    bottom = TOP + TALL + 50
    for number, (kind, lam) in enumerate(KINDS.items()):
        drawn += _bars(right, advantages(lam), kind, number)
        x = 448 + 100 * number
        drawn += [_bar(x, bottom - 10, 12, 12, kind), text((x + 18, bottom), f"λ = {lam:g}")]
    drawn += [stroke((56, bottom - 4), (84, bottom - 4), "a"), text((92, bottom), "V")]
    drawn += [_dot((138, bottom - 4)), text((150, bottom), "reward")]
    height = bottom + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>Forecasts of a critic and the advantages that they make</title>\n"
        f"<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _forecasts(panel: Panel) -> Iterator[str]:
    points = " ".join(
        f"{pixel(panel.x(place))},{pixel(panel.y(v))}" for place, v in enumerate(FORECASTS)
    )
    yield f'<polyline class="a" points="{points}"/>'
    yield _dot((panel.x(len(TOKENS) - 1), panel.y(1.0)))


def _bars(panel: Panel, heights: Sequence[float], kind: str, number: int) -> Iterator[str]:
    wide = PANEL / len(TOKENS) / 4
    for place, height in enumerate(heights):
        x = panel.x(place) + (number - 1.5) * wide
        top, bottom = sorted((panel.y(height), panel.y(0.0)))
        yield _bar(x, top, wide, bottom - top, kind)


def _bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    said = zip(("x", "y", "width", "height"), (x, y, width, height), strict=True)
    sizes = " ".join(f'{name}="{pixel(size)}"' for name, size in said)
    return f'<rect class="{kind}" {sizes}/>'


def _dot(at: Point) -> str:
    return f'<circle class="reward" cx="{pixel(at[0])}" cy="{pixel(at[1])}" r="5"/>'


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
