"""Rows from files, folders and names."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paceline.errors import DataError
from paceline.tasks import read_rows

ROWS = [{"prompt": "one, or “un”?", "answer": 1}, {"prompt": "two?\nsure?", "answer": 2}]


def lines(rows: object) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text("\ufeff" + lines(ROWS).replace("\n", "\n\n"), "utf-8")
    (tmp_path / "lines.json").write_text(lines(ROWS))
    (tmp_path / "list.json").write_text(json.dumps(ROWS, indent=2))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "test.parquet")
    (tmp_path / "rows.csv").write_text(
        'prompt,answer\n"one, or “un”?",1\n"two?\nsure?",2\n', "utf-8"
    )
    return tmp_path


@pytest.mark.parametrize("name", ["train.jsonl", "lines.json", "list.json", "test.parquet"])
def test_every_kind_of_file_gives_the_same_rows(folder: Path, name: str) -> None:
    assert read_rows(str(folder / name)) == ROWS
    assert read_rows(str(folder / name), limit=1) == ROWS[:1]


TURNS = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": TURNS, "n": [1, 2]},
        {"prompt": "one?", "answer": 1},
        {"prompt": "one?", "cases": [{"stdin": 1, "stdout": 1}, {"stdin": 2, "stdout": 2}]},
        {"tests": ["a", "b"], "n": [1]},
        {"messages": TURNS},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    ],
)
def test_one_row_is_no_table(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "a.json").write_text(json.dumps(row))
    assert read_rows(str(tmp_path / "a.json")) == [row]


def test_a_csv_file_gives_texts(folder: Path) -> None:
    texts = [{**row, "answer": str(row["answer"])} for row in ROWS]
    assert read_rows(str(folder / "rows.csv")) == texts
    assert read_rows(str(folder / "rows.csv"), limit=1) == texts[:1]


def test_a_folder_gives_the_file_of_the_split(folder: Path) -> None:
    assert read_rows(str(folder), "train") == ROWS
    assert read_rows(str(folder), "test", limit=1) == ROWS[:1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n\n{"a": \n', "Line 3 of '.*a.jsonl' is not JSON"),
        ("a.jsonl", b"[" * 100_000, "Line 1 of '.*a.jsonl' is n"),
        (
            "a.jsonl",
            b'{"a": 1}\n[1]\n',
            r"Row 2 of '.*a.jsonl' is not an object with columns: \[1\]",
        ),
        ("a.json", b'[{"a": 1},', "'.*a.json' is not JSON"),
        ("a.jsonl", b'{"a": "\xff"}', "'.*a.jsonl' is not UTF-8"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "Line 3 of '.*a.csv' does not have the 2 cells"),
        ("a.csv", b"a,b\n1,2\n1\n", "Line 3 of '.*a.csv' does not have the 2 cells"),
        ("a.csv", b"a\n" + b"x" * 200_000 + b"\n", "Line 2 of '.*a.csv' is not CSV: field larger"),
        (
            "a.csv",
            b"a;b\n1,5;2\n",
            r"The columns of '.*a.csv' \(a, b\) are separated by semi",
        ),
        ("a.csv", b"a\tb\n1\t2\n", "are separated by tabs; separate them by commas"),
        ("a.csv", b"a|b\n1|2\n", "are separated by bars"),
        ("a.json", b'{\n "data": [{"a": 1},\n {"a": 2}]\n}', r"one object with its rows under \[d"),
        ("a.json", b'{"data": [{"a": 1}, {"a": 2}]}', r"one object with its rows under \[data\];"),
        ("a.json", b'{"n": 2,\n "rows": [{"a": 1}]}', r"'.*a.json' holds one object with \[n, ro"),
        ("a.json", b'{"a": ["x", "y"], "b": [1, 2]}', r"columns, \[a, b\], and not rows; rows are"),
        ("a.jsonl", b'{"a": {"0": 1, "1": 2}, "b": {"0": 1, "1": 2}}', r"columns, \[a, b\], and n"),
        ("a.json", b'{"a": 1}\n{"a": \n', "Line 2 of '.*a.json' is not JSON"),
        ("a.parquet", b"PAR1 no more", "'.*a.parquet' is not a whole parquet file"),
        ("a.txt", b"hello", r"'.*a.txt' is not a .jsonl, .json, .parquet, .csv file"),
    ],
)
def test_broken_files_are_named_with_the_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        read_rows(str(tmp_path / name))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "path", ["nothing.jsonl", "./nothing", "/nothing", "a/b/c", "~/nothing", ""]
)
def test_a_missing_path_is_no_hub_name(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    if path:
        with pytest.raises(DataError, match=f"There is no file or folder '{path}'; a hub name"):
            read_rows(path)
