"""The calling of a reader: a process is started, and its answers are read."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import Reader
from .protocol import Answer, Asked, read_answers

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""The environment of a reader: it has all that it needs on this disk."""


READERS_PACKAGE = __name__.rpartition(".")[0]
"""The package that is run as a program, with a reader's module."""


LOADING_SECONDS = 1800.0
"""Longest time that a reader has to load a model."""
ANSWER_SECONDS = 300.0
"""Longest time that it has for each answer, on average: a large model on a CPU is slow."""


class ReaderError(Exception):
    """A reader that could not answer; the message is the last that it said."""


def call(reader: Reader, asked: Asked) -> list[Answer]:
    """A reader's answers. Raises: ReaderError if it has none."""
    with tempfile.TemporaryDirectory(prefix="paceline-") as folder:
        question, answered = Path(folder) / "asked.json", Path(folder) / "answers.json"
        asked.write(question)
        seconds = LOADING_SECONDS + ANSWER_SECONDS * len(asked.conversations)
        try:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    READERS_PACKAGE,
                    reader.module,
                    str(question),
                    str(answered),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=os.environ | QUIET,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise ReaderError(f"it has not answered within {seconds / 60:.0f} minutes") from None
        if done.returncode != 0 or not answered.is_file():
            raise ReaderError(_last_words(done))
        return read_answers(answered)


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The last line that a process wrote to stderr; its end by a signal if it was killed."""
    if done.returncode < 0:
        return f"it was ended by signal {-done.returncode}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"it ended with code {done.returncode}"
