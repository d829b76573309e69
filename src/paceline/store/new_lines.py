"""The new lines of a file that another process appends to."""

import json
from collections.abc import Iterator
from pathlib import Path

from .base import Json


class NewLines:
    """Reads a file with one JSON object a line, each line once it is whole.

    A file that has become shorter was taken back to a checkpoint, and is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._read = path, 0

    def __iter__(self) -> Iterator[Json]:
        """The objects of the lines that were added since the last look; lines that hold none are
        left out."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            if file.seek(0, 2) < self._read:
                self._read = 0
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict):
                    yield found
