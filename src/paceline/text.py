"""Functions on text: lines that break at words, numbers as people read them, summaries. Output is
in terminal.py."""

import inspect
import math
import re
import time
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells

THIN = "\u202f"
"""A narrow space that does not break, between a number and its unit: for pages, and for sentences
on them."""
LINE_START = re.compile(r"\s*(?:│ |(?:ok|BAD)\s+|[^\s│]+\s{2,})?(?:note: |[–!·] )?")
"""A pattern of everything before a line's own text: its indentation, a label with a gap, a mark."""

WORD = re.compile(r"\s*(?:[^\s`]*`[^`]+`\S*|\S+)")
"""A pattern of a word, or of a command between backticks, which is copied as a whole."""


def wrapped(text: str, width: int | None) -> str:
    """The text with its lines broken so that none is wider than `width`, if possible.

    Lines break at spaces, and the next line is indented to where the first line's own text began. A
    word without spaces, such as a path, stays whole and may be wider; Chinese and the like breaks
    anywhere.

    Args:
        width: number of columns; None breaks nothing.

    Example: wrapped("  note: one two three", 16) is "  note: one two\\n        three".
    """
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if cell_len(line) <= width:
        return [line]
    start = LINE_START.match(line)
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
    """The text broken between any two characters, for scripts that put no spaces between words."""
    if cell_len(text) <= width:
        return [text]
    first = chop_cells(text, width)[0]
    rest = text[len(first) :]
    return [first, *(indent + part for part in chop_cells(rest, width - cell_len(indent)))]


def counted(number: int, noun: str, form: str = "") -> str:
    """A number with its noun, in the singular or the plural.

    Args:
        noun: the noun in the singular; its plural takes an s.
        form: format of the number, such as "," for thousands.

    Example: counted(1, "step") is "1 step", counted(1200, "row", ",") is "1,200 rows".
    """
    return f"{number:{form}} {noun}{'' if number == 1 else 's'}"


def counted_any(numbers: Iterable[int], noun: str) -> str:
    """Numbers of which any may hold, each named once, with their noun.

    Example: counted_any([1, 1], "step") is "1 step", counted_any([40, 80], "step") is "40 or 80
    steps".
    """
    each = list(dict.fromkeys(numbers))
    return f"{' or '.join(map(str, each))} {noun}{'' if each == [1] else 's'}"


def listed(words: Sequence[str]) -> str:
    """Names joined by commas and "and". Example: listed(["grpo", "gspo", "dapo"]) is "grpo, gspo
    and dapo"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def clipped(text: str, most: int = 60) -> str:
    """A text as it is, or its beginning where it has more characters than `most`."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shortened_repr(value: object) -> str:
    """The beginning of a value as Python writes it, about 60 characters at most."""
    return repr(clipped(value, 56)) if isinstance(value, str) else clipped(repr(value))


def percent(share: float, digits: int = 0) -> str:
    """A share in whole percent. Example: percent(0.754) is "75 %"."""
    return f"{100 * share:.{digits}f} %"


def thin_percent(share: float, digits: int = 1) -> str:
    """A share in percent for a page, with a narrow space that does not break: 75.4 %."""
    return f"{100 * share:.{digits}f}{THIN}%"


def percent_range(low: float, high: float) -> str:
    """An interval of shares, for a page: 74.6–81.8 %."""
    return f"{100 * low:.1f}–{100 * high:.1f}{THIN}%"


def points(share: float) -> str:
    """The size of a difference of shares in percentage points: 2.5."""
    return f"{100 * share:.1f}"


def signed_points(share: float) -> str:
    """A difference of shares in percentage points, with a true minus sign: +75.2, −2.5, ±0.0."""
    tenths = round(share * 1000) / 10
    return f"{'+' if tenths > 0 else '−' if tenths < 0 else '±'}{abs(tenths):.1f}"


def points_range(low: float, high: float) -> str:
    """An interval of a difference of shares: +70.9 to +79.0."""
    return f"{signed_points(low)} to {signed_points(high)}"


def decimal(value: float, digits: int = 2) -> str:
    """A number with a given number of decimals, and a true minus sign: 0.41, −0.04."""
    return f"{value:.{digits}f}".replace("-", "−")


def quantity(value: float, most: float = 1e12) -> str:
    """A number with three significant digits, thousands grouped: 1,240 · 0.0123 · 3.1 · 1.8e+41.

    Args:
        most: from this size on, a power of ten is used.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 100 <= abs(value) < most:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def rounded_count(count: int) -> str:
    """A large number of things: 9,500 · 135 million · 1.5 billion."""
    if count < 1e6:
        return f"{count:,}"
    return f"{count / 1e6:.0f} million" if count < 1e9 else f"{count / 1e9:.1f} billion"


def data_size(size: float) -> str:
    """Bytes, in units of 1e6 or 1e9: 35 MB, 1.6 GB."""
    if size < 1e8:
        return f"{size / 1e6:.1f} MB" if size < 1e6 else f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e11 else f"{size / 1e9:.0f} GB"


def duration(seconds: float) -> str:
    """Seconds in a sentence: 42 seconds, 9.8 minutes, 2.1 hours."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"


def short_duration(seconds: float) -> str:
    """Seconds in a table: 42 s, 7 min, 2 h 05."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d}"


def wall_clock() -> str:
    """The time now, in ISO 8601 with the zone, such as 2026-11-28T19:02:11+0000."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def abridged(text: str, most: int) -> str:
    """A text as it is, or its beginning and its end where it has more characters than `most`."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
