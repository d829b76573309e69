"""Files that are written whole or not at all."""

import errno
import hashlib
import os

import pytest

from paceline.store import atomic


def test_what_is_written_is_hashed_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "BLOCK_BYTES", 64)
    chunks = [b"a", b"bc", bytes(range(256)), b"", b"d" * 63, b"e" * 65]
    whole = b"".join(chunks)
    written = atomic.write(tmp_path / "f", chunks)
    assert (tmp_path / "f").read_bytes() == whole
    assert written == atomic.Written(len(whole), hashlib.sha256(whole).hexdigest())
    assert atomic.measured(tmp_path / "f") == written
    assert atomic.write(tmp_path / "empty", []).size == 0 and (tmp_path / "empty").exists()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    atomic.replace(tmp_path / "f", [b"old"])
    write, calls = os.write, []

    def fails(file, data):
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:2])  # the system may take less than it was given

    monkeypatch.setattr(os, "write", fails)
    with pytest.raises(OSError, match="No space"):
        atomic.replace(tmp_path / "f", [b"newer"])
    assert (tmp_path / "f").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    atomic.replace(tmp_path / "f", [b"newer"])
    assert (tmp_path / "f").read_bytes() == b"newer"


def test_lines_are_put_at_the_end(tmp_path):
    atomic.append(tmp_path / "l", b"one\n")
    atomic.append(tmp_path / "l", b"two\n")
    assert (tmp_path / "l").read_bytes() == b"one\ntwo\n"
