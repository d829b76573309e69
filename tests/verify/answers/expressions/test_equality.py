"""When two expressions are one answer; tests/verify/answers/pairs.jsonl has hundreds more."""

import pytest

from paceline.verify.answers.expressions.equality import OTHER_UNIT, UNCOMPUTED, Differs, check_same
from paceline.verify.answers.expressions.reader import readings


def why(answer, expected):
    """Why an answer is not the expected one, or ""."""
    try:
        check_same(readings(answer)[-1], readings(expected)[-1])
    except Differs as differs:
        return str(differs)
    return ""


def test_lists_in_any_order_as_sets_and_with_names():
    for answer in ("1, -2", r"\{-2, 1\}", "x = 1 or x = -2", r"x \in \{1, -2\}"):
        assert why(answer, "-2, 1") == ""
    for answer in ("1", "1, 2", "1, -2, 3", "1, 1, -2", "(-2, 1)", "x = 1, y = -2"):
        assert why(answer, "-2, 1")
    assert why("y = 2, x = 1", "x = 1, y = 2") == "" and why("x = 2, y = 1", "x = 1, y = 2")


def test_what_decides_a_list_is_told():
    assert why("1, 1+1", "1, 2") == UNCOMPUTED
    assert why(r"1\text{ cm}, 2\text{ cm}", r"1\text{ cm}, 2\text{ m}") == OTHER_UNIT


def test_equations_are_the_same_up_to_a_factor():
    assert why("2x^2-10x+12=0", "x^2-5x+6=0") == ""
    assert why("6-5x+x^2=0", "x^2-5x+6=0") == ""
    for answer in ("x^2-5x+7=0", "5=6", "y^2-5y+6=0", "0=0", "x=x", "x^2-5x+6=1", "x=2"):
        assert why(answer, "x^2-5x+6=0"), answer
    # Neither has a real solution, which makes them no more equal.
    assert why("x^2+4x+23=0", "x^2+4x+20=0") and why("5=6", "x^2+4x+20=0")


def test_an_equation_is_not_solved_by_being_equivalent():
    assert why("2x=6", "x=3") == UNCOMPUTED and why("x=3", "x=3") == why("3=x", "x=3") == ""
    assert why("2x>4", "x>2") and why("2<x", "x>2") == ""


def test_inequalities_turn_with_the_sign_of_a_factor():
    assert why("2x+2y<8", "x+y<4") == "" and why("-x-y>-4", "x+y<4") == ""
    assert why("x+y>4", "x+y<4") and why("-x-y<-4", "x+y<4") and why(r"x+y\le 4", "x+y<4")


def test_intervals_and_what_says_the_same():
    for answer in ("1<x\\le 2", "x\\in(1,2]", "2\\ge x>1"):
        assert why(answer, "(1,2]") == ""
    for answer in ("(1,2)", "[1,2]", "1\\le x\\le 2", "(2,1]"):
        assert why(answer, "(1,2]")


def test_symbols_that_cancel_are_not_passed_over():
    # d/dx of x² is 2x; read as letters it is x.
    assert why(r"\frac{d}{dx}x^2", "x") and why(r"\frac{xy}{y}", "x")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (r"\ln(x-5)", r"\frac{1}{2}\ln((x-5)^2)"),  # have a value together for x > 5 only,
        (r"\sqrt{(1-x)(1+x)}", r"\sqrt{1-x^2}"),  # for -1 < x < 1 only,
        (r"(-1)^n", r"(-1)^{n+2}"),  # and at whole numbers only.
    ],
)
def test_points_are_found_where_both_have_a_value(answer, expected):
    assert why(answer, expected) == ""
