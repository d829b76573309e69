r"""Relations: the name and value of x = 5, the turning of 5 > x to x < 5, and the factor between
two equations."""

from .expression import VALUES, Expression
from .numeric import quotient, same
from .points import FEWEST_POINTS, values_at_points
from .real_sets import TURNED_SIGNS


def name_and_value(relation: Expression) -> tuple[str, Expression] | None:
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
    """Tell whether a value contains the name that it is given to; f(x) may contain x, but not f."""
    symbols = value.symbols
    return name in symbols or (len(name) > 1 and name[:1] in symbols & naming.symbols)


def turned_round(relation: Expression) -> Expression | None:
    """The relation with its sides exchanged: 5 > x for x < 5, and x = 5 for 5 = x."""
    signs = relation.name.split()
    if not all(sign in TURNED_SIGNS for sign in signs):
        return None
    turned = " ".join(TURNED_SIGNS[sign] for sign in reversed(signs))
    return Expression("relation", relation.parts[::-1], turned, names=relation.names[::-1])


def is_solved(relation: Expression) -> bool:
    r"""Tell whether an inequality bounds a symbol: x > 5, 1 < x \le 2."""
    return any(part.kind == "symbol" for part in relation.parts) and all(
        part.kind == "symbol" or not part.symbols for part in relation.parts
    )


def factor_between(answer: Expression, expected: Expression):
    """The number by which one equation's left side minus its right is the other's; None if there is
    no such number."""
    sides = (*answer.parts, *expected.parts)
    if len(sides) != 4 or any(side.kind not in VALUES for side in sides):
        return None
    ours, theirs = (_difference(one) for one in (answer, expected))
    if not theirs.symbols or ours.symbols != theirs.symbols:
        return None
    pairs = values_at_points(ours, theirs)
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
    if len(factors) < FEWEST_POINTS or not all(same(one, factors[0]) for one in factors):
        return None
    # x = x has the difference 0 everywhere, which no factor is found of; 2 - 2 neither.
    return factors[0]


def _difference(relation: Expression) -> Expression:
    left, right = relation.parts
    return Expression("sum", (left, Expression("negative", (right,))))
