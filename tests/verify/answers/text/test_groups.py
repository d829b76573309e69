"""Where groups in braces and boxes begin and end."""

import pytest

from paceline.verify.answers.text.groups import Box, boxes, end_of_group, is_group, only_box


def test_a_group_ends_at_its_own_brace():
    assert end_of_group(r"{a}b}c", 0) == (5, 0)
    assert end_of_group(r"\}}c", 0) == (3, 0), "an escaped brace is none"
    assert end_of_group(r"\\}c", 0) == (3, 0), "behind two backslashes it is one"
    assert end_of_group("a{b", 0) == (3, 2)
    assert is_group("{a}") and not is_group("{a}{b}") and not is_group("{a")


def test_boxes_in_order_and_what_is_in_them():
    text = r"\boxed{\frac{1}{2}}, \fbox {3} and \boxed 42"
    assert [box.content for box in boxes(text)] == [r"\frac{1}{2}", "3", "42"]
    assert boxes("It is \\boxed{103}.") == [Box(6, 17, "103", True)]
    assert boxes(r"in \boxed or \boxedx{5}") == [], "no box, and another command"


@pytest.mark.parametrize(
    "text", [r"\boxed{\boxed{5}}", r"\boxed{\text{\boxed{5}}}", r"\fbox{\boxed{5}}", r"\boxed5"]
)
def test_a_box_in_a_box_is_one(text):
    assert only_box(text) == "5" and len(boxes(text)) == 1


def test_a_box_that_is_not_all_of_another_is_left_in_it():
    assert only_box(r"\boxed{2\boxed{5}}") == r"2\boxed{5}"


def test_nothing_but_the_last_brace_may_be_missing():
    assert boxes(r"so \boxed{5") == [Box(3, 11, "5", False)]
    assert boxes(r"so \boxed{\frac{1}{2").pop().content is None
    assert only_box(r"\boxed{5") is None


def test_many_boxes_in_boxes():
    assert len(boxes("\\boxed{" * 100_000)) == 1
    for inner in ("\\boxed{", "\\text{\\boxed{"):
        deep = inner * 3_000 + "5" + "}" * (3_000 * inner.count("{"))
        assert only_box(deep.replace("\\text{", "", 1)) is None or len(boxes(deep)) == 1
