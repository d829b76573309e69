r"""Sets of real numbers in any spelling: (-\infty,2)\cup(3,\infty), x<2 or x>3,
\mathbb{R}\setminus[2,3]."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .expression import VALUES, Expression
from .numeric import NoValue, TooLarge, exact, same, value_at

TURNED_SIGNS = {"<": ">", ">": "<", "le": "ge", "ge": "le", "=": "=", "ne": "ne"}
"""Relation signs, each with the sign after a change of sides."""
_BRACKETS = {"( )", "[ ]", "( ]", "[ )"}


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval; an end is None if it is open to infinity; a point has two equal ends.

    Example: Piece(None, False, Fraction(2), True) for x <= 2
    """

    low: Any
    low_in: bool
    high: Any
    high_in: bool


@dataclass(frozen=True, slots=True)
class RealSet:
    """Pieces in order that do not touch, and the symbol that they are said of; "" if there is
    none."""

    pieces: tuple[Piece, ...]
    symbol: str = ""
    written: int = 0
    """Number of pieces as they were written; more than there are if some of them touch."""


class NoSet(Exception):
    """An expression is not a set of real numbers."""


def real_set(expression: Expression) -> RealSet:
    """The set that an expression means. Raises: NoSet."""
    written = _pieces(expression)
    symbols = {name for one in expression.walk() if one.kind == "relation" for name in one.symbols}
    if len(symbols) > 1:
        raise NoSet
    return RealSet(_merged(written), next(iter(symbols), ""), len(written))


def same_set(one: RealSet, other: RealSet) -> bool:
    """Tell whether two sets have the same numbers, and are not said of two symbols."""
    if one.symbol and other.symbol and one.symbol != other.symbol:
        return False
    return len(one.pieces) == len(other.pieces) and all(
        _same_end(a.low, b.low)
        and _same_end(a.high, b.high)
        and (a.low_in, a.high_in) == (b.low_in, b.high_in)
        for a, b in zip(one.pieces, other.pieces, strict=True)
    )


def _pieces(one: Expression) -> list[Piece]:
    if one.kind == "bracket" and one.name in _BRACKETS and len(one.parts) == 2:
        low, high = (_end(part) for part in one.parts)
        piece = Piece(low, one.name[0] == "[", high, one.name[-1] == "]")
        if (low is None and piece.low_in) or (high is None and piece.high_in):
            raise NoSet
        if low is not None and high is not None and _order(low, high) >= 0:
            raise NoSet
        return [piece]
    if one.kind == "symbol" and one.name == "mathbb:R":
        return [Piece(None, False, None, False)]
    if one.kind == "set":
        return [Piece(end, True, end, True) for end in map(_number, one.parts)]
    if one.kind == "union":
        first, *rest = map(_pieces, one.parts)
        for other in rest:
            if one.name == "cup":
                first = [*first, *other]
            else:
                first = _common(first, other if one.name == "cap" else _outside(_merged(other)))
        return first
    if one.kind == "condition":
        symbol, condition = one.parts
        if condition.symbols != symbol.symbols:
            raise NoSet
        return _pieces(condition)
    if one.kind == "relation":
        return _of_relation(one)
    if one.kind == "list" and all(part.kind == "relation" for part in one.parts):
        first, *rest = map(_pieces, one.parts)
        for other in rest:
            first = _common(first, other) if one.name == "and" else [*first, *other]
        return first
    raise NoSet


def _of_relation(one: Expression) -> list[Piece]:
    signs = one.name.split()
    if one.name == "in" and one.parts[0].kind == "symbol":
        return _pieces(one.parts[1])
    if (
        any(sign not in TURNED_SIGNS for sign in signs)
        or len(signs) > 2
        or one.parts[0].kind == "text"
    ):
        raise NoSet
    places = [place for place, part in enumerate(one.parts) if part.kind == "symbol"]
    if len(places) != 1 or any(part.symbols for part in one.parts if part.kind != "symbol"):
        raise NoSet
    (at,) = places
    one_way = set(signs) <= {"<", "le"} or set(signs) <= {">", "ge"}
    if len(signs) == 2 and not (at == 1 and one_way):
        raise NoSet
    found = [Piece(None, False, None, False)]
    for place, part in enumerate(one.parts):
        if place != at:
            sign = signs[min(place, at)]
            found = _common(found, _than(sign if place > at else TURNED_SIGNS[sign], _number(part)))
    return found


