r"""Groups in braces, and boxes: where \frac{\sqrt{3}}{2} and \boxed{103} begin and end."""

import re
from dataclasses import dataclass

from .spellings import WORD_COMMANDS

_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
r"""Pattern of a brace: \{ is not one, and \\{ is one."""
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*(\{)?")
MAX_NESTED = 3
"""Most boxes within a box that hold nothing else; nobody writes more."""
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[A-Za-z](?![A-Za-z])")
_WORDS = re.compile(rf"\s*\\(?:{'|'.join(WORD_COMMANDS)})\s*\{{")


@dataclass(frozen=True, slots=True)
class Box:
    r"""A \boxed{…} or \fbox{…} of a text.

    Example: Box(6, 17, "103", True) in "It is \boxed{103}."
    """

    start: int
    """The position of the backslash."""
    end: int
    """The position after the box."""
    content: str | None
    """The text in the box; None if braces in it are open too."""
    closed: bool
    """False if the text ends before the closing brace."""


def end_of_group(text: str, start: int) -> tuple[int, int]:
    """Find (the position after the brace that closes the group whose inside begins at `start`, 0);
    or (the end of the text, the number of braces that are open there)."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return brace.end(), 0
    return len(text), depth


def is_group(text: str, start: int = 1) -> bool:
    """Tell whether a text whose group opens before `start` is that group and nothing after it."""
    return end_of_group(text, start) == (len(text), 0)


def boxes(text: str) -> list[Box]:
    """The boxes of a text, in order; a box in a box belongs to the content of the outer one.

    Without braces TeX takes one letter: a number is meant.
    """
    found: list[Box] = []
    for mark in _BOX.finditer(text):
        if found and mark.start() < found[-1].end:
            continue
        if mark[1]:
            found.append(_braced(text, mark))
        elif plain := _PLAIN.match(text, mark.end()):
            found.append(Box(mark.start(), plain.end(), plain[0], True))
    return found


def _braced(text: str, mark: re.Match[str]) -> Box:
    end, depth = end_of_group(text, mark.end())
    if depth == 0:
        return Box(mark.start(), end, _innermost(text[mark.end() : end - 1]), True)
    # Nothing but the last brace may be missing.
    content = text[mark.end() :].rstrip(" \n$.") if depth == 1 else None
    return Box(mark.start(), end, content, False)


def only_box(text: str) -> str | None:
    """The inside of the box that a text consists of; None if it is not a box, or not only one."""
    found = boxes(text) if text.startswith(("\\boxed", "\\fbox")) else []
    whole = len(found) == 1 and found[0].closed and found[0].end == len(text)
    return found[0].content if whole else None


def _innermost(content: str) -> str:
    r"""The innermost content of \boxed{\boxed{5}} or \boxed{\text{\boxed{5}}}."""
    for _ in range(MAX_NESTED):
        inside = content.strip()
        if (words := _WORDS.match(inside)) and is_group(inside, words.end()):
            inside = inside[words.end() : -1].strip()
        mark = _BOX.match(inside)
        if mark is None or not mark[1] or not is_group(inside, mark.end()):
            break
        content = inside[mark.end() : -1]
    return content
