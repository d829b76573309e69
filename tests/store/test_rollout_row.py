"""Rows of a round's file, by their records."""

from dataclasses import asdict, fields

import pyarrow as pa
import pytest

from paceline.store.base import RecordError
from paceline.store.rollout_row import RolloutRow, columns, known_in, rows_of, schema, table_of
from tests.helpers.rollout_rows import ROW


def test_a_row_is_read_as_it_was_written():
    # Halves and quarters are exact in the four bytes of a list's numbers.
    assert rows_of(table_of([ROW, ROW])) == [ROW, ROW]


def test_each_field_is_a_column_with_the_type_of_its_annotation():
    assert list(columns()) == schema().names == [one.name for one in fields(RolloutRow)]
    kinds = {name: columns()[name] for name in ("draw", "reward", "anchor", "special", "tokens")}
    assert kinds == {
        "draw": "int64",
        "reward": "double",
        "anchor": "list<float>",
        "special": "list<bool>",
        "tokens": "list<string>",
    }
    assert schema().field("prompt_ids").type == pa.list_(pa.int32())


def test_files_of_other_versions_lack_columns_or_have_more():
    table = table_of([ROW]).drop_columns(["problem_row", "special", "sampled"])
    (row,) = rows_of(table.append_column("later", pa.array([1])))
    assert row == RolloutRow(**{**asdict(ROW), "special": None})


def test_a_file_without_what_every_row_has_is_refused():
    with pytest.raises(RecordError, match=r"^The round lacks the columns 'old', 'step'\.$"):
        rows_of(table_of([ROW]).drop_columns(["step", "old"]))
    assert known_in([*columns(), "later"]) == list(columns())
