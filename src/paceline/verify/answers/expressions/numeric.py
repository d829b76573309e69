"""Values of expressions: exact where they are rational, else to 300 digits.

300 digits are more than an answer has characters (`symbolic.MAX_LENGTH`): no number that is written
out can come so near to another one. Real roots and logarithms are real or nothing: the cube root of
-8 is -2, the square root of -1 has no value, unless the expressions have an i in them.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import comb, factorial, gcd, lcm
from threading import Lock
from typing import Any

import mpmath

from .expression import VALUES, Expression

DIGITS = 300
"""Number of decimal digits of a value that is not rational."""
TOLERANCE_DIGITS = 220
"""Number of digits to which two values must agree to be the same, which leaves 80 for
cancellation."""
MAX_BITS = 20_000
"""Most bits of a power or a factorial that is computed exactly."""
MAX_SPAN = 500
"""Most binary digits between the terms of a sum, and between 1 and an argument of a function:
beside a term of 150 digits a small one would be lost in rounding, and e^{1000} + 1 would be
e^{1000}."""
MAX_LOGARITHM = 10_000
"""Most decimal digits of a value; beyond it nothing is computed."""

_context = mpmath.MPContext()
_context.dps = DIGITS
_lock = Lock()
"""mpmath remembers pi and its kin in a way that two threads must not share."""
UNKNOWN_BASE = _context.mpf("2.718281828459") ** _context.mpf("0.731")
"""The divisor of "log" alone: its base is 10 for some and e for others. With a base that is
neither, it equals only values that follow from the laws of logarithms."""
MAX_INDEX = 1_000
"""The largest index of a root that is looked for among whole numbers."""


class NoValue(Exception):
    """There is no value at this point: a division by zero, the root of a negative number."""


class TooLarge(Exception):
    """A value, or a step towards it, is too large to be computed here."""


def exact(expression: Expression) -> Fraction | None:
    """The rational value of an expression without symbols, if it follows by arithmetic; else None.

    Raises: TooLarge.
    """
    if expression.kind == "number":
        return expression.value
    if expression.kind not in VALUES or not expression.parts:
        return None
    parts = [exact(part) for part in expression.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if expression.kind == "sum":
        return sum(known, Fraction(0))
    if expression.kind == "product":
        found = Fraction(1)
        for part in known:
            found *= part
        return found
    if expression.kind == "negative":
        return -known[0]
    if expression.kind == "quotient":
        return known[0] / known[1] if known[1] else None
    if expression.kind == "power":
        return _exact_power(known[0], known[1])
    if expression.kind == "root":
        return _exact_power(known[0], 1 / known[1]) if known[1] else None
    return _exact_call(expression.name, known) if expression.kind == "call" else None


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if base == 0:
        return Fraction(0) if exponent > 0 else None
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent) > MAX_BITS:
        raise TooLarge
    if exponent.denominator == 1:
        return base ** int(exponent)
    if base < 0 and exponent.denominator % 2 == 0:
        return None
    above, below = (
        _whole_root(side, exponent.denominator) for side in (abs(base.numerator), base.denominator)
    )
    if above is None or below is None:
        return None
    sign = -1 if base < 0 else 1
    return (sign * Fraction(above, below)) ** exponent.numerator


def _whole_root(value: int, index: int) -> int | None:
    """The whole number whose index-th power is a value, if there is one."""
    if index > MAX_INDEX:
        raise TooLarge
    low, high = 0, 1 << (value.bit_length() // index + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**index < value:
            low = middle + 1
        else:
            high = middle
    return low if low**index == value else None


def _exact_call(name: str, values: list[Fraction]) -> Fraction | None:
    first = values[0]
    whole = [int(value) for value in values if value.denominator == 1]
    if name == "abs":
        return abs(first)
    if name == "floor":
        return Fraction(first.numerator // first.denominator)
    if name == "ceiling":
        return Fraction(-(-first.numerator // first.denominator))
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    if len(whole) < len(values):
        return None
    if name == "factorial":
        if whole[0] > 1000:
            raise TooLarge
        return Fraction(factorial(whole[0])) if whole[0] >= 0 else None
    if name == "binom":
        if not 0 <= whole[1] <= whole[0]:
            return None
        if min(whole[1], whole[0] - whole[1]) * whole[0].bit_length() > MAX_BITS:
            raise TooLarge
        return Fraction(comb(whole[0], whole[1]))
    if name in ("gcd", "lcm"):
        return Fraction(gcd(*whole) if name == "gcd" else lcm(*whole))
    return None


def value_at(expression: Expression, point: Mapping[str, Fraction], complex_too: bool) -> Any:
    """The value of an expression at a point, which gives its symbols values, to 300 digits.

    Args:
        complex_too: True gives roots and logarithms of negative numbers their principal values.

    Raises: NoValue, TooLarge.
    """
    with _lock:
        return _value(expression, point, complex_too)


def same(first: Any, second: Any) -> bool:
    """Tell whether two values of `value_at` agree."""
    with _lock:
        if first == second:
            return True
        size = max(abs(first), abs(second))
        if not _context.isfinite(size):
            return False
        return abs(first - second) <= size * _context.mpf(10) ** -TOLERANCE_DIGITS


def quotient(first: Any, second: Any) -> Any:
    """One value of `value_at` divided by another; None if that is zero."""
    with _lock:
        return first / second if second else None


def nearly_rational(value: Any) -> bool:
    """Tell whether a value is, to all its digits, a fraction of a small denominator; for a complex
    one, both its parts."""
    with _lock:
        return all(_rational(part) for part in (_context.re(value), _context.im(value)))


def _rational(value: Any) -> bool:
    if abs(value) > 10**30:
        return False
    exact_value = Fraction(int(value * 2**600), 2**600)
    near = exact_value.limit_denominator(10**9)
    return abs(exact_value - near) < Fraction(1, 10**100)


def _value(one: Expression, point: Mapping[str, Fraction], complex_too: bool) -> Any:
    c = _context
    if one.kind == "number":
        assert one.value is not None
        return c.mpf(one.value.numerator) / one.value.denominator
    if one.kind == "symbol":
        value = point[one.name]
        return c.mpf(value.numerator) / value.denominator
    if one.kind == "constant":
        if one.name == "infty" or (one.name == "i" and not complex_too):
            raise NoValue
        return {"pi": +c.pi, "e": +c.e, "i": c.mpc(0, 1)}[one.name]
    values = [_value(part, point, complex_too) for part in one.parts]
    return _bounded(_combined(one, values, complex_too), complex_too)


def _combined(one: Expression, values: list[Any], complex_too: bool) -> Any:
    c = _context
    if one.kind == "sum":
        return _added(values)
    if one.kind == "product":
        return c.fprod(values)
    if one.kind == "negative":
        return -values[0]
    if one.kind == "degrees":
        return values[0] * c.pi / 180
    if one.kind == "quotient":
        if not values[1]:
            raise NoValue
        return values[0] / values[1]
    if one.kind == "power":
        return _power(values[0], values[1], exact(one.parts[1]), complex_too)
    if one.kind == "root":
        index = exact(one.parts[1])
        if not values[1]:
            raise NoValue
        return _power(values[0], 1 / values[1], None if not index else 1 / index, complex_too)
    return _called(one.name, values, complex_too)


def _added(terms: list[Any]) -> Any:
    """A sum in which every term is visible. Raises: TooLarge."""
    sizes = [_context.mag(term) for term in terms if term]
    if sizes and max(sizes) - min(sizes) > MAX_SPAN:
        raise TooLarge
    return _context.fsum(terms)


def _bounded(value: Any, complex_too: bool) -> Any:
    c = _context
    if isinstance(value, c.mpc) and not complex_too:
        if value.imag:
            raise NoValue
        value = value.real
    if not c.isfinite(value):
        raise NoValue
    if value and abs(c.mag(value)) > 4 * MAX_LOGARITHM:
        raise TooLarge
    return value


def _power(base: Any, exponent: Any, rational: Fraction | None, complex_too: bool) -> Any:
    c = _context
    if not base:
        if c.re(exponent) <= 0:
            raise NoValue
        return c.mpf(0)
    if abs(exponent) * (abs(c.mag(base)) + 1) > 4 * MAX_LOGARITHM:
        raise TooLarge
    if exponent and c.mag(exponent) < -MAX_SPAN:
        raise TooLarge
    if rational is None and not isinstance(exponent, c.mpc) and c.isint(exponent):
        rational = Fraction(int(exponent))
    if rational is not None and rational.denominator == 1:
        return base ** int(rational)
    if not isinstance(base, c.mpc) and base < 0 and not complex_too:
        if rational is None or rational.denominator % 2 == 0:
            raise NoValue
        root = -c.power(-base, 1 / c.mpf(rational.denominator))
        return root**rational.numerator
    return c.power(base, exponent)


def _called(name: str, values: list[Any], complex_too: bool) -> Any:
    c = _context
    first = values[0]
    if name in ("max", "min", "gcd", "lcm", "floor", "ceiling") and any(
        isinstance(value, c.mpc) for value in values
    ):
        raise NoValue
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    if name in ("ln", "lg", "log"):
        return _logarithm(name, values, complex_too)
    if name in ("gcd", "lcm"):
        if not all(c.isint(value) for value in values):
            raise NoValue
        whole = [int(value) for value in values]
        return c.mpf(gcd(*whole) if name == "gcd" else lcm(*whole))
    if name not in ("abs", "floor", "ceiling") and first and abs(c.mag(first)) > 100:
        raise TooLarge
    if name in ("tanh", "sinh", "cosh") and abs(first) > 100:
        raise TooLarge
    if name == "binom":
        return c.binomial(first, values[1])
    if name == "factorial":
        if abs(first) > 2000 or (c.isint(first) and first < 0):
            raise TooLarge
        return c.factorial(first)
    if name == "exp" and abs(first) > MAX_LOGARITHM:
        raise TooLarge
    try:
        return _FUNCTIONS[name](first)
    except ZeroDivisionError:  # cot 0
        raise NoValue from None


_FUNCTIONS: dict[str, Any] = {
    "abs": abs, "ceiling": _context.ceil, "arcsin": _context.asin, "arccos": _context.acos,
    "arctan": _context.atan,
} | {
    name: getattr(_context, name)
    for name in (
        "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "exp", "floor",
    )
}  # fmt: skip


def _logarithm(name: str, values: list[Any], complex_too: bool) -> Any:
    c = _context
    first = values[0]
    if not first or (not complex_too and not isinstance(first, c.mpc) and first < 0):
        raise NoValue
    if name == "ln":
        return c.ln(first)
    if name == "lg":
        return c.ln(first) / c.ln(10)
    if len(values) == 2:
        if not values[1] or values[1] == 1:
            raise NoValue
        return c.ln(first) / c.ln(values[1])
    return c.ln(first) / UNKNOWN_BASE
