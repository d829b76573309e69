"""Rows: values by column, their numbers in words, the columns that differ."""

import pytest

from paceline.tasks.row import cell, differing_columns, one_line, row_numbers


def test_row_numbers_in_words() -> None:
    assert row_numbers([3]) == "Row 3"
    assert row_numbers([3, 9]) == "Rows 3 and 9"
    assert row_numbers([1, 2, 3, 4, 5]) == "Rows 1, 2, 3, 4 and 5"
    assert row_numbers([1, 2, 3, 4, 5, 6, 7]) == "Rows 1, 2, 3, 4, 5 and 2 more"


def test_a_column_may_stand_inside_another() -> None:
    row = {"a": {"b": {"c": 1}, "d": None}, "a.d": 2, "e": "text"}
    assert cell(row, "a.b.c") == 1 and cell(row, "e") == "text"
    assert cell(row, "a.d") == 2, "a column that is named so comes first"
    assert cell(row, "a.x") is cell(row, "x") is cell(row, "e.x") is cell(row, "a.d.x") is None


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\n   second"), "first second."),
        (ValueError("A sentence."), "A sentence."),
        (KeyError(), "KeyError."),
        (ValueError("x" * 500), "x" * 300 + "."),
    ],
)
def test_an_error_is_one_sentence(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_columns_that_differ_are_those_of_any_of_the_rows() -> None:
    rows = [{"a": 1, "b": 1, "c": 1}, {"a": 9, "b": 9, "c": 9}, {"a": 1, "b": 2, "c": 1}]
    assert differing_columns(rows, [1, 3]) == ["b"]
    assert differing_columns(rows, [1, 3, 2]) == ["a", "b", "c"]
    assert differing_columns([*rows, {"a": 1, "b": 1}], [1, 4]) == ["c"]
