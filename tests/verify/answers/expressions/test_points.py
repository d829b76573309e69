"""Values of two expressions at the same points."""

from paceline.verify.answers.expressions.points import FEWEST_POINTS, MOST_POINTS, values_at_points
from paceline.verify.answers.expressions.reader import readings


def read(text):
    return readings(text)[-1]


def test_values_at_the_same_points():
    pairs = values_at_points(read("2x"), read("x+x"))
    assert len(pairs) == MOST_POINTS and all(first == second for first, second in pairs)
    assert len(set(pairs)) > FEWEST_POINTS, "at different ones"


def test_points_where_one_has_no_value_are_left_out():
    pairs = values_at_points(read(r"\ln x"), read(r"\ln x"))
    assert FEWEST_POINTS <= len(pairs) < MOST_POINTS
    assert len(values_at_points(read(r"\pi"), read("3"))) == 1


def test_the_points_are_others_for_other_expressions():
    first, second = (values_at_points(read(text), read("x"))[0][1] for text in ("x", "2x"))
    assert first != second
