"""A place among the tokens of an answer."""

import pytest

from paceline.verify.answers.expressions.reader import readings
from paceline.verify.answers.expressions.tokens import Unread


@pytest.mark.parametrize(
    ("text", "name"),
    [("x_1", "x_1"), ("x_{12}", "x_12"), ("x_{n+1}", "x_n+1"), ("x'", "x'"), ("a_k''", "a_k''")],
)
def test_a_symbol_has_its_index_and_its_primes(text, name):
    (found,) = readings(text)
    assert (found.kind, found.name) == ("symbol", name)


def test_e_and_i_are_constants_and_not_with_an_index():
    assert readings("e")[-1].kind == readings("i")[-1].kind == "constant"
    assert readings("e_1")[-1].kind == "symbol"


@pytest.mark.parametrize(
    "text", ["x_", "x_{", "x_{}", "x_(1)", "(" * 50 + "x" + ")" * 50, "1_{99}"]
)
def test_indices_bases_and_brackets_that_are_none(text):
    with pytest.raises(Unread):
        readings(text)
