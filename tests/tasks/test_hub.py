"""Rows that the `datasets` package reads, and a hub that is not there."""

import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from paceline import hub
from paceline.errors import DataError
from paceline.tasks.hub import read_datasets
from paceline.tasks.row import Row

ROWS = [{"question": "1 + 1?", "answer": 2}, {"question": "2 + 2?", "answer": 4}]


def read(path: Path | str, split: str = "train", limit: int | None = None) -> list[Row]:
    return read_datasets(str(path), split, None, limit)


def test_a_saved_data_set_is_read(tmp_path: Path) -> None:
    import datasets

    table = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": table, "test": table.select([1])}).save_to_disk(tmp_path / "d")
    table.save_to_disk(tmp_path / "t")
    assert read(tmp_path / "d", "test") == ROWS[1:]
    assert read(tmp_path / "d", limit=1) == ROWS[:1]
    assert read(tmp_path / "t") == ROWS
    with pytest.raises(DataError, match=r"has the splits \[train, test\], but not 'dev'"):
        read(tmp_path / "d", "dev")


def test_a_folder_in_the_layout_of_the_hub_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "rows" / "data"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), place / "train-00000-of-00001.parquet")
    assert read(tmp_path / "rows", limit=1) == ROWS[:1]
    with pytest.raises(DataError, match=r"The folder '.*rows' holds no rows .* split \"dev\""):
        read(tmp_path / "rows", "dev")
    with pytest.raises(
        DataError, match=r"it has no dev\.jsonl \(or \.json, \.parquet, \.csv\), and"
    ):
        read(tmp_path / "rows", "dev")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The folder '.*' holds no rows that can be read: "):
        read(tmp_path)


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
        read("owner/no-such-rows")
    assert asked == [("127.0.0.1", 9)]  # Its own client tries and waits for 23 seconds.
    assert not constants.HF_HUB_OFFLINE  # Switched back.


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.socket, "create_connection", lambda *a, **k: pytest.fail("asked"))
    with pytest.raises(DataError, match="'owner/no-such-rows' is not a file or folder here"):
        read("owner/no-such-rows")
