"""Sets of real numbers, however they are written."""

import pytest

from paceline.verify.answers.expressions.reader import readings
from paceline.verify.answers.expressions.real_sets import NoSet, real_set, same_set


def sets(text):
    return real_set(readings(text)[-1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x>2", r"(2,\infty)"),
        (r"1<x\le 5", "(1,5]"),
        (r"5\ge x>1", "(1,5]"),
        (r"x<2\text{ or }x>3", r"(3,\infty)\cup(-\infty,2)"),
        (r"x>-2\text{ and }x<5", "(-2,5)"),
        (r"\mathbb{R}\setminus\{0\}", r"(-\infty,0)\cup(0,\infty)"),
        (r"\mathbb{R}\setminus\{0\}", r"x\ne 0"),
        (r"(0,36)\setminus\{9\}", r"(0,9)\cup(9,36)"),
        (r"\mathbb{R}\setminus[2,3)", r"(-\infty,2)\cup[3,\infty)"),
        (r"[0,2]\cap[1,3]", "[1,2]"),
        (r"[2,3)\cup[3,5)", "[2,5)"),
        (r"(-\sqrt{2},\pi)", r"-\sqrt{2}<x<\pi"),
        (r"(-\infty,1]\cup\{2\}", r"\{2\}\cup(-\infty,1]"),
    ],
)
def test_the_same_set(one, other):
    assert same_set(sets(one), sets(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x>2", r"[2,\infty)"),
        ("x>2", "y>2"),
        (r"x<2\text{ or }x>3", r"x<2\text{ and }x>3"),
        (r"(1,2)\cup(2,3)", "(1,3)"),
        (r"\mathbb{R}\setminus\{0\}", r"\mathbb{R}"),
        (r"(-1.41421356237309504,1)\cup(2,3)", r"(-\sqrt{2},1)\cup(2,3)"),
    ],
)
def test_other_sets(one, other):
    assert not same_set(sets(one), sets(other))


@pytest.mark.parametrize("text", [r"A\cup B", "(a,b)", "x+y>2", "(5,2)", "[1,2,3]", "x=y", "7"])
def test_no_sets_of_real_numbers(text):
    with pytest.raises(NoSet):
        sets(text)
