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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("103", 103),
        (" 12. ", 12),
        ("007", 7),
        ("-5", -5),
        ("−5", -5),  # U+2212
        ("+5", 5),
        ("1,234,567.50", Fraction(2469135, 2)),
        (".5", Fraction(1, 2)),
        ("-1/3", Fraction(-1, 3)),
        ("1e5", 100000),
        ("2.5E-1", Fraction(1, 4)),
        ("0.333333", Fraction(333333, 1000000)),
    ],
)
def test_numbers_have_their_exact_value(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "-", "13=12", "10_{2}", "12,12", "1,2,3", "1+2", "1,23", "0,123", "1234,567",
        "--5",
        "+-5", "- 5", "１０３", "٣", "1_000", "1e999999999", "1e1000", "9" * 121, "206/2",
        "1/0", "3/1",
        "0/2", "1/2/3", "1.2.3", "12..", "nan", "inf", "1²", "½", "five", "5 apples", "12 13",
        "0x10",
        "1e", "1.e5", "5!", "9^9",
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(text):
    assert number(text) is None
