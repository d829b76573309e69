"""What begins with a command: fractions, roots, functions, styles, matrices."""

import pytest

from paceline.verify.answers.expressions.commands import angle
from paceline.verify.answers.expressions.reader import readings
from paceline.verify.answers.expressions.tokens import Unread


def read(text):
    return readings(text)[-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\frac12", r"\frac{1}{2}"), (r"\dfrac1{12}", r"\frac{1}{12}"),
        (r"\frac xy", r"\frac{x}{y}"),
        (r"\sqrt12", r"\sqrt{12}"), (r"\sqrt[3]{x}", r"\cbrt{x}"), (r"\sin(x)", r"\sin x"),
        (r"\sin^{-1}x", r"\arcsin x"), (r"\mathbf{5}", "5"), (r"\varnothing", r"\emptyset"),
        ("sqrt(5)", r"\sqrt{5}"), (r"\binom{n}{k}", r"{n \choose k}"), (r"1\over2", r"\frac12"),
    ],
)  # fmt: skip
def test_two_spellings_of_one(one, other):
    assert read(one) == read(other)


@pytest.mark.parametrize(
    "text",
    [
        r"\sqrt(9)", r"\frac123", r"\frac{1}", r"\max(1)", r"\gcd 5", r"\ln^{-1}x", r"\sin(x)^2",
        r"\lfloor x", r"\vec{2}", r"\begin{foo}1\end{foo}", r"\begin{matrix}1&2\\3\end{matrix}",
        r"\unknown{5}", r"1\over2\over3",
    ],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(Unread):
        read(text)


def test_a_matrix_has_rows_and_its_size():
    found = read(r"\begin{array}{cc}1&2\\3&4\\\end{array}")
    assert (found.kind, found.name, len(found.parts)) == ("matrix", "2x2", 4)


def test_the_only_unit_in_a_function_is_the_degree():
    assert angle(read(r"30^\circ")).kind == "degrees" and angle(read("30")) == read("30")
