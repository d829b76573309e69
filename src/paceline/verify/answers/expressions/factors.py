r"""The factors of a product or a quotient: 6x^2 over 3x has 6 above and 3 below, and x twice."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import gcd, isqrt

from .expression import Expression, as_number, canonical
from .numeric import exact

MAX_RADICAND = 10**6
"""Largest radicand in which a square factor is looked for."""


@dataclass(frozen=True, slots=True)
class Base:
    """A symbol, a constant or a sum that is a factor."""

    base: Expression
    above: bool
    raised: bool
    """True if the base has an exponent."""

    def joins(self, other: "Base") -> bool:
        """Tell whether both are one power: x^2 x^3, and x over x^2; x x x is a way of writing."""
        apart = self.above == other.above and not (self.raised or other.raised)
        return self.base == other.base and not apart


@dataclass(slots=True)
class Factors:
    """Factors of an expression: those that multiply, and those that divide.

    Example: Factors([6], [3], [Base(x, True, True), Base(x, False, False)]) of 6x^2 over 3x
    """

    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    """Whole numbers that divide."""
    bases: list["Base"] = field(default_factory=list)
    """Symbols, constants and sums."""
    radicands: list[int] = field(default_factory=list)
    """Whole numbers under square roots."""
    signs: int = 0
    """Number of minus signs."""

    def combine(self) -> bool:
        r"""Tell whether factors can be put together: 2x over 2y, x over x squared, 2 \cdot 3x,
        \sqrt{6} over \sqrt{2}, -x over -y. A fraction such as 4\pi over 6 may stay as it is."""
        numbers = [[abs(one) for one in side if abs(one) != 1] for side in (self.above, self.below)]
        return (
            any(other and one % other == 0 for one in numbers[0] for other in numbers[1])
            or max(map(len, numbers)) > 1
            or any(one.joins(other) for one, other in combinations(self.bases, 2))
            or any(gcd(*pair) > 1 for pair in combinations(self.radicands, 2))
            or self.signs > 1
        )


def factors_of(expression: Expression) -> Factors:
    """The factors of an expression, those of its factors among them."""
    found = Factors()
    _collect(expression, found, above=True)
    return found


def _collect(one: Expression, into: Factors, *, above: bool) -> None:
    if one.kind == "negative":
        into.signs += 1
        _collect(one.parts[0], into, above=above)
    elif one.kind == "product":
        for part in one.parts:
            _collect(part, into, above=above)
    elif one.kind == "quotient":
        _collect(one.parts[0], into, above=above)
        _collect(one.parts[1], into, above=not above)
    elif one.kind == "power" and exact(one.parts[1]) is not None:
        if one.parts[0].kind in ("symbol", "constant", "sum"):
            into.bases.append(Base(canonical(one.parts[0]), above, raised=True))
    elif one.kind in ("symbol", "constant"):
        into.bases.append(Base(one, above, raised=False))
    elif one.kind == "sum":
        into.bases.append(Base(canonical(one), above, raised=False))
    elif one.kind == "root":
        if (radicand := _radicand(one)) is not None:
            into.radicands.append(radicand)
    elif one.kind == "number" and one.name in ("integer", "fraction") and one.value is not None:
        _number(one.value.numerator, into, above=above)
        _number(one.value.denominator, into, above=not above)


def _number(value: int, into: Factors, *, above: bool) -> None:
    into.signs += value < 0
    (into.above if above else into.below).append(value)


def _radicand(root: Expression) -> int | None:
    """The whole number above zero under a square root."""
    value, index = root.parts
    found = value.value if value.kind == "number" and index.value == 2 else None
    return int(found) if found is not None and found.denominator == 1 and found > 0 else None


def kernel(root: Expression) -> Expression:
    r"""The square root that another one is a multiple of: \sqrt{3} of \sqrt{12}."""
    radicand = _radicand(root)
    if radicand is None or radicand > MAX_RADICAND:
        return root
    for factor in range(isqrt(radicand), 1, -1):
        if radicand % factor**2 == 0:
            radicand //= factor**2
            break
    return Expression("root", (as_number(Fraction(radicand), "integer"), root.parts[1]))
