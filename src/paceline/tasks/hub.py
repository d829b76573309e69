"""Rows that the `datasets` package reads: the hub's, its cache's, a folder's."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import datasets
from datasets import config, exceptions
from huggingface_hub import constants

from ..errors import DataError
from .read import Row, one_line

HUB_WAIT = 5.0
"""Seconds in which the hub must answer a connection; its client would retry for half a minute."""


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
            with _hub_mode(place.is_dir()):
                found = datasets.load_dataset(path, subset, split=split)
    except (OSError, ValueError, exceptions.DatasetsError) as error:
        raise DataError(_why(path, error)) from error
    if isinstance(found, datasets.DatasetDict):
        if split not in found:
            raise DataError(
                f"'{path}' has the splits [{', '.join(map(str, found))}], but not '{split}'."
            )
        found = found[split]
    if not isinstance(found, datasets.Dataset):
        raise DataError(f"'{path}' holds no table of rows.")
    return (found if limit is None else found.select(range(min(limit, len(found))))).to_list()


@contextlib.contextmanager
def _hub_mode(local: bool) -> Iterator[None]:
    """Where the hub does not answer, what was fetched before is used, and nothing is retried."""
    before = constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE
    if not local and not before[0] and not _hub_answers():
        constants.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE = before


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def _hub_answers() -> bool:
    if getproxies():  # Behind a proxy a direct connection says nothing.
        return True
    url = urlsplit(_endpoint())
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        socket.create_connection((url.hostname or "", port), timeout=HUB_WAIT).close()
    except OSError:
        return False
    return True


def _why(path: str, error: Exception) -> str:
    if Path(path).is_dir():
        return f"The folder '{path}' holds no rows that can be read: {one_line(error)}"
    if isinstance(error, ConnectionError):
        return (
            f"'{path}' is no file or folder here, and the hub ({_endpoint()}) cannot be reached "
            "or is switched off by HF_HUB_OFFLINE; check the path and the network, set HF_ENDPOINT "
            "to a mirror, or name a folder."
        )
    if isinstance(error, exceptions.DatasetNotFoundError):
        return f"'{path}' is no file or folder here, and the hub has no data set of that name."
    return f"'{path}' cannot be loaded: {one_line(error)}"