def _than(sign: str, end: Any) -> list[Piece]:
    """All x with x < end, and so on."""
    below = Piece(None, False, end, sign in ("le", "="))
    above = Piece(end, sign in ("ge", "="), None, False)
    if sign in ("<", "le"):
        return [below]
    if sign in (">", "ge"):
        return [above]
    return [Piece(end, True, end, True)] if sign == "=" else [below, above]


def _end(part: Expression) -> Any:
    """The value of an end; None for an infinite one."""
    inner = part.parts[0] if part.kind == "negative" else part
    return None if inner.kind == "constant" and inner.name == "infty" else _number(part)


def _number(part: Expression) -> Any:
    if part.kind not in VALUES or part.symbols:
        raise NoSet
    try:
        found = exact(part)
        value = value_at(part, {}, False)
    except (NoValue, TooLarge):
        raise NoSet from None
    return value if found is None else found


def _order(one: Any, other: Any) -> int:
    """-1, 0 or 1 as one number is below, at or above another."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return (one > other) - (one < other)
    first, second = (_as_float(end) for end in (one, other))
    return 0 if same(first, second) else 1 if first > second else -1


def _as_float(end: Any) -> Any:
    if isinstance(end, Fraction):
        sign = Expression("number", name="decimal", value=end)
        return value_at(sign, {}, False)
    return end


def _same_end(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return _order(one, other) == 0


def _below(one: Piece, other: Piece) -> bool:
    """Tell whether one piece begins below another."""
    if one.low is None or other.low is None:
        return one.low is None and other.low is not None
    order = _order(one.low, other.low)
    return order < 0 or (order == 0 and one.low_in and not other.low_in)


def _merged(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Pieces in order, those that touch as one."""
    left, ordered = list(pieces), []
    while left:
        first = left[0]
        for piece in left[1:]:
            first = piece if _below(piece, first) else first
        left.remove(first)
        ordered.append(first)
    found: list[Piece] = []
    for piece in ordered:
        if found and _touch(found[-1], piece):
            last = found.pop()
            upper = last if _reaches(last, piece) else piece
            piece = Piece(last.low, last.low_in, upper.high, upper.high_in)
        found.append(piece)
    return tuple(found)


def _touch(left: Piece, right: Piece) -> bool:
    """Tell whether nothing lies between a piece and one that does not begin below it."""
    if left.high is None or right.low is None:
        return True
    order = _order(left.high, right.low)
    return order > 0 or (order == 0 and (left.high_in or right.low_in))


def _reaches(one: Piece, other: Piece) -> bool:
    """Tell whether one piece ends no earlier than another."""
    if one.high is None or other.high is None:
        return one.high is None
    order = _order(one.high, other.high)
    return order > 0 or (order == 0 and (one.high_in or not other.high_in))


def _common(left: list[Piece], right: list[Piece]) -> list[Piece]:
    found = []
    for one in left:
        for other in right:
            low = other if _below(one, other) else one
            high = other if _reaches(one, other) else one
            piece = Piece(low.low, low.low_in, high.high, high.high_in)
            if piece.low is None or piece.high is None:
                found.append(piece)
                continue
            order = _order(piece.low, piece.high)
            if order < 0 or (order == 0 and piece.low_in and piece.high_in):
                found.append(piece)
    return found


def _outside(pieces: tuple[Piece, ...]) -> list[Piece]:
    """All numbers that are in none of these pieces."""
    found = [Piece(None, False, None, False)]
    for piece in pieces:
        outside = []
        if piece.low is not None:
            outside.append(Piece(None, False, piece.low, not piece.low_in))
        if piece.high is not None:
            outside.append(Piece(piece.high, not piece.high_in, None, False))
        found = _common(found, outside)
    return found
