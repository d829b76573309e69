r"""The equality of answers: two expressions that are one answer.

Rational numbers are compared exactly, other values to more digits than an answer can have, and
expressions with symbols at points that nobody can know beforehand. Everything else is compared part
by part: 1, 2 as a list is also \{1, 2\}, and in any order; x = 5 is also 5; brackets, units, bases
and signs of relations have to be the same.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from .expression import VALUES, Expression, canonical
from .finished import foreign_functions, unfinished
from .numeric import TooLarge, exact, same
from .points import FEWEST_POINTS, values_at_points
from .real_sets import NoSet, real_set, same_set
from .relations import factor_between, is_solved, name_and_value, turned_round

_POINTS = {"xy", "xyz", "ab", "abc", "mn", "pq"}
"""Names of coordinates, in their order."""
_SHORT_WORDS = {
    "yes", "no", "odd", "one", "two", "six", "ten", "all", "any", "red", "may", "sun",
    "mon", "tue", "wed", "thu", "fri", "sat", "he", "she", "it", "up", "if", "and", "or", "not",
}  # fmt: skip
"""Words of up to three letters, which stay the same words in capitals."""


class Differs(Exception):
    """Two expressions are not one answer; the message gives the reason, one of a few."""


UNCOMPUTED = "the answer was not computed"
"""Reason of a difference: something is left to compute."""
NOT_REDUCED = "the answer is a fraction that is not in lowest terms"
"""Reason of a difference: a fraction that can be reduced."""
OTHER_UNIT = "the answer has another unit"
"""Reason of a difference: another unit."""
OTHER_VALUE = "the answer does not equal the expected one"
"""Reason of a difference: another value."""
OTHER_KIND = "the answer is of another kind than the expected one"
"""Reason of a difference: another kind of expression."""
TOO_LARGE = "the answer is too large to be compared"
"""Reason of a difference: too large to compute. Equal cases give equal reasons."""


def check_same(answer: Expression, expected: Expression) -> None:
    """Check that an answer is the expected one, and computed. Raises: Differs."""
    try:
        _check(answer, expected)
    except TooLarge:
        raise Differs(TOO_LARGE) from None


def difference(answers: Sequence[Expression], expected: Sequence[Expression]) -> str:
    """The reason why no reading of an answer is one of the expected answer; "" if one is."""
    reasons = []
    for wanted in expected:
        for answer in answers:
            try:
                check_same(answer, wanted)
            except Differs as differs:
                reasons.append(str(differs))
            else:
                return ""
    return reasons[-1]


def _same(answer: Expression, expected: Expression) -> bool:
    try:
        _check(answer, expected)
    except Differs:
        return False
    return True


def _check(answer: Expression, expected: Expression) -> None:
    if "list" in (answer.kind, expected.kind) or _other_names(answer, expected):
        answer, expected = _each_named(answer), _each_named(expected)
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
        raise Differs(OTHER_VALUE)


def _plain(text: str) -> str:
    """A text without differences that nobody would make: case, commas, hyphens. Two or three
    capital letters that are not a word, such as AB, keep their case."""
    if len(text) < 4 and text.isupper() and text.casefold() not in _SHORT_WORDS:
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
            raise Differs(next((r for r in (UNCOMPUTED, OTHER_UNIT) if r in reasons), OTHER_VALUE))


def _different(group: Expression) -> tuple[Expression, ...]:
    """The elements of a set, none twice."""
    found: list[Expression] = []
    for part in group.parts:
        if not any(_same(part, other) for other in found):
            found.append(part)
    return tuple(found)


# -- lists ----------


def _check_lists(answer: Expression, expected: Expression) -> None:
    """Check lists in any order, of which one may be in braces; an element may name its value."""
    if not {answer.kind, expected.kind} <= {"list", "set"}:
        raise Differs(OTHER_KIND)
    names = [_names(answer), _names(expected)]
    if max(map(len, names)) > 1 and names[0] != names[1]:
        raise Differs(OTHER_VALUE)  # of x = 1, y = 2 the names matter
    _check_in_any_order(*(
        _different(one) if one.kind == "set" else one.parts for one in (answer, expected)
    ))  # fmt: skip


def _point(one: Expression) -> Expression:
    """The point (3,4) of x = 3, y = 4; everything else as it is."""
    named = [name_and_value(part) if part.kind == "relation" else None for part in one.parts]
    values = dict(pair for pair in named if pair)
    if one.kind != "list" or len(values) < len(named) or "".join(sorted(values)) not in _POINTS:
        return one
    return Expression("bracket", tuple(values[name] for name in sorted(values)), "( )")


def _other_names(answer: Expression, expected: Expression) -> bool:
    """Tell whether two relations name other sides, such as (y, x) and (x, y)."""
    return answer.kind == expected.kind == "relation" and answer.names != expected.names


def _each_named(one: Expression) -> Expression:
    """The list x = 1, y = 2 of (x, y) = (1, 2); everything else as it is."""
    if one.kind != "relation" or one.name != "=" or one.parts[1].kind != "bracket":
        return one
    point, values = one.parts
    names = [part.name for part in point.parts if part.kind == "symbol"]
    if point.kind != "bracket" or not len(names) == len(point.parts) == len(values.parts):
        return one
    each = zip(point.parts, values.parts, names, strict=True)
    named = [Expression("relation", (a, b), "=", names=(name, "")) for a, b, name in each]
    return Expression("list", tuple(named))


def _set_named(one: Expression) -> Expression:
    r"""The set of x \in \{1, 2\}; everything else as it is."""
    named = name_and_value(one) if one.kind == "relation" else None
    return named[1] if named and named[1].kind == "set" else one


def _names(one: Expression) -> frozenset[str]:
    found = [name_and_value(part) for part in one.parts if part.kind == "relation"]
    # x_1 = 1, x_2 = 2 lists the values of one x.
    return frozenset(re.sub(r"_[0-9]+$", "", named[0]) for named in found if named)


# -- sets of real numbers ----------


def _are_sets(answer: Expression, expected: Expression) -> bool:
    """Tell whether both may be sets of real numbers that are written in different ways; two
    brackets may be points, two relations are compared as they stand."""
    kinds = {answer.kind, expected.kind}
    if kinds & {"union", "condition"} or _says_inequalities(answer) or _says_inequalities(expected):
        return True
    alike = answer.kind == expected.kind and answer.kind != "relation"
    return not alike and all(
        one.kind in ("bracket", "relation") or one.name == "mathbb:R" for one in (answer, expected)
    )


def _says_inequalities(one: Expression) -> bool:
    r"""Tell whether this is a list such as x < 2 or x > 3."""
    return one.kind == "list" and any(
        part.kind == "relation" and part.name not in ("=", "in") for part in one.parts
    )


def _same_real_set(answer: Expression, expected: Expression) -> bool | None:
    r"""Tell whether two sets of real numbers are the same; None if one is not such a set: A \cup B.

    Raises: Differs if an end was not computed.
    """
    try:
        ours, theirs = real_set(answer), real_set(expected)
    except NoSet:
        return None
    same_numbers = same_set(ours, theirs)
    if same_numbers and _cut(answer) - _cut(expected):
        raise Differs(UNCOMPUTED)
    if same_numbers and (_left_open(answer, expected) or ours.written > theirs.written):
        raise Differs(UNCOMPUTED)  # (1,2] and [2,3) are one interval
    return same_numbers


def _cut(one: Expression) -> set[str]:
    r"""Intersections and differences that are left to be computed; \mathbb{R} \setminus \{0\},
    without single numbers, is a common way of writing."""
    return {
        part.name
        for part in one.walk()
        if part.kind == "union"
        and (part.name == "cap" or (part.name == "setminus" and part.parts[1].kind != "set"))
    }


# -- relations ----------


def _value_named(answer: Expression) -> Expression:
    """The value that a relation gives a name, for an expected answer without a name."""
    named = name_and_value(answer)
    if named is None:
        raise Differs(OTHER_KIND)
    return named[1]


def _check_relation(answer: Expression, expected: Expression) -> None:
    theirs = name_and_value(expected)
    ours = name_and_value(answer) if answer.kind == "relation" else None
    if theirs is not None:
        if answer.kind != "relation":
            return _check(answer, theirs[1])
        if ours is not None and ours[0] == theirs[0]:
            return _check(ours[1], theirs[1])
        if theirs[1].kind in VALUES and not theirs[1].symbols:
            raise Differs(UNCOMPUTED if ours is None else OTHER_VALUE)  # 2x = 6 for x = 3
    if answer.kind != "relation":
        raise Differs(OTHER_KIND)
    if _left_open(answer, expected):
        raise Differs(UNCOMPUTED)
    for turned in (answer, turned_round(answer)):
        if turned is None or turned.name != expected.name:
            continue
        if all(map(_same_side, turned.parts, expected.parts)):
            return None
    if expected.name == answer.name and expected.name in ("=", "ne"):
        return _require(factor_between(answer, expected) is not None)
    if is_solved(expected) or len(expected.parts) != 2:
        raise Differs(OTHER_VALUE)
    for turned in (answer, turned_round(answer)):
        if turned is not None and turned.name == expected.name:
            factor = factor_between(turned, expected)
            if factor is not None and not isinstance(factor, complex) and factor.real > 0:
                return None
    raise Differs(OTHER_VALUE)


def _same_side(one: Expression, other: Expression) -> bool:
    """Compare as `_same` does; the side before a leading relation sign is empty."""
    return one == other or _same(one, other)


# -- units ----------


def _check_units(answer: Expression, expected: Expression) -> None:
    """Check units: one may be left out or added, but never be another; an added K rather means a
    thousand."""
    ours, theirs = (
        (one.parts[0], one.name) if one.kind == "quantity" else (one, "")
        for one in (answer, expected)
    )
    if ours[1] != theirs[1] and ((ours[1] and theirs[1]) or ours[1] == "K"):
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
        raise Differs(OTHER_VALUE)
    if canonical(answer) == canonical(expected):
        return None
    if _left_open(answer, expected):
        raise Differs(UNCOMPUTED)
    pairs = values_at_points(answer, expected)
    _require(len(pairs) >= (FEWEST_POINTS if expected.symbols else 1))
    _require(all(same(first, second) for first, second in pairs))


def _check_number(answer: Expression, expected: Expression, wanted: Fraction) -> None:
    """Check a rational number: the answer is one numeral, or equal in form to the expected
    answer."""
    if answer.kind == "number":
        return _require(answer.value == wanted)
    if canonical(answer) == canonical(expected):
        return None
    if answer.kind == "quotient" and all(part.kind == "number" for part in answer.parts):
        raise Differs(NOT_REDUCED)
    raise Differs(UNCOMPUTED if not answer.symbols else OTHER_VALUE)


def _left_open(answer: Expression, expected: Expression) -> bool:
    """Tell whether an answer leaves something to compute that the expected one does not."""
    return bool(unfinished(answer) - unfinished(expected) or foreign_functions(answer, expected))


def _infinite(one: Expression) -> str:
    sign = ""
    if one.kind == "negative":
        sign, one = "-", one.parts[0]
    return f"{sign}infty" if one.kind == "constant" and one.name == "infty" else ""
