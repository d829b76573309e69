r"""When two expressions are one answer.

Rational numbers are compared exactly, other values to more digits than an answer can have, what has
symbols at points that nobody can know beforehand. Everything else is compared part by part: 1, 2 as
a list is also \{1, 2\}, and in any order; x = 5 is also 5; brackets, units, bases and signs of
relations have to be the same.
"""

import hashlib
import re
from collections.abc import Sequence
from fractions import Fraction

from .expression import VALUES, Expression, canonical
from .finished import foreign_functions, unfinished
from .numeric import NoValue, TooLarge, exact, quotient, same, value_at
from .real_sets import TURNED, NoSet, real_set, same_set

SCALES = (1, 10, Fraction(1, 8), 100)
"""Sizes of the values that symbols get: \\ln(x-5) and \\sqrt{1-x^2} have none at the same ones."""
POINTS = 16
"""At which expressions with symbols are compared."""
ENOUGH = 3
"""At so many of them both must have a value."""
_POINTS = {"xy", "xyz", "ab", "abc", "mn", "pq"}
"""Names of coordinates, in their order."""


class Differs(Exception):
    """Two expressions are not one answer; the message says why, in one of a few ways."""


UNCOMPUTED = "the answer was not computed"
NOT_REDUCED = "the answer is a fraction that is not in lowest terms"
OTHER_UNIT = "the answer has another unit"
OTHER = "the answer does not equal the expected one"
OTHER_KIND = "the answer is of another kind than the expected one"
TOO_LARGE = "the answer is too large to be compared"


def check_same(answer: Expression, expected: Expression) -> None:
    """Whether an answer is the expected one, and computed. Raises: Differs."""
    try:
        _check(answer, expected)
    except TooLarge:
        raise Differs(TOO_LARGE) from None


def _same(answer: Expression, expected: Expression) -> bool:
    try:
        _check(answer, expected)
    except Differs:
        return False
    return True


def _check(answer: Expression, expected: Expression) -> None:
    if _are_sets(answer, expected) and (right := _same_real_set(answer, expected)) is not None:
        return _require(right)
    if {answer.kind, expected.kind} == {"list", "bracket"}:
        answer, expected = _point(answer), _point(expected)
    if "list" in (answer.kind, expected.kind):
        answer, expected = _set_named(answer), _set_named(expected)
        return _check_lists(answer, expected)
    if expected.kind == "relation":
        return _check_relation(answer, expected)
    if answer.kind == "relation":
        return _check(_value_named(answer), expected)
    if "quantity" in (answer.kind, expected.kind):
        return _check_units(answer, expected)
    if {answer.kind, expected.kind} == {"text", "symbol"}:
        return _require(answer.name == expected.name)
    if expected.kind in VALUES and answer.kind in VALUES:
        return _check_values(answer, expected)
    if answer.kind != expected.kind:
        raise Differs(OTHER_KIND)
    if expected.kind == "text":
        return _require(_plain(answer.name) == _plain(expected.name))
    _require(answer.name == expected.name)
    if expected.kind == "set":
        return _check_in_any_order(_different(answer), _different(expected))
    if expected.kind == "union" and expected.name != "setminus":
        return _check_in_any_order(answer.parts, expected.parts)
    _check_parts(answer.parts, expected.parts)


def _require(condition: bool) -> None:
    if not condition:
        raise Differs(OTHER)


def _plain(text: str) -> str:
    """A text without what nobody would tell apart: case, commas, hyphens. Of letters in capitals,
    such as SAS, the case is kept."""
    if len(text) < 4 and text.isupper():
        return text
    words = text.replace(",", " ").replace("-", " ").casefold().split()
    return " ".join(word for word in words if word != "and")


def _check_parts(answer: Sequence[Expression], expected: Sequence[Expression]) -> None:
    _require(len(answer) == len(expected))
    for one, other in zip(answer, expected, strict=True):
        _check(one, other)


def _check_in_any_order(answer: Sequence[Expression], expected: Sequence[Expression]) -> None:
    _require(len(answer) == len(expected))
    left = list(answer)
    for wanted in expected:
        reasons = []
        for place, one in enumerate(left):
            try:
                _check(one, wanted)
            except Differs as differs:
                reasons.append(str(differs))
            else:
                del left[place]
                break
        else:
            # The reason that tells most of why none of them is the wanted one.
            raise Differs(next((r for r in (UNCOMPUTED, OTHER_UNIT) if r in reasons), OTHER))


def _different(group: Expression) -> tuple[Expression, ...]:
    """The elements of a set, none twice."""
    found: list[Expression] = []
    for part in group.parts:
        if not any(_same(part, other) for other in found):
            found.append(part)
    return tuple(found)


# -- lists ----------


