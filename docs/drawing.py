"""Pieces of SVG that the scripts beside this file draw with."""

from xml.sax.saxutils import escape

Point = tuple[float, float]


def pixel(place: float) -> str:
    """A place in the picture, to a tenth."""
    # The millionth keeps a place that is a tie from being rounded by its last bit.
    return f"{place + 1e-6:.1f}".removesuffix(".0")


def text(at: Point, said: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place, of a class of the style."""
    look = f' class="{kind}"' if kind else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{pixel(at[0])}" y="{pixel(at[1])}"{look}{side}>{escape(said)}</text>'


def stroke(a: Point, b: Point, kind: str) -> str:
    """A straight line, of a class of the style."""
    (x1, y1), (x2, y2) = ((pixel(x), pixel(y)) for x, y in (a, b))
    look = f' class="{kind}"' if kind else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{look}/>'
