"""Rows from files, folders and names."""

import json
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from paceline import hub
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
        with pytest.raises(DataError, match=f"'{path}' does not exist; a hub name looks like own"):
            read_rows(path)


def test_a_saved_data_set_is_read(tmp_path: Path) -> None:
    import datasets

    table = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": table, "test": table.select([1])}).save_to_disk(tmp_path / "d")
    table.save_to_disk(tmp_path / "t")
    assert read_rows(str(tmp_path / "d"), "test") == ROWS[1:]
    assert read_rows(str(tmp_path / "d"), "train", limit=1) == ROWS[:1]
    assert read_rows(str(tmp_path / "t")) == ROWS
    with pytest.raises(DataError, match=r"has the splits \[train, test\], but not 'dev'"):
        read_rows(str(tmp_path / "d"), "dev")


def test_a_folder_in_the_layout_of_the_hub_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "rows" / "data"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), place / "train-00000-of-00001.parquet")
    assert read_rows(str(tmp_path / "rows"), limit=1) == ROWS[:1]
    with pytest.raises(DataError, match=r"The folder '.*rows' holds no rows .* split \"dev\""):
        read_rows(str(tmp_path / "rows"), "dev")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The folder '.*' holds no rows that can be read: "):
        read_rows(str(tmp_path))


def test_a_hub_that_does_not_answer_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # Nothing listens on the discard port.
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    hub._answers.cache_clear()
    asked, connect = [], socket.create_connection
    counting = lambda *w, **o: asked.append(w[0]) or connect(*w, **o)  # noqa: E731
    monkeypatch.setattr(socket, "create_connection", counting)
    with pytest.raises(DataError, match=r"the hub \(http://127.0.0.1:9\) cannot be reached"):
        read_rows("owner/no-such-rows")
    assert asked == [("127.0.0.1", 9)]  # Its own client tries and waits for 23 seconds.
    assert not constants.HF_HUB_OFFLINE  # Switched back.


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.socket, "create_connection", lambda *a, **k: pytest.fail("asked"))
    with pytest.raises(DataError, match="'owner/no-such-rows' is not a file or folder here"):
        read_rows("owner/no-such-rows")
