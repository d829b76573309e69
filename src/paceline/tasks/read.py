"""Rows from a file, a folder or the Hugging Face hub, as dictionaries.

Whatever goes wrong becomes one DataError that names the file and the line. `datasets` and pyarrow
are imported only where they are needed.
"""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..text import shortened_repr
from .row import Row, one_line


def read_rows(
    path: str, split: str = "train", subset: str | None = None, limit: int | None = None
) -> list[Row]:
    """The rows of a .jsonl, .json, .parquet or .csv file, of a folder, or of a hub name.

    Args:
        path: a file, a folder or a hub name. In a folder, the file SPLIT.jsonl (or .json, .parquet,
            .csv) is looked for first; else `datasets` reads it, as it does a hub name.
        split: the part of a folder or hub name; a file has none.
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
        raise DataError(f"There is no file or folder '{path}'; a hub name looks like owner/name.")
    return _from_datasets(path, split, subset, limit)


def _from_datasets(path: str, split: str, subset: str | None, limit: int | None) -> list[Row]:
    from .hub import read_datasets

    return read_datasets(path, split, subset, limit)


def is_file(path: str) -> bool:
    """True if a path is one file, which has no splits."""
    return Path(path).expanduser().is_file()


HELD_OUT_NAMES = ("test", "validation", "valid", "val", "dev", "eval", "heldout")
"""Names of files and splits that are not for training."""


def held_out_beside(path: str, split: str = "train") -> list[tuple[str, str]]:
    """Files beside a file, or in a folder, whose names say that they are not for training, in the
    order of HELD_OUT_NAMES: (name, option that holds it out)."""
    place = Path(path).expanduser()
    folder = place if place.is_dir() else place.parent
    if not place.exists():
        return []
    found = [
        folder / f"{name}{suffix}"
        for name in HELD_OUT_NAMES
        for suffix in READERS
        if (folder / f"{name}{suffix}").is_file()
    ]
    if place.is_dir():
        return [
            (f"'{one}'", f"task.heldout_split={one.stem}") for one in found if one.stem != split
        ]
    trains = place.stem in ("train", "training")
    return [(f"'{one}'", f"task.heldout_path={one}") for one in found if trains and one != place]


def _read_file(path: Path, limit: int | None) -> list[Row]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path}' is not a {', '.join(READERS)} file.")
    try:
        rows = reader(path, limit)
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8 (byte {error.start}).") from None
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise DataError(
                f"Row {number} of '{path}' is not an object with columns: {shortened_repr(row)}."
            )
    if len(rows) == 1 and (table := _is_table(rows[0])):
        raise DataError(f"'{path}' holds {table}; {ROWS_ADVICE}.")
    return rows


ROWS_ADVICE = (
    "rows are one list, [{…}, {…}], or one object a line, as pandas writes with "
    "to_json(path, orient='records', lines=True)"
)
"""Advice at the end of a message about a file that is not rows."""


def _is_table(row: Row) -> str:
    """A description of one object that holds all rows; "" if it is a row."""
    values = list(row.values())
    listed = all(isinstance(value, list) and len(value) > 1 for value in values)
    keyed = all(isinstance(value, dict) and len(value) > 1 for value in values)
    items = [item for value in values if isinstance(value, list) for item in value]
    turns = any(isinstance(item, dict) and item.keys() & {"role", "from"} for item in items)
    if len(values) == 1 and listed and not turns and isinstance(items[0], dict):
        return f"one object with its rows under [{next(iter(row))}]"
    if len(values) > 1 and (listed or keyed) and not turns and len(set(map(len, values))) == 1:
        return f"columns, [{', '.join(map(str, row))}], and not rows"
    return ""


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
    if text.lstrip().startswith("["):
        return _parse(text, f"'{path}'")[:limit]
    try:
        return _read_jsonl(path, limit)
    except DataError:
        whole = _object(text)
    if whole is None:
        return _read_jsonl(path, limit)  # which says what is wrong with its line
    keys = [str(key) for key in whole]
    table = _is_table(whole) or f"one object with [{', '.join(keys[:8])}]"
    raise DataError(f"'{path}' holds {table}; {ROWS_ADVICE}.")


def _object(text: str) -> Row | None:
    """A text that is one JSON object, over however many lines."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise DataError(f"{where} is nested too deeply.") from None
    except ValueError as error:
        raise DataError(f"{where} is not JSON ({error}): {shortened_repr(text)}.") from None


def _read_csv(path: Path, limit: int | None) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            _check_separator(reader.fieldnames or (), path)
            for row in reader:
                if len(rows) == limit:
                    break
                if None in row or None in row.values():
                    raise DataError(
                        f"Line {reader.line_num} of '{path}' does not have the "
                        f"{len(reader.fieldnames or ())} cells that the first line names."
                    )
                rows.append(row)
        except csv.Error as error:
            raise DataError(
                f"Line {reader.line_num + 1} of '{path}' is not CSV: {error}."
            ) from None
    return rows


def _check_separator(names: Sequence[str], path: Path) -> None:
    """Raise DataError where one column's name is several, put together with another sign."""
    for sign, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and sign in names[0]:
            columns = ", ".join(name.strip() for name in names[0].split(sign))
            raise DataError(
                f"The columns of '{path}' ({columns}) are separated by {called}; separate them by "
                "commas, as pandas does with to_csv(path, index=False)."
            )


def _read_parquet(path: Path, limit: int | None) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise DataError(f"'{path}' is not a whole parquet file: {one_line(error)}") from None
    return table.slice(0, limit).to_pylist()


READERS: dict[str, Callable[[Path, int | None], list[Row]]] = {
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
}
"""Readers of files, by the end of the name."""
