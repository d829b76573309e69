"""What safetensors and tokenizers raise where a file cannot be written, as an OSError."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

NUMBER = re.compile(r"\(os error (\d+)\)")
"""How Rust puts the system's number of an error."""


@contextmanager
def telling_of_the_disk() -> Iterator[None]:
    """Raise an OSError with its number in the place of an exception that only says so in its text:
    neither library raises one."""
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