def _check_lists(answer: Expression, expected: Expression) -> None:
    """Lists in any order, of which one may be in braces; an element may name what it is."""
    if not {answer.kind, expected.kind} <= {"list", "set"}:
        raise Differs(OTHER_KIND)
    names = [_names(answer), _names(expected)]
    if max(map(len, names)) > 1 and names[0] != names[1]:
        raise Differs(OTHER)  # of x = 1, y = 2 the names matter
    _check_in_any_order(*(
        _different(one) if one.kind == "set" else one.parts for one in (answer, expected)
    ))  # fmt: skip


def _point(one: Expression) -> Expression:
    """The point (3,4) of x = 3, y = 4; everything else as it is."""
    named = [_named(part) if part.kind == "relation" else None for part in one.parts]
    values = dict(pair for pair in named if pair)
    if one.kind != "list" or len(values) < len(named) or "".join(sorted(values)) not in _POINTS:
        return one
    return Expression("bracket", tuple(values[name] for name in sorted(values)), "( )")


def _set_named(one: Expression) -> Expression:
    r"""The set of x \in \{1, 2\}; everything else as it is."""
    named = _named(one) if one.kind == "relation" else None
    return named[1] if named and named[1].kind == "set" else one


def _names(one: Expression) -> frozenset[str]:
    found = [_named(part) for part in one.parts if part.kind == "relation"]
    # x_1 = 1, x_2 = 2 lists the values of one x.
    return frozenset(re.sub(r"_[0-9]+$", "", named[0]) for named in found if named)


# -- sets of real numbers ----------


def _are_sets(answer: Expression, expected: Expression) -> bool:
    """Whether both may be sets of real numbers that are written in different ways; two brackets may
    be points, two relations are compared as they stand."""
    kinds = {answer.kind, expected.kind}
    if kinds & {"union", "condition"} or _says_inequalities(answer) or _says_inequalities(expected):
        return True
    alike = answer.kind == expected.kind and answer.kind != "relation"
    return not alike and all(
        one.kind in ("bracket", "relation") or one.name == "mathbb:R" for one in (answer, expected)
    )


def _says_inequalities(one: Expression) -> bool:
    r"""Whether this is a list such as x < 2 or x > 3."""
    return one.kind == "list" and any(
        part.kind == "relation" and part.name not in ("=", "in") for part in one.parts
    )


def _same_real_set(answer: Expression, expected: Expression) -> bool | None:
    r"""Whether two sets of real numbers are the same; None where one is none: A \cup B.

    Raises: Differs where an end was not computed.
    """
    try:
        ours, theirs = real_set(answer), real_set(expected)
    except NoSet:
        return None
    same_numbers = same_set(ours, theirs)
    if same_numbers and (_left_open(answer, expected) or ours.written > theirs.written):
        raise Differs(UNCOMPUTED)  # (1,2] and [2,3) are one interval
    return same_numbers


# -- relations ----------


def _named(relation: Expression) -> tuple[str, Expression] | None:
    r"""The name and the value of x = 5, 5 = x, x \in [1, 2]; None for other relations."""
    if relation.name not in ("=", "in"):
        return None
    left, right = relation.parts
    if relation.names[0] and not _mentions(right, relation.names[0], left):
        return relation.names[0], right
    if relation.name == "=" and relation.names[1] and not _mentions(left, relation.names[1], right):
        return relation.names[1], left
    return None


def _mentions(value: Expression, name: str, naming: Expression) -> bool:
    """Whether a value has in it what it is to be a value of; f(x) may have x, and not f."""
    symbols = value.symbols
    return name in symbols or (len(name) > 1 and name[:1] in symbols & naming.symbols)


def _value_named(answer: Expression) -> Expression:
    """What a relation says a name is, for an expected answer without a name."""
    named = _named(answer)
    if named is None:
        raise Differs(OTHER_KIND)
    return named[1]


def _check_relation(answer: Expression, expected: Expression) -> None:
    theirs, ours = _named(expected), _named(answer) if answer.kind == "relation" else None
    if theirs is not None:
        if answer.kind != "relation":
            return _check(answer, theirs[1])
        if ours is not None and ours[0] == theirs[0]:
            return _check(ours[1], theirs[1])
        if theirs[1].kind in VALUES and not theirs[1].symbols:
            raise Differs(UNCOMPUTED if ours is None else OTHER)  # 2x = 6 for x = 3
    if answer.kind != "relation":
        raise Differs(OTHER_KIND)
    if _left_open(answer, expected):
        raise Differs(UNCOMPUTED)
    for turned in (answer, _turned(answer)):
        if turned is None or turned.name != expected.name:
            continue
        if all(map(_same_side, turned.parts, expected.parts)):
            return None
    if expected.name == answer.name and expected.name in ("=", "ne"):
        return _require(_factor(answer, expected) is not None)
    if _solved(expected) or len(expected.parts) != 2:
        raise Differs(OTHER)
    for turned in (answer, _turned(answer)):
        if turned is not None and turned.name == expected.name:
            factor = _factor(turned, expected)
            if factor is not None and not isinstance(factor, complex) and factor.real > 0:
                return None
    raise Differs(OTHER)


