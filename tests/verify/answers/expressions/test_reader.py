"""Tokens as expressions: all of them or none."""

import pytest

from paceline.verify.answers.expressions.expression import Expression
from paceline.verify.answers.expressions.reader import bare, readings
from paceline.verify.answers.expressions.tokens import Unread


def told(one: Expression) -> str:
    """An expression in brackets: (sum x -2)."""
    if one.kind == "number":
        return str(one.value)
    inner = " ".join(filter(None, [one.name, *map(told, one.parts)]))
    return inner if one.kind in ("symbol", "constant") else f"({one.kind} {inner})"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("x-2", "(sum x -2)"),
        ("-x^2", "(negative (power x 2))"),
        (r"2\frac{1}{2}", "5/2"),
        ("2 1/2", "5/2"),
        (r"\frac{4}{6}", "(quotient 4 6)"),
        (r"5\div 2", "(quotient 5 2)"),
        ("5/2", "5/2"),
        (r"3\sqrt[3]2", "(product 3 (root 2 3))"),
        (r"\sin^2 2x\cos x", "(product (power (call sin (product 2 x)) 2) (call cos x))"),
        (r"\sin^{-1}x", "(call arcsin x)"),
        (r"\log_2 8", "(call log 8 2)"),
        (r"(2,5]", "(bracket ( ] 2 5)"),
        ("(1,234)", "(bracket ( ) 1 234)"),
        (r"\{\pm 2\}", "(set 2 -2)"),
        (r"x=\pm 2", "(list (relation = x 2) (relation = x -2))"),
        (r"1, 2 \text{ and } 3", "(list 1 2 3)"),
        (r"1<x\le 5", "(relation < le 1 x 5)"),
        (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", "(matrix 2x2 1 2 3 4)"),
        (r"12\text{ cm}^2", "(quantity cm^2 12)"),
        (r"-\$5", "(quantity dollar -5)"),
        (r"12.5\%", "1/8"),
        (r"4210_{5}", "(based 4210_5)"),
        (r"6\mathbf{i}", "(product 6 mathbf:i)"),
        (r"\text{not enough}", "(text not enough)"),
        ("3 : 2", "(ratio 3 2)"),
        (r"|x-1|", "(call abs (sum x -1))"),
    ],
)
def test_what_is_read(text, expression):
    assert expression in [told(one) for one in readings(text)]


@pytest.mark.parametrize(
    "text",
    [
        r"6+\foo{3}", r"6\frac{1}{", r"6\frac{1}{}", "6_", r"6\\7", r"4\sqrt(9)", "1/2x", "x^2^3",
        "2--3", "3 4", "x2", "--5", "5,", "(5", "5)", "[1,2,3)", r"\{1,2)", r"\text{-}5",
        r"5\text{x}", r"5\text{ million}", r"x\text{ cm}", r"\int x", r"\sum x", r"\pm 1 \pm 2",
        r"\begin{pmatrix}1&2\\3\end{pmatrix}", r"\begin{vmatrix}1\end{vmatrix}", "6'", "=", "5=",
        r"\sin", "x!!", r"\mathbf{}", r"(1,2)+3", r"2\{1\}", r"\frac123", "...", "5 # 6",
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_as_a_whole(text):
    with pytest.raises(Unread):
        readings(text)


def test_letters_may_be_a_product_or_a_word():
    assert [told(one) for one in readings("ab")] == ["(text ab)", "(product a b)"]
    assert [told(one) for one in readings("east")] == ["(text east)"]
    assert [told(one) for one in readings("SAS")] == ["(text SAS)"]
    assert [told(one) for one in readings(r"\text{(B)}")] == ["(text B)"]


def test_what_stands_around_an_answer_is_taken_off():
    assert bare(r"$\boxed{5}$.") == bare(r"\(5\)") == bare("5。") == bare("5") == "5"
    assert bare("5..") == "5..", "is no number with a full stop"
    assert bare(r"\boxed{1}+\boxed{2}") == r"\boxed{1}+\boxed{2}"


def test_names_of_what_is_equal():
    (relation,) = readings("f(x)=2x")
    assert relation.names == ("f(x)", "")
    assert readings("a_{n}=1")[0].names == readings("a_n=1")[0].names
    assert readings("xy=6")[0].names == ("", "")
