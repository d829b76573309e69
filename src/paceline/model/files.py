"""Reading and writing a model's files with transformers: without its progress bars, because a run
has a screen of its own, and with disk errors as OSError."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging

ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")
"""Pattern of the system's number of an error, as Rust writes it."""


@contextmanager
def telling_of_the_disk() -> Iterator[None]:
    """A context that raises an OSError with its number in place of an exception that names the disk
    error only in its text, as those of safetensors and tokenizers do."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        found = ERROR_NUMBER.search(str(error))
        if found is None:
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number)) from error


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """A context of loading and saving without progress bars; warnings stay."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
