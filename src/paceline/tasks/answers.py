"""A row's expected answer as text: numbers as they are written, what follows a mark, the box of a
worked solution."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BOX = re.compile(r"\\f?box(?:ed)?\s*\{|\\boxed\s+(?=\S)")
_LARGEST = 2**53
"""Up to here every whole number is a float."""


def missing(value: Any) -> bool:
    """Whether a cell holds nothing: null, or the nan and inf that stand for it among floats."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def whole(values: Sequence[Any]) -> bool:
    """Whether a column of numbers has floats, and all of them are whole: what pandas makes of whole
    numbers once one was missing."""
    present = [value for value in values if not missing(value)]
    return (
        any(isinstance(value, float) for value in present)
        and all(isinstance(value, int | float) for value in present)
        and all(float(value).is_integer() and abs(value) <= _LARGEST for value in present)
    )


def as_text(value: Any, *, whole_floats: bool = False) -> str:
    """A cell as text: lists and dictionaries as JSON, nothing where it is missing."""
    if missing(value):
        return ""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if whole_floats and isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def behind(text: str, mark: str) -> str | None:
    """What follows the last of a mark, or None; behind one that ends with an opening brace, such as
    \\boxed{, up to the closing one."""
    _, found, rest = text.rpartition(mark)
    if not found:
        return None
    return _up_to_its_brace(rest) if mark.endswith("{") else rest


def last_box(text: str) -> str | None:
    """What is in the last \\boxed{…} or \\fbox{…} of a text; None where there is none.

    Example: "so it is \\boxed{\\frac{2}{3}}." has \\frac{2}{3}
    """
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    rest = text[boxes[-1].end() :]
    if boxes[-1][0].endswith("{"):
        return _up_to_its_brace(rest)
    return rest.partition("$")[0].strip().rstrip(".")  # \boxed 2, as some solutions of MATH have it


def _up_to_its_brace(text: str) -> str | None:
    depth = 1
    for token in re.finditer(r"\\.|[{}]", text, re.DOTALL):  # \{ is no brace, \\{ is one
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return text[: token.start()]
    return None


def is_bare_box(text: str) -> bool:
    """Whether a text is one box, perhaps in a formula or before a full stop, and nothing else."""
    text = text.strip().rstrip(".").strip("$")
    found = _BOX.match(text)
    return found is not None and text == f"{found[0]}{last_box(text)}}}"
