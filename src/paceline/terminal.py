"""Text on a terminal or in a log: in the columns and in the letters that its reader has.

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

REPLACEMENTS = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‑": "-", "→": "->", "←": "<-", "×": "x", "·": "-",
    "•": "-", "│": "|", "─": "-", "Δ": "d", "σ": "s", "Σ": "sum", "±": "+-", "≤": "<=", "≥": ">=",
    "≈": "~", "≠": "!=", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
"""ASCII spellings of characters, as a typewriter has them."""
ERROR_HANDLER = "paceline"
"""Name of our way to write characters that an encoding lacks."""
LENIENT_HANDLERS = ("ignore", "replace", "xmlcharrefreplace", "namereplace", ERROR_HANDLER)
"""Ways to write characters that an encoding lacks that a user may have asked for; they stay."""


def _spelled(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(REPLACEMENTS.get(letter) or _escaped(letter) for letter in letters), error.end


def _escaped(letter: str) -> str:
    return json.dumps(letter)[1:-1]  # \u4e2d


codecs.register_error(ERROR_HANDLER, _spelled)


def spell_out() -> None:
    """Spell out characters that standard output and errors do not have, from now on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors not in LENIENT_HANDLERS:
            stream.reconfigure(errors=ERROR_HANDLER)


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
    """Columns that the environment asks for by COLUMNS; None if it does not."""
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
