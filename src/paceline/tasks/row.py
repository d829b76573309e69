"""Rows: the value in a column, the names of several in a message, the columns that differ."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
"""A row's values, by column."""


def row_numbers(numbers: Sequence[int]) -> str:
    """Row numbers for a message: "Row 3", "Rows 3 and 9", "Rows 3, 9, 12, 20, 31 and 7 more"."""
    if len(numbers) == 1:
        return f"Row {numbers[0]}"
    shown, more = list(map(str, numbers[:5])), len(numbers) - 5
    last = f"{more} more" if more > 0 else shown.pop()
    return f"Rows {', '.join(shown)} and {last}"


def cell(row: Mapping[str, Any], column: str) -> Any:
    """The value of a row in a column, or in one inside another (outer.inner); None if missing."""
    if column in row:
        return row[column]
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def one_line(error: Exception) -> str:
    """The words of an error, as one sentence."""
    line = (" ".join(str(error).split()) or type(error).__name__)[:300]
    return line if line.endswith(".") else line + "."


def differing_columns(rows: Sequence[Row], numbers: Sequence[int]) -> list[str]:
    """Columns in which rows, given by number from 1, differ."""
    first, *others = (rows[number - 1] for number in numbers)
    return [name for name in first if any(row.get(name) != first[name] for row in others)]
