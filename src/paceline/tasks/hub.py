"""Rows that the `datasets` package reads: the hub's, its cache's, a folder's."""

from contextlib import nullcontext
from pathlib import Path

import datasets
from datasets import exceptions

from .. import hub
from ..errors import DataError
from .row import Row, one_line


def read_datasets(path: str, split: str, subset: str | None, limit: int | None) -> list[Row]:
    """The rows of a folder or a hub name; see `read_rows`.

    Raises: DataError with one sentence, within seconds also where the hub does not answer.
    """
    place = Path(path)
    saved = (place / "dataset_dict.json").is_file() or (place / "dataset_info.json").is_file()
    try:
        if saved:
            found = datasets.load_from_disk(path)
        else:
            with nullcontext() if place.is_dir() else hub.patient_for_seconds():
                found = datasets.load_dataset(path, subset, split=split)
    except (OSError, ValueError, exceptions.DatasetsError) as error:
        raise DataError(_why(path, split, error)) from error
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            raise DataError(
                f"'{path}' has the splits [{', '.join(map(str, found))}], but not '{split}'."
            )
        found = found[split]
    if not isinstance(found, datasets.Dataset):
        raise DataError(f"'{path}' holds no table of rows.")
    return (found if limit is None else found.select(range(min(limit, len(found))))).to_list()


def _why(path: str, split: str, error: Exception) -> str:
    if Path(path).is_dir():
        return (
            f"The folder '{path}' holds no rows that can be read: it has no {split}.jsonl (or "
            f".json, .parquet, .csv), and the package datasets says: {one_line(error)}"
        )
    if isinstance(error, ConnectionError):
        return (
            f"'{path}' is not a file or folder here, and the hub ({hub.endpoint()}) cannot be "
            "reached or is switched off by HF_HUB_OFFLINE; check the path and the network, set "
            "HF_ENDPOINT to a mirror, or name a folder."
        )
    if isinstance(error, exceptions.DatasetNotFoundError):
        return f"'{path}' is not a file or folder here, and the hub has no data set of that name."
    return f"'{path}' cannot be loaded: {one_line(error)}"
