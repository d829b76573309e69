"""A row's expected answer as text: a number as it is written, the text after a mark, the box of a
worked solution."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..verify.answers.text.groups import boxes, end_of_group, only_box

_BOX_WITHOUT_BRACES = re.compile(r"\\boxed\s+(?=[^\s{])((?:(?!\\boxed)[^$])*)")
r"""A box without braces, such as \boxed 2, as some solutions of MATH have it."""
_LARGEST_EXACT = 2**53
"""Largest number below which every whole number is a float."""


def is_missing(value: Any) -> bool:
    """True if a cell holds nothing: null, or the nan and inf that stand for it among floats."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def are_whole_floats(values: Sequence[Any]) -> bool:
    """True if a column of numbers has floats, and all of them are whole: pandas makes such columns
    of whole numbers if one is missing."""
    present = [value for value in values if not is_missing(value)]
    return (
        any(isinstance(value, float) for value in present)
        and all(isinstance(value, int | float) for value in present)
        and all(float(value).is_integer() and abs(value) <= _LARGEST_EXACT for value in present)
    )


def as_text(value: Any, *, whole_floats: bool = False) -> str:
    """A cell as text: lists and dictionaries as JSON, a missing one as the empty text."""
    if is_missing(value):
        return ""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if whole_floats and isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def text_after(text: str, mark: str) -> str | None:
    """The text after the last of a mark, or None if it is not there; after a mark that ends with an
    opening brace, such as \\boxed{, up to the closing one."""
    _, found, rest = text.rpartition(mark)
    if not found:
        return None
    if not mark.endswith("{"):
        return rest
    end, still_open = end_of_group(rest, 0)
    return None if still_open else rest[: end - 1]


def last_box(text: str) -> str | None:
    """The content of the last \\boxed{…} or \\fbox{…} of a text; None if there is none.

    Example: "so it is \\boxed{\\frac{2}{3}}." has \\frac{2}{3}
    """
    bare = list(_BOX_WITHOUT_BRACES.finditer(text))
    found = boxes(text)
    if bare and (not found or bare[-1].start() >= found[-1].start):
        return bare[-1][1].strip().rstrip(".")
    if not found or not found[-1].closed or found[-1].content is None:
        return None
    content = found[-1].content
    return last_box(content) or content  # x = \\boxed{5} in a box


def is_bare_box(text: str) -> bool:
    """True if a text is one box, perhaps in a formula or before a full stop, and nothing else."""
    return only_box(text.strip().rstrip(".").strip("$")) is not None
