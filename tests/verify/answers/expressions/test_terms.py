"""Sums, products, powers and brackets."""

import pytest

from paceline.verify.answers.expressions.reader import readings
from paceline.verify.answers.expressions.terms import MAX_SETS, MAX_SLASHES
from paceline.verify.answers.expressions.tokens import Unread


def read(text):
    return readings(text)[-1]


def test_terms_and_factors():
    assert read("2x+3y-4").kind == "sum" and len(read("2x+3y-4").parts) == 3
    assert read("2xy").kind == "product" and len(read("2xy").parts) == 3
    assert read("-5").kind == "number", "a sign and a number are a number"


def test_a_whole_number_with_a_fraction_behind_is_one_number():
    assert read(r"2\frac{1}{2}").name == read("2 1/2").name == "mixed"
    assert read(r"2\frac{3}{2}").kind == "product", "no mixed number has a part above one"


def test_plus_minus_is_two_values():
    found = read(r"1 \pm \sqrt{2}")
    assert found.kind == "list" and len(found.parts) == 2
    assert len(read(r"\{\pm 2, 5\}").parts) == 3


def test_units_stand_behind_numbers_and_currencies_before():
    assert read(r"5\text{ m/s}^2").name == "m/s^2" and read(r"-\$5").name == "dollar"
    assert read(r"90^\circ").name == "degree"


@pytest.mark.parametrize(
    "text",
    [
        "1/2x", "2^3^4", "3!!", r"x\%", r"5\%\%", r"x\text{ cm}", r"\$5\text{ cm}",
        r"5\%\text{ cm}",
        "2^-", "[1,2", "(1;2", r"\{" * (MAX_SETS + 2) + r"\}" * (MAX_SETS + 2),
        "1" + "/2" * (MAX_SLASHES + 1), "3 4", "x2",
    ],
)  # fmt: skip
def test_what_mathematicians_would_ask_about(text):
    with pytest.raises(Unread):
        read(text)
