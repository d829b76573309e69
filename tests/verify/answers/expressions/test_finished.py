"""What an answer leaves to be computed."""

import pytest

from paceline.verify.answers.expressions.finished import foreign_functions, unfinished
from paceline.verify.answers.expressions.reader import readings


@pytest.mark.parametrize(
    "text",
    [
        "5", "-0.5", r"\frac{2}{3}", r"2\frac{1}{2}", r"12\%", r"3\sqrt{2}", r"\sqrt{18}",
        r"\frac{2+2\sqrt{5}}{4}", r"2^{1/2}", r"\frac{4\pi}{6}", "2+3i", r"\frac{3+4i}{5}", "-i",
        r"\ln 2+\ln 3", "(x-1)(x+1)", "x^2-2x+1", r"\sqrt{2}\sqrt{3}", r"\frac{x}{2}", r"e^{2}",
        "x x x", r"\frac{2+2\sqrt{5}}{2}",
        r"2(1+\sqrt5)",
        r"\frac{1}{1+\sqrt{2}}", r"30^\circ",
    ],
)  # fmt: skip
def test_finished(text):
    assert not unfinished(readings(text)[-1])


@pytest.mark.parametrize(
    "text",
    [
        "1+2", r"17\times 23", r"\frac{4}{6}", r"\frac{6}{2}", "2^{10}", "5!", r"\sqrt{36}",
        r"\sqrt{2}\sqrt{8}", r"|47+56|", r"\gcd(84,36)", r"\sin 30^\circ", r"\log_2 8", "2x+3x",
        r"\sqrt{3}+\sqrt{3}", r"2\cdot 3x", r"(1+\sqrt{2})^2", r"(1+\sqrt2)(1+\sqrt3)",
        r"\sqrt{16+2}", "(1+i)^2", "(2+i)(3-i)", "-(-5)", r"\frac{0.5}{2}", r"(1,2+3)",
        r"e^{i\pi}", "i^2", r"x^{1+2}", "x+0", "1x", "0x", "x/1", "x^1", r"2(x+1)/2",
        r"\frac{6x}{3}", r"\frac{2}{2x}", r"\frac{x}{x^2}", r"\sqrt{12}-\sqrt{3}",
        r"2\cdot\frac{\sqrt3}{2}", r"\frac{\pi^2}{\pi}",
        r"-(-\pi)", r"\frac{-x}{-y}", r"\frac{\sqrt6}{\sqrt2}", r"\sqrt3+\frac{1}{\sqrt3}",
        r"x^2 x^3",
    ],
)  # fmt: skip
def test_left_to_be_computed(text):
    assert unfinished(readings(text)[-1])


def test_functions_that_the_expected_answer_does_not_have():
    def foreign(answer, expected):
        return foreign_functions(readings(answer)[-1], readings(expected)[-1])

    assert foreign(r"\sin 15^\circ", r"\frac{\sqrt6-\sqrt2}{4}") == {"angle"}
    assert foreign(r"\gcd(x,0)", "x") == {"gcd"} and foreign(r"\ln e^x", "x") == {"logarithm"}
    for answer, expected in ((r"\tan x", r"\frac{\sin x}{\cos x}"), ("|x|", r"\sqrt{x^2}"),
                             (r"\exp(2x)", "e^{2x}"), (r"\cos x+i\sin x", "e^{ix}")):  # fmt: skip
        assert not foreign(answer, expected)
