"""What must hold of every comparison of answers: whoever adds to a right answer what no reader
would ignore is not paid for it any more, nor for any other value. `make fuzz` tries 100,000."""

import os
from fractions import Fraction

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paceline.verify.answers.symbolic import equal
from paceline.verify.answers.text.last_number import last_number
from paceline.verify.answers.text.numerals import number

EXAMPLES = int(os.environ.get("PACELINE_FUZZ", "300"))
many = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip

RIGHT = {
    "6": ["6", "6.0", "+6", "06", r"\left(6\right)", r"6^\circ"],
    "-6": ["-6", "−6", "-6.0"],
    r"\frac{2}{3}": [r"\frac{2}{3}", "2/3", r"0.\overline{6}", r"\dfrac23"],
    "1234": ["1234", "1,234", r"1{,}234", r"1\,234"],
    r"2\sqrt{3}": [r"2\sqrt{3}", r"\sqrt{12}", "2√3"],
    r"x^2-1": ["x^2-1", "(x-1)(x+1)", "-1+x^2"],
    "(2,5]": ["(2,5]", r"\left(2, 5\right]", "2<x\\le 5"],
    r"\{1,2\}": [r"\{2,1\}", "1 or 2", "x=1 or x=2"],
    "y=2x+1": ["y=2x+1", "2x-y+1=0"],
    r"\begin{pmatrix}1\\2\end{pmatrix}": [r"\begin{bmatrix}1\\2\end{bmatrix}"],
    r"\text{east}": ["east", "East"],
}
"""Expected answers, and answers that are right."""
VALUES = [
    *RIGHT,
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "12",
    "36",
    "216",
    "720",
    "10",
    "0.06",
    "60",
]
BEHIND = [
    r"+\foo{3}", r"\unknown", "+1", "-1", r"\cdot 2", r"\times 1", "*1", "/1", r"\div 1", "^2",
    "^{1}",
    "_2", "_{7}", "!", r"\\7", r"\frac{1}{", r"\frac{1}{2}", r"\sqrt(9)", ",7", r"\text{ or }7",
    r"\text{ million}", r"\text{ dozen}", "=7", r"\neq 7", "<7", r"\cup 7", "x", "z", r"\pi", "i",
    r"\mathbf{i}", "&7", "|", "'", "?", "#", "..", r"\ldots", r"\pmod 7", "(7)", "[7]", ":7", "½",
    "²",
    "七", "５ 5", " 5",
]  # fmt: skip
BEFORE = [
    r"\neq ", r"\geq ", "<", r"\approx ", "=", "7=", "7+", "1+", r"2\cdot ", "--", "!", r"\foo ",
    r"\pm ", "7,", "7;", r"\text{not }", r"\text{about }", "2^", r"\log ", "7 ", "x", r"\sqrt",
    r"\\",
    "±", "≠", "^", "_", "&", "|", "#", "?", "..", r"\sum ", r"\lim ",
]  # fmt: skip
AROUND = [
    r"\sqrt{%s}", r"|%s|", r"\lfloor %s\rfloor", r"\lceil %s\rceil", r"\max(%s,0)", r"\gcd(%s,0)",
    r"\overline{%s}", r"\vec{%s}", r"\foo{%s}", r"\frac{%s}{1}", r"\frac{%s}{%s}", r"[%s]",
    r"\{%s\}",
    r"\{\{%s\}\}", r"\langle %s\rangle", r"(%s,%s)", r"%s,%s", r"\not{%s}", r"\phantom{%s}",
    r"\cancel{%s}", r"\binom{%s}{1}", r"%s\text{ or }%s", r"\int %s",
    r"\begin{vmatrix}%s\end{vmatrix}",
    r"\lim %s", r"{%s}^{1}", r"\ln e^{%s}", r"\sin(%s)", r"2(%s)/2", r"\hspace{%s}",
]  # fmt: skip


changes = st.one_of(
    st.sampled_from(BEHIND).map(lambda more: "%s" + more.replace("%", "%%")),
    st.sampled_from(BEFORE).map(lambda more: more.replace("%", "%%") + "%s"),
    st.sampled_from(AROUND),
)


@many
@given(
    expected=st.sampled_from(sorted(RIGHT)), place=st.integers(0, 10), change=changes,
    again=st.one_of(st.none(), changes), other=st.sampled_from(VALUES),
)  # fmt: skip
@example(expected="6", place=0, change=r"%s+\foo{3}", again=None, other="6")
def test_a_right_answer_with_more_is_right_for_no_value(expected, place, change, again, other):
    answer = RIGHT[expected][place % len(RIGHT[expected])]
    assert equal(answer, expected)[0]
    for form in filter(None, (change, again)):
        answer = form.replace("%s", answer)
    answer = answer.replace("%%", "%")
    right, reason = equal(answer, other)
    assert not right, (answer, other, reason)


@many
@given(
    value=st.integers(-999, 999),
    before=st.sampled_from(["", "is ", "= ", "**", "$", "(", "x = ", "答案是"]),
    behind=st.sampled_from(
        ["", ".", "**", "$", ")", " apples", "。", "元", r"\text{ cm}", " cm^2"]
    ),
)
def test_the_last_number_has_its_sign(value, before, behind):
    last = last_number(f"{before}{value}{behind}")
    assert last is not None and number(last) == Fraction(value)


@many
@given(
    value=st.integers(1, 999),
    before=st.sampled_from([r"\sqrt{", r"\frac{x}{", "10^", "10^{", "101_", r"\log_", "≥ ", "≠",
    "±",
                            "minus ", "3:", "2024-05-", r"\neq ", "√", "x/"]),
    behind=st.sampled_from(["", ".", "}", "$", " is the answer"]),
)  # fmt: skip
def test_a_part_of_something_larger_is_no_number(value, before, behind):
    last = last_number(before + str(value) + behind)
    assert last is None or number(last) is None


PIECES = [
    "1", "2", "0", "x", "i", "e", r"\pi", r"\sqrt", r"\frac", "{", "}", "(", ")", "[", "]", r"\{",
    r"\}",
    "+", "-", "*", "/", "^", "_", "=", "<", ">", ",", ";", "|", "!", "%", r"\cot ", r"\sec ",
    r"\ln ",
    r"\infty", r"\cup", r"\setminus", r"\pm", r"\in ", r"\text{cm}", r"\text{or}", "√", "°", "½",
    r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\\\", ".", "3", r"\mathbb{R}", r"\log_", r"\gcd",
]  # fmt: skip
expressions = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@many
@given(answer=expressions, expected=st.one_of(st.sampled_from(VALUES), expressions))
def test_no_comparison_raises(answer, expected):
    right, reason = equal(answer, expected)
    assert isinstance(right, bool) and reason
