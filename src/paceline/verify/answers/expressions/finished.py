r"""Parts that an answer leaves to be computed: 17 \times 23, \frac{4}{6}, |47+56|,
\sqrt{2}\sqrt{2}.

A copy of the question must not be paid. So only finished answers are recognised: if the value is a
rational number, a numeral, a fraction in lowest terms, a mixed number, a percentage or a recurring
decimal; otherwise a sum or a product in which no part is left that has a rational value, no two
terms are alike, and no sum is raised to a power or multiplied with another.
"""

from collections import Counter

from .expression import COMPUTED, Expression, canonical
from .factors import factors_of, kernel
from .numeric import NoValue, TooLarge, exact, nearly_rational, value_at

_OF_FACTORS = ("product", "quotient", "negative")


def unfinished(expression: Expression) -> frozenset[Expression]:
    """The parts of an expression that are left to be computed, in canonical form."""
    return frozenset(_unfinished(expression))


def _unfinished(one: Expression) -> list[Expression]:
    inner = [found for part in one.parts for found in _unfinished(part)]
    if one.kind in COMPUTED and _left_to_do(one):
        inner.append(canonical(one))
    return inner


def _left_to_do(one: Expression) -> bool:
    if one.kind == "sum" and _alike(one):
        return True
    if _neutral(one):
        return True
    if one.kind in _OF_FACTORS and not _complex_number(one) and factors_of(one).combine():
        return True
    if one.symbols:
        numbers = [part for part in one.parts if exact(part) is not None]
        return one.kind in ("sum", "product") and len(numbers) > 1
    if one.kind == "degrees":
        return False
    if one.kind == "power" and one.parts[0].kind == "sum" and exact(one.parts[1]) is not None:
        return True
    sums = [part for part in one.parts if part.kind == "sum"]
    if one.kind == "product" and len(sums) > 1:
        return True
    return _rational(one) and not _complex_number(one)


def _neutral(one: Expression) -> bool:
    r"""Tell whether an operation changes nothing, or everything: x + 0, 1x, 0x, x^1."""
    values = [exact(part) for part in one.parts]
    if one.kind == "sum":
        return 0 in values
    if one.kind == "product":
        return 0 in values or (1 in values and not _i(*one.parts))
    if one.kind in ("quotient", "power"):
        return values[1] in (0, 1)
    return one.kind == "root" and values[1] == 1


def _rational(one: Expression) -> bool:
    try:
        if exact(one) is not None:
            return True
        return nearly_rational(value_at(one, {}, complex_too=True))
    except TooLarge:
        return True
    except NoValue:
        return False


def _alike(one: Expression) -> bool:
    """Tell whether two terms differ at most in a number: 2x + 3x, \\sqrt{3} + \\sqrt{3}."""
    terms = Counter(_without_number(part) for part in one.parts)
    return max(terms.values()) > 1


def _without_number(term: Expression) -> Expression | None:
    """The rest of a term without its number; None for a number."""
    if exact(term) is not None:
        return None
    if term.kind == "negative":
        return _without_number(term.parts[0])
    if term.kind == "root":
        return canonical(kernel(term))
    if term.kind == "quotient" and exact(term.parts[1]) is not None:
        return _without_number(term.parts[0])
    if term.kind == "quotient" and exact(term.parts[0]) is not None:
        under = term.parts[1]  # 1/√3 is a third of √3
        return canonical(kernel(under) if under.kind == "root" else term)
    if term.kind == "product":
        rest = [part for part in term.parts if exact(part) is None]
        if len(rest) == 1:
            return _without_number(rest[0])
        return canonical(Expression("product", tuple(rest)))
    return canonical(term)


def _complex_number(one: Expression) -> bool:
    """Tell whether this is a + bi with finished numbers a and b, or that over a number."""
    if one.kind == "quotient" and one.parts[1].kind == "number":
        return _complex_number(one.parts[0])
    terms = one.parts if one.kind == "sum" else (one,)
    if len(terms) > 2:
        return False
    imaginary = [term for term in terms if _imaginary(term)]
    real = [term for term in terms if _number(term)]
    return len(imaginary) == 1 and len(imaginary) + len(real) == len(terms)


def _imaginary(term: Expression) -> bool:
    if term.kind == "negative":
        term = term.parts[0]
    if term.kind == "quotient":
        return _imaginary(term.parts[0]) and term.parts[1].kind == "number"
    if term.kind == "product":
        numbers = [part for part in term.parts if part.kind == "number"]
        return len(term.parts) == 2 and len(numbers) == 1 and _i(term.parts[0], term.parts[1])
    return _i(term)


def _i(*parts: Expression) -> bool:
    return any(part.kind == "constant" and part.name == "i" for part in parts)


def _number(term: Expression) -> bool:
    return (term.parts[0] if term.kind == "negative" else term).kind == "number"


_FAMILIES = {
    **dict.fromkeys(("ln", "log", "lg"), "logarithm"),
    **dict.fromkeys(("sin", "cos", "tan", "cot", "sec", "csc"), "angle"),
}
"""Functions that are written in place of one another."""


def foreign_functions(answer: Expression, expected: Expression) -> frozenset[str]:
    r"""Functions in an answer that the expected one does not have: \sin 15^\circ, \gcd(84,36) and
    \ln e^x leave the question to be computed."""
    known = _functions(expected)
    for one in expected.walk():
        if one.kind == "root":
            known.add("abs")  # |x| is the root of x²
        if one.kind == "constant" and one.name == "e":
            known.add("exp")
        if one.kind == "constant" and one.name == "i":
            known.add("angle")  # cos x + i sin x is e^{ix}
        if one.kind == "call" and one.name in ("tan", "cot", "sec", "csc"):
            known.add("quotient")  # tan x is sin x / cos x
    known |= _operations(expected)
    return frozenset((_functions(answer) | _operations(answer)) - known)


def _operations(expression: Expression) -> set[str]:
    """Divisions by symbols and roots of symbols, which 6x/x and the root of x squared leave to be
    done."""
    found = set()
    for one in expression.walk():
        exponent = exact(one.parts[1]) if one.kind == "power" else None
        if one.kind == "quotient" and one.parts[1].symbols:
            found.add("quotient")
        if exponent is not None and exponent < 0 and one.parts[0].symbols:
            found.add("quotient")
        if one.kind == "root" and one.symbols:
            found.add("root")
        if exponent is not None and exponent.denominator > 1 and one.parts[0].symbols:
            found.add("root")
    return found


def _functions(expression: Expression) -> set[str]:
    calls = [one for one in expression.walk() if one.kind == "call"]
    return {
        "abs of a number" if one.name == "abs" and not one.symbols else
        _FAMILIES.get(one.name, one.name)
        for one in calls
    }  # fmt: skip
