"""Where text goes: in the columns and in the letters that its reader has.

The log of a batch system is often ASCII, and a screen may have the letters of one language only. A
run must not end because of a dash.
"""

import codecs
import io
import json
import os
import sys
from typing import Any, TextIO

from .text import wrapped

LETTERS = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‑": "-", "→": "->", "←": "<-", "×": "x", "·": "-",
    "•": "-", "│": "|", "─": "-", "Δ": "d", "σ": "s", "Σ": "sum", "±": "+-", "≤": "<=", "≥": ">=",
    "≈": "~", "≠": "!=", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
"""How a typewriter puts them."""
OURS = "paceline"
LENIENT = ("ignore", "replace", "xmlcharrefreplace", "namereplace", OURS)
"""Ways of writing what cannot be written that somebody has asked for."""


def _spelled(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(LETTERS.get(letter) or _escaped(letter) for letter in letters), error.end


def _escaped(letter: str) -> str:
    return json.dumps(letter)[1:-1]  # \u4e2d


codecs.register_error(OURS, _spelled)


def spell_out() -> None:
    """From now on, write to standard output and errors in other letters what they do not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors not in LENIENT:
            stream.reconfigure(errors=OURS)


def columns(stream: TextIO | None = None) -> int | None:
    """The columns that lines have to fit into, or None where they may be of any length.

    A terminal has columns; a file and a pipe have none, so that one sentence stays one line there,
    unless COLUMNS asks for some.

    Args:
        stream: where the lines go; None is stdout.
    """
    asked = asked_columns()
    if asked is not None:
        return asked
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or None
    except (OSError, ValueError):  # no terminal, or a stream without a file
        return None


def asked_columns() -> int | None:
    """COLUMNS of the environment, where it is a number of columns."""
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else None


def print_line(text: str, stream: TextIO | None = None) -> None:
    """Print a text whose lines are broken at words where there are too few columns for them.

    Args:
        stream: where it goes; None is stdout.
    """
    print(wrapped(text, columns(stream)), file=stream, flush=True)


def print_json(data: Any, *, indent: int | None = None) -> None:
    """Print data as JSON that reads back the same, whatever letters there are."""
    every = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    print(json.dumps(data, ensure_ascii=not every, allow_nan=False, indent=indent))
