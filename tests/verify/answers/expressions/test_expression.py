"""Expressions, and what is built of them."""

from fractions import Fraction

import pytest

from paceline.verify.answers.expressions.expression import (
    Expression,
    as_number,
    canonical,
    expanded,
    fraction_of,
    numeral,
    simple,
    times,
)
from paceline.verify.answers.expressions.reader import readings

TWO, FOUR, SIX = (as_number(Fraction(value), "integer") for value in (2, 4, 6))
X = Expression("symbol", name="x")


def test_a_fraction_in_lowest_terms_is_a_number():
    assert fraction_of(TWO, as_number(Fraction(3), "integer")).value == Fraction(2, 3)
    assert fraction_of(FOUR, SIX).kind == fraction_of(X, TWO).kind == "quotient"
    assert fraction_of(TWO, as_number(Fraction(1), "integer")).kind == "quotient"


def test_a_sign_and_a_number_are_a_number():
    assert simple(Expression("negative", (TWO,))).value == -2
    assert simple(Expression("negative", (X,))).kind == "negative"


def test_products_are_flat_and_either_sign_is_two_elements():
    assert len(times(times(TWO, X), X).parts) == 3
    assert expanded([X, Expression("either sign", (TWO, FOUR))]) == (X, TWO, FOUR)


@pytest.mark.parametrize(
    ("digits", "base", "name"),
    [("1af", "16", "1AF_16"), ("0101", "two", "101_2"), ("0", "2", "0_2")],
)
def test_a_numeral_has_its_base(digits, base, name):
    found = numeral(digits, base)
    assert found is not None and (found.kind, found.name) == ("based", name)


def test_numerals_that_are_none_and_those_of_ten():
    assert numeral("102", "2") is None and numeral("1", "1") is None and numeral("1", "one") is None
    assert numeral("12", "10") == as_number(Fraction(12), "integer")


@pytest.mark.parametrize(
    ("one", "other"),
    [("x+y", "y+x"), ("xyz", "zyx"), (r"\frac{1}{2^9}", "2^{-9}"), ("0.5x", "0.5x")],
)
def test_the_canonical_form_has_one_order(one, other):
    assert canonical(readings(one)[-1]) == canonical(readings(other)[-1])


def test_symbols_and_all_that_an_expression_is_made_of():
    found = readings("2x+y")[-1]
    assert found.symbols == {"x", "y"} and len(list(found.walk())) == 5
