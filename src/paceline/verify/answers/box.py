r"""The answer in a box: \boxed{103}.

One box, or two of which the second corrects the first. What stands around it may make it a part of
something else (`before`); behind it, a formula and a sentence may end.
"""

import re

from .text.before import is_part
from .text.groups import boxes

MISSING = "no answer in the form asked for"
SEVERAL = "more than one answer"
BEHIND = "text after the answer"
BEFORE = "the box is a part of something larger"
"""Reasons; equal cases give equal ones."""

_CORRECTION = re.compile(
    r"\b(?:no|wait|actually|correct\w*|re-?check\w*|check\w*|mistake\w*|error|instead|sorry|should|fix\w*"
    r"|revis\w+|verif\w+|therefore|thus|so|hence|final\w*|conclu\w+)\b|不对|错|重新|更正|应|所以|因此|最终|故",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"\b(?:or|either|perhaps|maybe|may|might|alternativ\w+"
    r"|in (?:this|that|one|the other) case|possib\w+|could|else)\b|[或可]|\([a-z]\)",
    re.IGNORECASE,
)
"""Words between two boxes that make the second an answer, and those that make it one of two."""
_SAID_OR = re.compile(r"(\$[^$]+\$|(?<==)[^=$,\n]{1,40}|[^\s,$]+)\s*,?\s*or\s*\$?\s*\Z")
"""The words, or the formula, before "or"."""
_CLOSED = r"\\\)|\\\]|\\end\{[a-z]+\*?\}"
_AFTER = re.compile(
    rf"(?:[\s.。．$*_`]|{_CLOSED}|\\text\{{\.\}}|[)）\]”\"’」』】]|\\[,;:! ]|\\q?quad(?![a-z])"
    rf"|\\(?:black)?square(?![a-z])|\\Box(?![a-z])|\\qed(?![a-z])|(?<=[$)\]])[!！]|</answer>"
    r"|(?<=\n)(?:-{3,}|={3,})(?=\s|\Z)|I hope it is correct\.?(?=\s|\Z)|[✅✔☑🎉■∎])*+"
)
"""Anything that may stand behind a box: an end of a formula, a sentence or an answer, and no mark
of a factorial. The words are those with which the usual prompt for Minerva ends."""


def boxed(text: str) -> tuple[str | None, str]:
    """(what stands in the box, "") or (None, a reason)."""
    found = boxes(text)
    if not found:
        return None, MISSING
    if len(found) > 2:
        return None, SEVERAL
    first, last = found[0], found[-1]
    if first.content != last.content and not _corrects(text[first.end : last.start]):
        return None, SEVERAL
    before = text[: last.start]
    if is_part(before) and not _says_again(before, last.content):
        return None, BEFORE
    if last.content is None:
        return None, MISSING
    if not _AFTER.fullmatch(text, last.end):
        return None, BEHIND
    return last.content.replace("\\$", "$").replace("\\%", "%"), ""


def _says_again(before: str, content: str | None) -> bool:
    r"""Tell whether a box behind "or" holds what stands before it, as in $4 \cdot 3$, or
    \boxed{12}."""
    said = _SAID_OR.search(before, max(0, len(before) - 120))
    if said is None or content is None or is_part(before[: said.start()]):
        return False
    from .expressions.equality import difference  # here, as mpmath behind it is slow to load
    from .expressions.reader import readings
    from .expressions.tokens import Unread

    try:
        first, again = (readings(one.rpartition("=")[2]) for one in (said[1].strip("$"), content))
    except Unread:
        return False
    return not difference(again, first)


def _corrects(between: str) -> bool:
    """Tell whether what stands between two boxes says that the second one holds, and not that it
    may."""
    return bool(_CORRECTION.search(between)) and not _CHOICE.search(between)
