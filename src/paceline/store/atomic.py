"""Atomic writing: a kill or a power cut at any moment leaves the old file or the new one, never
half of one.

Everything that a run must not lose is written here, through `os.write`, `os.fsync` and
`os.replace` called directly, so that the fault suite can stop a run at each of these calls.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Chunk = bytes | memoryview
BLOCK_BYTES = 1 << 24
"""Number of bytes that are hashed and written at a time."""


@dataclass(frozen=True, slots=True)
class Written:
    """The size and hash of a file that is on the disk.

    Example: Written(size=3, sha256="ba7816bf…")
    """

    size: int
    """Size in bytes."""
    sha256: str


def write(path: Path, chunks: Iterable[Chunk]) -> Written:
    """Write a file and have it on the disk before this returns; if it fails, no file is left."""
    digest, size = hashlib.sha256(), 0
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        for block in _blocks(chunks):
            digest.update(block)
            size += len(block)
            while block:
                block = block[os.write(file, block) :]
        os.fsync(file)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(file)
    return Written(size, digest.hexdigest())


def replace(path: Path, chunks: Iterable[Chunk]) -> Written:
    """Make or replace a file: a reader sees the old one or the new one."""
    aside = path.with_name(f"{path.name}.tmp")
    written = write(aside, chunks)
    try:
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise
    sync(path.parent)
    return written


def append(path: Path, data: bytes) -> None:
    """Append data to a file; the name of a new file is on the disk at once, its content after the
    next `sync`."""
    new = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)
    if new:
        sync(path.parent)


def sync(path: Path) -> None:
    """Force a file's content, or a folder's names, onto the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def measured(path: Path) -> Written:
    """The size and hash of a file as it is now. Raises: OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return Written(size, digest.hexdigest())


def _blocks(chunks: Iterable[Chunk]) -> Iterator[memoryview]:
    """The same bytes in pieces of at most BLOCK_BYTES, small ones put together."""
    small = bytearray()
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        if len(small) + len(view) <= BLOCK_BYTES // 16:
            small += view
            continue
        if small:
            yield memoryview(bytes(small))
            small.clear()
        for start in range(0, len(view), BLOCK_BYTES):
            yield view[start : start + BLOCK_BYTES]
    if small:
        yield memoryview(bytes(small))
