"""Expected answers of rows; tests of the columns say what each kind reads."""

import pytest

from paceline.tasks.expected import Expected
from paceline.tasks.faults import Fault
from paceline.types import Problem


def test_an_answer_is_text_and_what_the_row_has() -> None:
    assert Expected("a").of({"a": 4}) == ("4", 4)
    assert Expected("a").of({"a": {"b": 1}}) == ('{"b": 1}', {"b": 1})
    assert Expected("a.b").of({"a": {"b": " x "}}) == ("x", None)
    assert Expected(None).of({"a": 4}) == ("", None)
    assert Expected("s", after="####", kind="number").of({"s": "4 + 4\n#### 8"}) == ("8", None)
    assert Expected("s", kind="expression").of({"s": r"so \boxed{x^2}."}) == ("x^2", None)


def test_whole_floats_are_whole_numbers_where_all_are() -> None:
    rows = [{"a": 4.0}, {"a": 5}]
    expected = Expected("a", kind="text")
    assert expected.are_whole_floats(rows)
    assert not expected.are_whole_floats([*rows, {"a": 0.5}])
    assert not Expected(None).are_whole_floats(rows)
    assert expected.of(rows[0], floats=True)[0] == "4"
    (note,) = expected.notes(rows, [], "'x'", floats=True)
    assert note.startswith("The answers in column 'a' of 'x' are whole numbers written as floats")
    assert list(Expected(None).notes(rows, [], "'x'", floats=False)) == []


def test_a_decimal_that_is_compared_as_text_is_told() -> None:
    (note,) = Expected("a", kind="text").notes(
        [{"a": "4.0"}], [(1, Problem("p", "?", "4.0"))], "'x'", floats=False
    )
    assert note.startswith("Row 1 of 'x': the answer is written '4.0'")


@pytest.mark.parametrize(
    ("expected", "value", "reason"),
    [
        (Expected("a", kind="number"), "four", "the answer is not a plain number"),
        (Expected("a", kind="text"), " ", "there is no answer in column 'a'"),
        (Expected("a", kind="text"), [1], "the answer in column 'a' is neither text nor a number"),
        (Expected("a", after="####"), "4", "the answer has no ####"),
    ],
)
def test_an_answer_that_no_reward_could_compare_with(expected, value, reason) -> None:
    with pytest.raises(Fault) as refused:
        expected.of({"a": value})
    assert refused.value.reason.startswith(reason)
