"""The expressions that an answer may be."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Kind = Literal[
    # values
    "number", "symbol", "constant", "sum", "product", "quotient", "power", "root", "negative",
    "call", "degrees",
    # what is made of values
    "list", "set", "bracket", "matrix", "union", "relation", "ratio", "quantity", "either sign",
    # what is no value
    "based", "text",
]  # fmt: skip

COMPUTED = {
    "sum", "product", "quotient", "power", "root", "negative", "call", "degrees",
}  # fmt: skip
"""What has a value that follows from those of its parts."""
VALUES = COMPUTED | {"number", "symbol", "constant"}


@dataclass(frozen=True, slots=True)
class Expression:
    r"""One expression, and those that it is made of.

    Example: Expression("product", (Expression("number", value=Fraction(2)), Expression("constant",
    name="pi"))) for 2\pi
    """

    kind: Kind
    parts: tuple["Expression", ...] = ()
    """Operands, elements, rows one behind the other, both sides of a relation."""
    name: str = ""
    """The symbol, constant or function; a number's form; a bracket's two signs; a matrix's "2x3"; a
    quantity's unit; a relation's signs, one space between; the words of a text."""
    value: Fraction | None = None
    """Of a number."""
    names: tuple[str, ...] = ()
    """Of a relation: what each side names, if it is a name such as x, x_1 or f(x); else ""."""

    def walk(self) -> Iterator["Expression"]:
        """This expression and all that it is made of."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(one.name for one in self.walk() if one.kind == "symbol")


def number(value: Fraction, form: str) -> Expression:
    """A finished number. Form: integer, decimal, recurring, fraction, mixed, per cent."""
    return Expression("number", name=form, value=value)


def canonical(expression: Expression) -> Expression:
    """The same with the operands of sums and products, flattened, in one order."""
    parts = [canonical(part) for part in expression.parts]
    if expression.kind in ("sum", "product"):
        flat = [
            inner
            for part in parts
            for inner in (part.parts if part.kind == expression.kind else (part,))
        ]
        parts = sorted(flat, key=repr)
    name = "" if expression.kind == "number" else expression.name
    return Expression(expression.kind, tuple(parts), name, expression.value)
