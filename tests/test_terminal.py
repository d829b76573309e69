"""Letters that a reader does not have."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paceline.terminal import print_json, spell_out


@pytest.fixture
def ascii_out(monkeypatch):
    """Standard output as the log of a batch system has it."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii", write_through=True))
    return written


def test_letters_are_spelled_out(ascii_out):
    spell_out()
    print("step 1 → 2 … 95 %–97 % × 3: 中 \udc80 \U0001f600")
    # The last two as JSON escapes them.
    said = b"step 1 -> 2 ... 95 %-97 % x 3: \\u4e2d \\udc80 \\ud83d\\ude00\n"
    assert ascii_out.getvalue() == said


def test_what_somebody_has_asked_for_stays(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", stream)
    spell_out()
    assert stream.errors == "replace"


def test_json_reads_back_the_same(ascii_out):
    data = {"prompt": "1 – 2 … 中"}
    spell_out()
    print_json(data)
    assert json.loads(ascii_out.getvalue()) == data


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
