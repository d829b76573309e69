"""The last number of a text, and whether it stands there as one."""

from fractions import Fraction

import pytest

from paceline.verify.answers.text.last_number import last_number
from paceline.verify.answers.text.numerals import number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\boxed{\frac{1}{2}}", Fraction(1, 2)),
        ("25 cm^2", 25),
        ("25 cm^{2}", 25),
        (r"25\text{ cm}^2", 25),
        ("64 m3", 64),
        ("**5**", 5),
        ("= 1/2", Fraction(1, 2)),
        ("is 5cm", 5),
        ("5元", 5),
        ("答案是5", 5),
        ("答案是负5", -5),
        ("答案是－5", -5),
        ("x = –5", -5),
        ("x = - 5", -5),
        ("<answer>5</answer>", 5),
        ("=> 5", 5),
        ("-> 5", 5),
        ("10{,}080", 10080),
        (r"10,\!080", 10080),
        ("x_1 = 3 and x_2", 3),
        ("60 km/h", 60),
        ("5 apples", 5),
        ("5%", 5),
        (r"5\%", 5),
        ("$5", 5),
        ("-$5", -5),
        (r"\boxed{42}", 42),
        ("GPT4 says 5", 5),
        ("says 5 (see A4)", 5),
        ("5!", 5),
        ("1,2,3", 3),
        ("It costs $1,234.50.", Fraction(2469, 2)),
        ("The answer is 103 ", 103),
        ("≈ 5", 5),
        ("about ~5", 5),
        (r"\text{5}", 5),
        (r"5\text{ cm}", 5),
        (r"5\,\text{cm}", 5),
        ("x=5.", 5),
        ("5,", 5),
        ("103%", 103),
        ("No. 5", 5),
        ("#5", 5),
        ("7!5", 5),
        ("|5|", 5),
        ("5*", 5),
        ("5\n", 5),
        ("5 ", 5),
        ("1/3", Fraction(1, 3)),
        ("half past 5", 5),
        ("5'", 5),
        ('5"', 5),
        ("5:", 5),
        ("5;", 5),
        ("5)", 5),
        ("5]", 5),
        ("5}", 5),
        ("5$", 5),
        (r"5\)", 5),
        ("5\\\\", 5),
        ("5°", 5),
        (r"5^\circ", 5),
        (r"90^{\circ}", 90),
        ("m^2: 5", 5),
        ("5 m/s^2", 5),
        ("5 m/s2", 5),
        (r"5\ \mathrm{m}^2", 5),
        ("3e5", 300000),
        ("x^2 = 5", 5),
        ("2^10 = 1024", 1024),
        ("5 % of", 5),
    ],
)
def test_a_last_number_that_stands_as_one(text, value):
    last = last_number(text)
    assert last is not None and number(last) == value


@pytest.mark.parametrize(
    "text",
    [
        r"$2\frac{1}{2}$", "101_{2}", "101_2", r"3\sqrt{5}", r"\sqrt{5}", r"\sqrt5", "√5", "3,5",
        "10^3", "10^{3}", "2**5", "2 1/2", "is 5x", "5 million", "5万",
        "is minus 5", "12:30", "3:2",
        "2024-05-03", "x ≥ 5", "x > 5", "x != 5", r"\neq 5", r"\pm 5", "±5", "1 234", "10 080",
        "x_1", r"\frac{3}{5}x", "x/5", "5/x", "the 5th", r"\log_2 8", r"0.\overline{3}", "(3,5)",
        "5 squared", "5 and a half", "3.5.2024", "- 5", "5 dozen", "5₂", "e^5", "e^{5}", "e^{-5}",
        "10 - 5", "10 – 5", "10-5", "pages 1–5", r"17 \times 5", "17 × 5", "4 + 5", "x*5",
        "3 times 5",
        "5 and 1/2", "101 in base 5", "3 mod 5", "2020-05", "12 : 5", "log_2 5", "root 5",
        "neg. 5", "twice 5",
        "it cannot be 5", "is not equal to 5", "the reciprocal of 5", "5的平方根",
        r"\binom{7}{5}", "5/", "2/6", "5 × 10³", r"5\times10^3", "x^2", "x²", r"5\pi", "5π",
    ],
)  # fmt: skip
def test_a_part_of_something_else_is_no_number(text):
    last = last_number(text)
    assert last is None or number(last) is None


def test_only_so_many_names_are_passed_over():
    assert last_number("5 " + "x1 " * 10) == "5" and last_number("5 " + "x1 " * 30) is None


@pytest.mark.parametrize(
    "text",
    [
        r"$-\; 5$", r"$-\!5$", "$-~5$", "-(5)", "−(5)", r"$-\left(5\right)$", "-|5|",
        r"-\$5", r"$-\$5$", r"−\mathbf{5}", r"-\textbf{5}", "-`5`", "-*5*", "**-**5",
        "{-}5", r"\text{-}5", r"$\mathrm{-}5$", "minus **5**", "negative $5$", "minus: 5",
        "负$5$", "负 $5$", "负数5", "5 below zero", "5 degrees below zero", "˗5", "﹘5", "➖5",
        "&minus;5", "&#8722;5", r"\frac1 2", r"\frac{a}2", "1÷2", "x ∕ 2", "sqrt(2)",
        "sqrt 2", "√(2)", "square root of 2", "2√x", "2**n", "1,000,2", "1：2", "<= 2",
        ">= 2", "+/- 2", "2<x", "2≤x",
    ],
)  # fmt: skip
def test_a_sign_or_a_part_in_any_wrapping_is_not_passed_over(text):
    last = last_number(text)
    assert last is None or number(last) not in (5, 2)


@pytest.mark.parametrize(
    "text",
    [r"-\boxed{5}", r"negative \boxed{5}", r"x \ne \boxed{5}", r"\sqrt\boxed{5}", r"10\boxed{5}"],
)
def test_a_number_in_a_box_that_is_a_part_is_none(text):
    last = last_number(text)
    assert last is None or number(last) is None


@pytest.mark.parametrize("text", [r"\boxed{5}", r"$x=\boxed{5}$.", r"so \boxed 5"])
def test_a_number_in_a_box(text):
    assert last_number(text) == "5"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("47 + 56 = 103", "103"),
        ("47+56=103.", "103"),
        ("It is 103, I think", "103"),
        ("the answer is -5", "-5"),
        ("the answer is −5", "−5"),
        ("x=-5", "-5"),
        ("**-5**", "-5"),
        ("-$5", "-5"),
        ("$1,234.50", "1,234.50"),
        ("10-5", "10-…5…"),  # A difference, a range or a date
        ("sub-5", "…5"),  # is no number, whatever the sign stands behind.
        ("(2+3)-5", "…5"),
        ("10 - 5", "…5"),
        ("--5", "--5"),
        ("5--5", "--5"),
        ("5" + " " * 10_000, None),  # Looked for at the end of a text only.
        ("1,2,3", "3"),
        ("0 or 1 or 103", "103"),
        ("half is .5", ".5"),
        ("the end.5", "5"),
        ("1/2.", "1/2"),
        ("3/4/2024", "3/4/2024"),
        ("1.2.3", "1.2.3"),
        ("1e999999999", "1e999999999"),
        ("5 and １０３", "１０３"),
        ("103²", "103²"),
        ("5½", "5½"),
        ("103...", "103"),
        ("no digits", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text(text, last):
    assert last_number(text) == last
