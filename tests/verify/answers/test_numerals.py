"""Numbers in plain text."""

from fractions import Fraction

import pytest

from paceline.verify.answers.text.numerals import MAX_NUMBER, number, with_commas


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.", 12), ("1e5", 100_000), ("007", 7), ("1,234.50", Fraction(2469, 2)), ("-5", -5),
        ("−5", -5), ("+5", 5), (".5", Fraction(1, 2)), ("3/4", Fraction(3, 4)), (" 5 ", 5),
    ],
)  # fmt: skip
def test_what_is_a_number(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "13=12", "1+2", "12,12", "206/2", "10_{2}", "--5", "１０３", "", "5 6", "1e5000", "4/6",
        "5/1", "1/0", "x", "1" * (MAX_NUMBER + 1),
    ],
)  # fmt: skip
def test_what_is_none(text):
    assert number(text) is None


def test_commas_of_latex_are_plain_ones():
    assert with_commas(r"10{,}080 and 10,\!080 and 3{,}5") == "10,080 and 10,080 and 3{,}5"
