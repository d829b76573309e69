"""Text as such: lines that break at words, counts, summaries. Where it goes is terminal.py's."""

import inspect
import re

from rich.cells import cell_len, chop_cells

START = re.compile(r"\s*(?:│ |(?:ok|BAD)\s+|[^\s│]+\s{2,})?(?:note: |[–!·] )?")
"""Where a line's own text begins: behind its indentation, a label with a gap, a mark."""

WORD = re.compile(r"\s*(?:[^\s`]*`[^`]+`\S*|\S+)")
"""A word, or a command between backticks, which is copied as a whole."""


def wrapped(text: str, width: int | None) -> str:
    """The text with its lines broken so that none is wider than `width`, if it can be helped.

    Lines break at spaces, and what follows stands under where the line's own text began. What has
    no spaces, such as a path, stays whole and may stand out; Chinese and the like breaks anywhere.

    Args:
        width: in columns; None breaks nothing.

    Example: wrapped("  note: one two three", 16) is "  note: one two\\n        three".
    """
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    start = START.match(line)
    assert start is not None  # it may match nothing
    indent = re.sub(r"[^\s│]", " ", start[0])
    indent = indent if cell_len(indent) <= width // 2 else ""
    made = [start[0]]
    for word in WORD.findall(line[start.end() :]):
        begun = len(made) > 1 or made[-1] != start[0]
        if begun and cell_len(made[-1] + word) > width:
            made.append(indent)
            word = word.lstrip()
        made[-1] += word
        if cell_len(word) > len(word):
            made[-1:] = _anywhere(made[-1], width, indent)
    return [part.rstrip() for part in made]


def _anywhere(text: str, width: int, indent: str) -> list[str]:
    """Broken between any two characters: scripts that put no spaces between words."""
    if cell_len(text) <= width:
        return [text]
    first = chop_cells(text, width)[0]
    rest = text[len(first) :]
    return [first, *(indent + part for part in chop_cells(rest, width - cell_len(indent)))]


def counted(number: int, noun: str, form: str = "") -> str:
    """How many of what there are.

    Args:
        noun: in the singular; its plural takes an s.
        form: of the number, such as "," for thousands.

    Example: counted(1, "step") is "1 step", counted(1200, "row", ",") is "1,200 rows".
    """
    return f"{number:{form}} {noun}{'' if number == 1 else 's'}"


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
