"""What relations name, and how they are turned."""

from paceline.verify.answers.expressions.reader import readings
from paceline.verify.answers.expressions.relations import (
    factor_between,
    is_solved,
    name_and_value,
    turned_round,
)


def read(text):
    return readings(text)[-1]


def test_what_a_relation_names():
    assert name_and_value(read("x=5")) == ("x", read("5")) == name_and_value(read("5=x"))
    assert name_and_value(read("f(x)=2x")) == ("f(x)", read("2x"))
    assert name_and_value(read("x=x+1")) is None and name_and_value(read("x<5")) is None
    assert name_and_value(read("2x=6")) is None


def test_a_relation_is_turned_with_its_signs():
    turned = turned_round(read("1<x\\le 2"))
    assert turned is not None
    assert (turned.name, turned.parts) == ("ge >", read("1<x\\le 2").parts[::-1])
    assert turned_round(read("x\\in[1,2]")) is None


def test_an_inequality_that_is_solved():
    assert is_solved(read("x>5")) and is_solved(read("1<x<2")) and not is_solved(read("2x>5"))


def test_the_number_between_two_equations():
    assert factor_between(read("2x+2y=8"), read("x+y=4")) == 2
    assert factor_between(read("x+y=5"), read("x+y=4")) is None
    assert factor_between(read("y+z=4"), read("x+y=4")) is None
