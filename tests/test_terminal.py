"""Columns and letters that a reader has, or has not."""

import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from paceline.terminal import columns, print_json, print_line, spell_out


@contextmanager
def only_ascii():
    """Standard output as the log of a batch system has it; yields what was written."""
    written, before = io.BytesIO(), sys.stdout
    sys.stdout = io.TextIOWrapper(written, "ascii", write_through=True)
    try:
        yield written
    finally:
        sys.stdout = before


def test_letters_are_spelled_out():
    with only_ascii() as out:
        spell_out()
        print("step 1 → 2 … 95 %–97 % × 3: 中 \udc80 \U0001f600")
        written = out.getvalue()
    # The last two as JSON escapes them.
    said = b"step 1 -> 2 ... 95 %-97 % x 3: \\u4e2d \\udc80 \\ud83d\\ude00\n"
    assert written == said


def test_what_somebody_has_asked_for_stays(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", stream)
    spell_out()
    assert stream.errors == "replace"


def test_a_pipe_has_no_columns_unless_some_are_asked_for(monkeypatch):
    assert columns(io.StringIO()) is None
    monkeypatch.setenv("COLUMNS", "72")
    assert columns(io.StringIO()) == 72
    for nonsense in ("0", "wide", ""):
        monkeypatch.setenv("COLUMNS", nonsense)
        assert columns(io.StringIO()) is None


def test_a_line_is_broken_where_there_are_too_few_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "16")
    print_line("  note: one two three", sys.stderr)
    print_line("1234567890 1234567890")
    told = capsys.readouterr()
    assert told.err == "  note: one two\n        three\n"
    assert told.out == "1234567890\n1234567890\n"


def test_json_reads_back_the_same():
    data = {"prompt": "1 – 2 … 中"}
    with only_ascii() as out:
        spell_out()
        print_json(data)
        assert json.loads(out.getvalue()) == data


@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["train", "--help"], ["recipes"], ["show", "tiny", "--keys"], ["tasks"],
        ["check", "tiny", "--json"], ["train", "tiny", "steps=0", "--out", "r"],
        ["train", "tiny", "nöpe=1"],
    ],
)  # fmt: skip
def test_commands_print_with_the_letters_that_there_are(words, tmp_path):
    few = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "paceline.cli", *words],
        cwd=tmp_path, env={**os.environ, **few, "LC_ALL": "C"}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == (2 if "nöpe=1" in words else 0), done.stderr
    assert (done.stdout + done.stderr).isascii() and b"Traceback" not in done.stderr
    assert (Path(tmp_path) / "r").is_dir() == ("r" in words)
