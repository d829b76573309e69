"""The factors of products and quotients."""

import pytest

from paceline.verify.answers.expressions.factors import factors_of, kernel
from paceline.verify.answers.expressions.reader import readings


def read(text):
    return readings(text)[-1]


def test_what_is_multiplied_and_what_divides():
    found = factors_of(read(r"\frac{-6x^2\sqrt{5}}{3x}"))
    assert (found.above, found.below) == ([6, 1], [1, 3]), "3 is 3 over 1"
    assert [(one.above, one.raised) for one in found.bases] == [(True, True), (False, False)]
    assert found.radicands == [5] and found.signs == 1


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{2x}{2y}", r"\frac{x}{x^2}", r"2\cdot 3x", r"\frac{\sqrt6}{\sqrt2}",
        r"\frac{-x}{-y}",
        r"\frac{x+1}{(x+1)^2}", r"\frac{\frac12 x}{3}", "x^2 y x",
    ],
)  # fmt: skip
def test_what_can_be_put_together(text):
    assert factors_of(read(text)).combine()


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{4\pi}{6}",
        r"\frac{x}{y}",
        "2x^2y",
        "x x x",
        r"\sqrt2\sqrt3",
        r"-\frac{x}{2}",
        r"\frac{x+1}{x-1}",
    ],
)
def test_what_cannot(text):
    assert not factors_of(read(text)).combine()


@pytest.mark.parametrize("text", [r"\frac{x}{0}", r"\frac{6x}{0}", r"-\frac{6x}{0}"])
def test_a_factor_of_zero_divides_nothing(text):
    assert not factors_of(read(text)).combine()


def test_a_root_is_a_multiple_of_its_kernel():
    assert kernel(read(r"\sqrt{12}")) == read(r"\sqrt{3}") == kernel(read(r"\sqrt{3}"))
    large = read(r"\sqrt{999999999998}")
    assert kernel(large) == large, "where finding a square would take long"
