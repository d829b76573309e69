"""The expressions that an answer may be."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Literal

Kind = Literal[
    # values
    "number", "symbol", "constant", "sum", "product", "quotient", "power", "root", "negative",
    "call", "degrees",
    # what is made of values
    "list", "set", "bracket", "matrix", "union", "relation", "ratio", "quantity", "either sign",
    # what is no value
    "based", "text", "condition",
]  # fmt: skip

COMPUTED = {
    "sum", "product", "quotient", "power", "root", "negative", "call", "degrees",
}  # fmt: skip
"""Kinds whose value follows from the values of their parts."""
VALUES = COMPUTED | {"number", "symbol", "constant"}
"""Kinds that have a value."""


@dataclass(frozen=True, slots=True)
class Expression:
    r"""An expression, with the expressions that it is made of.

    Example: Expression("product", (Expression("number", value=Fraction(2)), Expression("constant",
    name="pi"))) for 2\pi
    """

    kind: Kind
    parts: tuple["Expression", ...] = ()
    """Operands, elements, rows one after the other, both sides of a relation."""
    name: str = ""
    """The symbol, constant or function; a number's form; a bracket's two signs; a matrix's "2x3"; a
    quantity's unit; a relation's signs, one space between; the words of a text."""
    value: Fraction | None = None
    """The value of a number; None for anything else."""
    names: tuple[str, ...] = ()
    """The name on each side of a relation, such as x, x_1 or f(x); "" for a side that is not a
    name."""

    def walk(self) -> Iterator["Expression"]:
        """Yield this expression and everything that it is made of."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(one.name for one in self.walk() if one.kind == "symbol")


def as_number(value: Fraction, form: str) -> Expression:
    """A finished number. Form: integer, decimal, recurring, fraction, mixed, per cent."""
    return Expression("number", name=form, value=value)


_BASES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16,
}  # fmt: skip


def numeral(digits: str, said: str) -> Expression | None:
    """A numeral with its base, which is part of it; None if there is no such numeral."""
    base = int(said) if said.isdigit() else _BASES.get(said.lower(), 0)
    plain = digits.upper().replace(".", "", 1)
    if not 2 <= base <= 36 or not plain.isalnum() or not plain.isascii():
        return None
    if any(int(digit, 36) >= base for digit in plain):
        return None
    if base == 10:
        return as_number(Fraction(digits), "decimal" if "." in digits else "integer")
    return Expression("based", name=f"{digits.upper().lstrip('0') or '0'}_{base}")


def simple(term: Expression) -> Expression:
    """A finished number with its sign, as one finished number."""
    if term.kind != "negative":
        return term
    (inner,) = term.parts
    if inner.kind == "number" and inner.value is not None and inner.value >= 0:
        return as_number(-inner.value, inner.name)
    return term


def fraction_of(over: Expression, under: Expression) -> Expression:
    """A quotient; a finished fraction if two whole numbers are in lowest terms."""
    whole = all(part.kind == "number" and part.name == "integer" for part in (over, under))
    if whole and over.value is not None and under.value is not None:
        above, below = int(over.value), int(under.value)
        signs = (above < 0) + (below < 0)
        if abs(below) > 1 and signs < 2 and gcd(above, below) == 1:
            return as_number(Fraction(above, below), "fraction")
    return quotient_of(over, under)


def quotient_of(over: Expression, under: Expression) -> Expression:
    return Expression("quotient", (over, under))


def times(left: Expression, right: Expression) -> Expression:
    parts = left.parts if left.kind == "product" else (left,)
    return Expression("product", (*parts, right))


def expanded(parts: list[Expression]) -> tuple[Expression, ...]:
    """Elements, with both of each \\pm."""
    return tuple(
        one for part in parts for one in (part.parts if part.kind == "either sign" else (part,))
    )


def canonical(expression: Expression) -> Expression:
    """The expression with the operands of sums and products, flattened, in one order, and with
    quotients as products: 1/2^9 is 2^-9."""
    parts = tuple(canonical(part) for part in expression.parts)
    if expression.kind == "quotient":
        over, under = parts
        inverse = _inverse(under)
        if over.kind == "number" and over.value == 1:
            return inverse
        return canonical(Expression("product", (over, inverse)))
    if expression.kind in ("sum", "product"):
        flat = [
            inner
            for part in parts
            for inner in (part.parts if part.kind == expression.kind else (part,))
        ]
        parts = tuple(sorted(flat, key=repr))
    name = "" if expression.kind == "number" else expression.name
    return Expression(expression.kind, parts, name, expression.value)


def _inverse(under: Expression) -> Expression:
    """The rest of 1/b in canonical form."""
    if under.kind == "power" and under.parts[1].kind == "number":
        base, exponent = under.parts
        assert exponent.value is not None
        return Expression("power", (base, Expression("number", value=-exponent.value)))
    return Expression("power", (under, Expression("number", value=Fraction(-1))))
