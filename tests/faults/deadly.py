"""Kills its own process at a chosen operation on a run's files: SIGKILL before a call of
`os.fsync`, `os.replace` and their like, or in the middle of an `os.write`.

With `power` the machine loses its power as well: what was written and not synced is cut to its
half, and a rename whose folder was not synced has not happened.
"""

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

CALLS = ("write", "fsync", "replace", "mkdir", "unlink", "rmdir", "truncate")


def arm(folder: Path, die_at: int | None, *, power: bool, record: str | None) -> None:
    """Count operations below a folder, write them down, die at number `die_at` (from 0)."""
    deadly = _Deadly(folder.resolve(), die_at, power, record)
    for name in CALLS:
        setattr(os, name, deadly.watched(name, getattr(os, name)))


class _Deadly:
    def __init__(self, folder: Path, die_at: int | None, power: bool, record: str | None) -> None:
        self.folder, self.die_at, self.power, self.record = str(folder), die_at, power, record
        self.count, self.lock = 0, threading.Lock()
        self.fsync, self.rename, self.cut, self.put = os.fsync, os.replace, os.truncate, os.write
        self.unsynced: dict[str, int] = {}
        """Files -> bytes that are surely on the disk."""
        self.renames: list[tuple[str, str, str | None]] = []
        """(from, to, a copy of what was replaced), whose folder was not synced yet."""

    def watched(self, name: str, call: Any) -> Any:
        def watching(first: Any, *rest: Any, **options: Any) -> Any:
            path = _path(first, options.get("dir_fd"))
            if path is None or not path.startswith(self.folder):
                return call(first, *rest, **options)
            with self.lock:  # one operation after the other, so that a number names one
                self.next(name, path, first, rest)
                if name == "replace":
                    self.renamed(path, _path(rest[0]) or "")
                if name == "write":
                    self.unsynced.setdefault(path, os.path.getsize(path))
                if name == "fsync":
                    self.synced(path)
                return call(first, *rest, **options)

        return watching

    def next(self, name: str, path: str, first: Any, rest: tuple[Any, ...]) -> None:
        if self.record:
            with open(self.record, "a") as file:
                file.write(f"{self.count} {name} {path.removeprefix(self.folder)}\n")
        if self.count == self.die_at:
            if name == "write":  # a torn one
                data = memoryview(rest[0])
                self.put(first, data[: len(data) // 2])
            if self.power:
                self.lose_power()
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
        self.count += 1

    def renamed(self, old: str, new: str) -> None:
        copy = None
        if os.path.isfile(new):
            copy = f"{self.folder}.copy-{self.count}"
            shutil.copy(new, copy)
        for path in [p for p in self.unsynced if f"{p}/".startswith(f"{old}/")]:
            self.unsynced[new + path.removeprefix(old)] = self.unsynced.pop(path)
        self.renames.append((old, new, copy))

    def synced(self, path: str) -> None:
        self.unsynced.pop(path, None)
        self.renames = [r for r in self.renames if os.path.dirname(r[1]) != path]

    def lose_power(self) -> None:
        for path, size in self.unsynced.items():
            if os.path.isfile(path):
                self.cut(path, (size + os.path.getsize(path)) // 2)
        for old, new, copy in reversed(self.renames):
            if os.path.exists(new):
                self.rename(new, old)
            if copy:
                self.rename(copy, new)


def _path(thing: Any, folder: int | None = None) -> str | None:
    """Of a path, one in an open folder, or an open file."""
    if folder is not None:
        return os.path.join(_path(folder) or "", os.fspath(thing))
    if isinstance(thing, int):
        try:
            return os.readlink(f"/proc/self/fd/{thing}")
        except OSError:
            return None
    return os.path.abspath(os.fspath(thing))
