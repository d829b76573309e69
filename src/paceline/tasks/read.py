"""Rows from a file, a folder or the Hugging Face hub, as dictionaries.

Whatever goes wrong becomes one DataError that names the file and the line. `datasets` and pyarrow
are imported only where they are needed.
"""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import DataError

Row = dict[str, Any]


def read_rows(
    path: str, split: str = "train", subset: str | None = None, limit: int | None = None
) -> list[Row]:
    """The rows of a .jsonl, .json, .parquet or .csv file, of a folder, or of a hub name.

    Args:
        path: what to read. In a folder, the file SPLIT.jsonl (or .json, .parquet, .csv) is looked
            for first; else `datasets` reads it, as it does a hub name.
        split: which part of a folder or hub name; a file has none.
        subset: the hub data set's configuration, such as "main" of openai/gsm8k.
        limit: at most so many rows, from the start.

    Raises: DataError with one sentence.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return _read_file(place, limit)
    if place.is_dir():
        for suffix in READERS:
            if (place / f"{split}{suffix}").is_file():
                return _read_file(place / f"{split}{suffix}", limit)
        return _from_datasets(str(place), split, subset, limit)
    looks_like_name = re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", path)
    if not looks_like_name or place.suffix in READERS:
        raise DataError(f"'{path}' does not exist; a hub name looks like owner/name.")
    return _from_datasets(path, split, subset, limit)


def _from_datasets(path: str, split: str, subset: str | None, limit: int | None) -> list[Row]:
    from .hub import read_datasets

    return read_datasets(path, split, subset, limit)


def is_file(path: str) -> bool:
    """Whether a path is one file, which has no splits."""
    return Path(path).expanduser().is_file()


def _read_file(path: Path, limit: int | None) -> list[Row]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path}' is no {', '.join(READERS)} file.")
    try:
        rows = reader(path, limit)
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8 (byte {error.start}).") from None
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(f"Row {number} of '{path}' is no object with columns: {_start(row)}.")
    return rows


def _read_jsonl(path: Path, limit: int | None) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if len(rows) == limit:
                break
            if line.strip():
                rows.append(_parse(line, f"Line {number} of '{path}'"))
    return rows


def _read_json(path: Path, limit: int | None) -> list[Row]:
    text = path.read_text(encoding="utf-8-sig")
    if not text.lstrip().startswith("["):
        return _read_jsonl(path, limit)
    return _parse(text, f"'{path}'")[:limit]


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise DataError(f"{where} is nested too deeply.") from None
    except ValueError as error:
        raise DataError(f"{where} is not JSON ({error}): {_start(text)}.") from None


def _read_csv(path: Path, limit: int | None) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                if len(rows) == limit:
                    break
                if None in row or None in row.values():
                    raise DataError(
                        f"Line {reader.line_num} of '{path}' has not the "
                        f"{len(reader.fieldnames or ())} cells that the first line names."
                    )
                rows.append(row)
        except csv.Error as error:
            raise DataError(
                f"Line {reader.line_num + 1} of '{path}' is not CSV: {error}."
            ) from None
    return rows


def _read_parquet(path: Path, limit: int | None) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise DataError(f"'{path}' is no whole parquet file: {one_line(error)}") from None
    return table.slice(0, limit).to_pylist()


READERS: dict[str, Callable[[Path, int | None], list[Row]]] = {
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
}


def one_line(error: Exception) -> str:
    """What an error says, as one sentence."""
    line = (" ".join(str(error).split()) or type(error).__name__)[:300]
    return line if line.endswith(".") else line + "."


def _start(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
