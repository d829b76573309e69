"""LaTeX as tokens."""

from fractions import Fraction

import pytest

from paceline.verify.answers.expressions.tokens import Unread, tokens_of, ungrouped


def texts(text):
    return [token.text for token in tokens_of(text)]


def test_the_break_of_a_row_is_one_token_and_what_only_spaces_is_none():
    assert texts(r"2 \\ 3") == ["2", r"\\", "3"]
    assert texts(r"2\\\,3") == ["2", r"\\", "3"]
    assert texts(r"2\ 3") == texts(r"2\;\!3") == texts(r"2\quad 3") == ["2", "3"]
    assert texts(r"\left( x \right.") == ["(", "x"]
    assert texts(r"\leftarrow") == ["leftarrow"], "which does not begin with \\left"


def test_one_name_for_what_has_several():
    assert texts(r"\dfrac") == texts(r"\tfrac") == ["frac"]
    assert texts("×") == texts(r"\times") == texts("·") == texts("*") == ["*"]
    assert texts("≤") == texts(r"\leq") == texts("<=") == ["le"]
    assert texts("（１，２）") == ["(", "1", ";", "2", ")"]
    assert texts("x²³") == ["x", "^", "{", "23", "}"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", Fraction(12)),
        ("12.50", Fraction(25, 2)),
        (".5", Fraction(1, 2)),
        ("1e5", Fraction(100000)),
        ("1,234,567", Fraction(1234567)),
        (r"1{,}234", Fraction(1234)),
        (r"10,\!080", Fraction(10080)),
        (r"1\,000\,000", Fraction(1000000)),
        ("1\u202f234", Fraction(1234)),
        (r"0.\overline{6}", Fraction(2, 3)),
        (r"0.1\dot{6}", Fraction(1, 6)),
        (r"0.\dot14285\dot7", Fraction(1, 7)),
        ("0.1(6)", Fraction(1, 6)),
    ],
)
def test_numbers_have_their_exact_value(text, value):
    (token,) = tokens_of(text)
    assert (token.kind, token.value) == ("number", value)


def test_digits_that_are_no_group_are_numbers_of_their_own():
    assert texts("1,23") == ["1", ",", "23"] and texts("1,2345") == ["1", ",", "2345"]
    assert texts("0,123") == ["0", ",", "123"]
    assert [token.text for token in ungrouped(tokens_of("1,234"))] == ["1", ",", "234"]


@pytest.mark.parametrize("text", ["\\", "5 #", "٥", "①", r"\text{a{b}}", "9" * 121, "☃"])
def test_what_is_no_token_is_not_passed_over(text):
    with pytest.raises(Unread):
        tokens_of(text)