def _same_side(one: Expression, other: Expression) -> bool:
    """As `_same`; the side before a leading relation sign is empty."""
    return one == other or _same(one, other)


def _turned(relation: Expression) -> Expression | None:
    """5 > x for x < 5, and x = 5 for 5 = x."""
    signs = relation.name.split()
    if not all(sign in TURNED for sign in signs):
        return None
    turned = " ".join(TURNED[sign] for sign in reversed(signs))
    return Expression("relation", relation.parts[::-1], turned, names=relation.names[::-1])


def _solved(relation: Expression) -> bool:
    r"""Whether an inequality says what a symbol is: x > 5, 1 < x \le 2."""
    return any(part.kind == "symbol" for part in relation.parts) and all(
        part.kind == "symbol" or not part.symbols for part in relation.parts
    )


def _factor(answer: Expression, expected: Expression):
    """The number by which one equation's left side less its right is the other's; None where there
    is no such number."""
    sides = (*answer.parts, *expected.parts)
    if len(sides) != 4 or any(side.kind not in VALUES for side in sides):
        return None
    ours, theirs = (_difference(one) for one in (answer, expected))
    if not theirs.symbols or ours.symbols != theirs.symbols:
        return None
    pairs = _values(ours, theirs)
    if all(same(second, pairs[0][1]) for _, second in pairs):
        return None  # x = x + 1: the symbols cancel
    factors = []
    for first, second in pairs:
        if not first and not second:
            continue  # a solution of both
        ratio = quotient(first, second)
        if not ratio:
            return None
        factors.append(ratio)
    if len(factors) < ENOUGH or not all(same(one, factors[0]) for one in factors):
        return None
    # x = x has the difference 0 everywhere, which no factor is found of; 2 - 2 neither.
    return factors[0]


def _difference(relation: Expression) -> Expression:
    left, right = relation.parts
    return Expression("sum", (left, Expression("negative", (right,))))


# -- units ----------


def _check_units(answer: Expression, expected: Expression) -> None:
    """A unit may be left out or added, and never be another."""
    ours, theirs = (
        (one.parts[0], one.name) if one.kind == "quantity" else (one, "")
        for one in (answer, expected)
    )
    if ours[1] and theirs[1] and ours[1] != theirs[1]:
        raise Differs(OTHER_UNIT)
    _check(ours[0], theirs[0])


# -- values ----------


def _check_values(answer: Expression, expected: Expression) -> None:
    if _infinite(answer) or _infinite(expected):
        return _require(_infinite(answer) == _infinite(expected))
    wanted = exact(expected)
    if wanted is not None:
        return _check_number(answer, expected, wanted)
    if answer.symbols != expected.symbols:
        raise Differs(OTHER)
    if canonical(answer) == canonical(expected):
        return None
    if _left_open(answer, expected):
        raise Differs(UNCOMPUTED)
    pairs = _values(answer, expected)
    _require(len(pairs) >= (ENOUGH if expected.symbols else 1))
    _require(all(same(first, second) for first, second in pairs))


def _check_number(answer: Expression, expected: Expression, wanted: Fraction) -> None:
    """A rational number: the answer is one numeral, or what the expected answer is."""
    if answer.kind == "number":
        return _require(answer.value == wanted)
    if canonical(answer) == canonical(expected):
        return None
    if answer.kind == "quotient" and all(part.kind == "number" for part in answer.parts):
        raise Differs(NOT_REDUCED)
    raise Differs(UNCOMPUTED if not answer.symbols else OTHER)


def _left_open(answer: Expression, expected: Expression) -> bool:
    """Whether an answer leaves to be computed what the expected one does not."""
    return bool(unfinished(answer) - unfinished(expected) or foreign_functions(answer, expected))


def _infinite(one: Expression) -> str:
    sign = ""
    if one.kind == "negative":
        sign, one = "-", one.parts[0]
    return f"{sign}infty" if one.kind == "constant" and one.name == "infty" else ""


def _values(answer: Expression, expected: Expression) -> list[tuple]:
    """Both values at points where both have one."""
    has_i = any(
        part.kind == "constant" and part.name == "i"
        for one in (answer, expected)
        for part in one.walk()
    )
    found = []
    for place in range(POINTS if expected.symbols else 1):
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
