"""Files of a model, read and written by transformers: without its progress bars, for a run has a
screen of its own, and with the disk's errors as OSError."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging

NUMBER = re.compile(r"\(os error (\d+)\)")
"""The system's number of an error, as Rust writes it."""


@contextmanager
def telling_of_the_disk() -> Iterator[None]:
    """Raise an OSError with its number in the place of an exception that only says so in its text:
    neither safetensors nor tokenizers raises one."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        found = NUMBER.search(str(error))
        if found is None:
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number)) from error


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Loading and saving in silence; warnings stay."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
