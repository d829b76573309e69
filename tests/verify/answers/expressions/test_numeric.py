"""Values, exact or to 300 digits."""

from fractions import Fraction
from threading import Thread

import pytest

from paceline.verify.answers.expressions.numeric import (
    NoValue,
    TooLarge,
    exact,
    nearly_rational,
    same,
    value_at,
)
from paceline.verify.answers.expressions.reader import readings


def expression(text):
    return readings(text)[-1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2", 3),
        (r"\frac{4}{6}", Fraction(2, 3)),
        (r"2^{-3}", Fraction(1, 8)),
        (r"\sqrt{36}", 6),
        (r"\sqrt[3]{-8}", -2),
        (r"4^{3/2}", 8),
        ("5!", 120),
        (r"\binom{5}{2}", 10),
        (r"\gcd(84,36)", 12),
        (r"\lfloor -2.5\rfloor", -3),
        (r"|47-56|", 9),
        (r"\sqrt{2}", None),
        (r"\pi", None),
        ("x+1", None),
        (r"\sqrt{-4}", None),
        (r"\frac{1}{0}", None),
    ],
)
def test_rational_values_are_exact(text, value):
    assert exact(expression(text)) == value


def test_numbers_that_agree_to_many_digits_are_not_the_same():
    # The 24th convergents of the root of 2 agree with it to 48 digits.
    above, below = 1, 1
    for _ in range(60):
        above, below = above + 2 * below, above + below
    near = value_at(expression(f"{above}/{below}"), {}, False)
    assert not same(near, value_at(expression(r"\sqrt{2}"), {}, False))
    root = value_at(expression(r"\frac{2}{\sqrt{2}}"), {}, False)
    assert same(root, value_at(expression(r"\sqrt{2}"), {}, False))


def test_roots_are_real_unless_there_is_an_i():
    x = {"x": Fraction(-8)}
    assert same(value_at(expression("x^{1/3}"), x, False), -2)
    with pytest.raises(NoValue):
        value_at(expression(r"\sqrt{x}"), x, False)
    assert value_at(expression(r"\sqrt{x}"), x, True).imag > 2.8
    with pytest.raises(NoValue):
        value_at(expression(r"\frac{1}{x+8}"), x, False)


@pytest.mark.parametrize("text", ["9^{9^{9}}x", "(10^{10}x)!", r"\sin(10^{40}x)", "x^{10^9}"])
def test_what_is_too_large_is_not_begun(text):
    with pytest.raises(TooLarge):
        value_at(expression(text), {"x": Fraction(3)}, False)
    with pytest.raises(TooLarge):
        exact(expression("100000!"))


def test_rational_values_of_irrational_parts_are_recognised():
    assert nearly_rational(value_at(expression(r"\sqrt{2}\sqrt{8}"), {}, True))
    assert nearly_rational(value_at(expression(r"\sin 30^\circ"), {}, True))
    assert not nearly_rational(value_at(expression(r"\sqrt{2}"), {}, True))
    assert nearly_rational(value_at(expression("(1+i)^2"), {}, True)), "both parts are"


def test_threads_share_what_is_known_of_pi():
    found = []

    def run():
        for _ in range(20):
            found.append(same(value_at(expression(r"\sin\frac{\pi}{6}"), {}, False), 0.5))

    threads = [Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 160
