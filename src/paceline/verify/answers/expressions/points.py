r"""The values of two expressions at points that nobody can know beforehand."""

import hashlib
from fractions import Fraction

from .expression import Expression
from .numeric import NoValue, TooLarge, value_at

SCALES = (1, 10, Fraction(1, 8), 100)
"""Sizes of the values that symbols get: \\ln(x-5) and \\sqrt{1-x^2} have no values at the same
ones."""
MOST_POINTS = 16
"""Number of points at which expressions with symbols are compared."""
FEWEST_POINTS = 3
"""Number of points at which both must have a value."""


def values_at_points(answer: Expression, expected: Expression) -> list[tuple]:
    """Both values at points where both have one."""
    has_i = any(
        part.kind == "constant" and part.name == "i"
        for one in (answer, expected)
        for part in one.walk()
    )
    found = []
    for place in range(MOST_POINTS if expected.symbols else 1):
        point = _values_of_symbols(answer, expected, place)
        try:
            theirs = value_at(expected, point, has_i)
            found.append((value_at(answer, point, has_i), theirs))
        except (NoValue, TooLarge):
            continue
    return found


def _values_of_symbols(answer: Expression, expected: Expression, place: int) -> dict[str, Fraction]:
    """Values for the symbols: positive ones first, then whole ones, then any."""
    point: dict[str, Fraction] = {}
    for symbol in sorted(expected.symbols):
        said = repr((answer, expected, symbol, place)).encode()
        bits = int.from_bytes(hashlib.sha256(said).digest()[:10], "big")
        if place in (4, 5, 6, 7):
            point[symbol] = Fraction(2 + bits % 9)
            continue
        size = (Fraction(bits % (1 << 40), 1 << 38) + Fraction(1, 7)) * SCALES[place % 4]
        point[symbol] = -size if place > 7 and (bits >> 41) % 2 else size
    return point
