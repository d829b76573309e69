r"""The factors of a product or a quotient: 6x^2 over 3x has 6 above and 3 below, and x twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import gcd, isqrt

from .expression import Expression, as_number, canonical
from .numeric import exact

MAX_RADICAND = 10**6
"""Up to here a square is looked for in what stands under a root."""


@dataclass(slots=True)
class Factors:
    """What is multiplied in an expression, and what divides it.

    Example: Factors([6], [3], Counter({x: 2}), [], 0) of 6x^2 over 3x
    """

    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    """Whole numbers; of a sum, the largest one that divides all its terms."""
    bases: Counter[Expression] = field(default_factory=Counter)
    """How often each symbol, constant or sum is a factor."""
    radicands: list[int] = field(default_factory=list)
    """Whole numbers under square roots."""
    signs: int = 0
    """Minus signs."""

    def cancel(self) -> bool:
        r"""Whether factors can be put together: 2x over 2y, x over x squared, 2 \cdot 3x,
        \sqrt{6} over \sqrt{2}, -x over -y. A fraction such as 4\pi over 6 may stay as it is."""
        numbers = [[abs(one) for one in side if abs(one) != 1] for side in (self.above, self.below)]
        return (
            any(one % other == 0 for one in numbers[0] for other in numbers[1])
            or max(map(len, numbers)) > 1
            or max(self.bases.values(), default=0) > 1
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
            into.bases[canonical(one.parts[0])] += 1
    elif one.kind in ("symbol", "constant"):
        into.bases[one] += 1
    elif one.kind == "sum":
        into.bases[canonical(one)] += 1
        _number(_common(one.parts), into, above=above)
    elif one.kind == "root":
        if (radicand := _radicand(one)) is not None:
            into.radicands.append(radicand)
    elif one.kind == "number" and one.name in ("integer", "fraction") and one.value is not None:
        _number(one.value.numerator, into, above=above)
        _number(one.value.denominator, into, above=not above)


def _number(value: int, into: Factors, *, above: bool) -> None:
    into.signs += value < 0
    (into.above if above else into.below).append(value)


def _common(terms: Sequence[Expression]) -> int:
    """The largest whole number that divides all terms, below zero where all of them are."""
    numbers = []
    for term in terms:
        value, inside = 1, factors_of(term)
        for factor in inside.above:
            value *= abs(factor)
        numbers.append(-value if inside.signs % 2 else value)
        if any(abs(factor) != 1 for factor in inside.below):
            return 1
    common = gcd(*numbers)
    return -common if all(number < 0 for number in numbers) else common


def _radicand(root: Expression) -> int | None:
    """The whole number above zero that a square root is taken of."""
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
