r"""The answer in a box: \boxed{103}.

One box, or two of which the second corrects the first. The text around it may make it a part of
something else (`before`); after it, a formula and a sentence may end.
"""

import re

from .text.before import is_part
from .text.groups import boxes

NO_ANSWER = "no answer in the form asked for"
"""Reason of a verdict: no answer."""
SEVERAL_ANSWERS = "more than one answer"
"""Reason of a verdict: more than one answer."""
TEXT_BEHIND = "text after the answer"
"""Reason of a verdict: text after the answer."""
PART_OF_LARGER = "the box is a part of something larger"
"""Reason of a verdict: the box belongs to something larger. Equal cases give equal reasons."""

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
"""Words between two boxes that make the second a new answer, and words that make it an
alternative."""
_SAID_OR = re.compile(r"(\$[^$]+\$|(?<==)[^=$,\n]{1,40}|[^\s,$]+)\s*,?\s*or\s*\$?\s*\Z")
"""The words, or the formula, before "or"."""
_CLOSED = r"\\\)|\\\]|\\end\{[a-z]+\*?\}"
_AFTER = re.compile(
    rf"(?:[\s.。．$*_`]|{_CLOSED}|\\text\{{\.\}}|[)）\]”\"’」』】]|\\[,;:! ]|\\q?quad(?![a-z])"
    rf"|\\(?:black)?square(?![a-z])|\\Box(?![a-z])|\\qed(?![a-z])|(?<=[$)\]])[!！]|</answer>"
    r"|(?<=\n)(?:-{3,}|={3,})(?=\s|\Z)|I hope it is correct\.?(?=\s|\Z)|[✅✔☑🎉■∎])*+"
)
"""Pattern of text that may stand after a box: an end of a formula, a sentence or an answer, and not
the mark of a factorial. The words are those with which the usual prompt for Minerva ends."""


def boxed(text: str) -> tuple[str | None, str]:
    """Find (the content of the box, "") or (None, a reason)."""
    found = boxes(text)
    if not found:
        return None, NO_ANSWER
    if len(found) > 2:
        return None, SEVERAL_ANSWERS
    first, last = found[0], found[-1]
    if first.content != last.content and not _corrects(text[first.end : last.start]):
        return None, SEVERAL_ANSWERS
    before = text[: last.start]
    if is_part(before) and not _says_again(before, last.content):
        return None, PART_OF_LARGER
    if last.content is None:
        return None, NO_ANSWER
    if not _AFTER.fullmatch(text, last.end):
        return None, TEXT_BEHIND
    return last.content.replace("\\$", "$").replace("\\%", "%"), ""


def _says_again(before: str, content: str | None) -> bool:
    r"""Tell whether a box after "or" repeats the text before it, as in $4 \cdot 3$, or
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
    """Tell whether the text between two boxes says that the second one holds, and not that it
    may."""
    return bool(_CORRECTION.search(between)) and not _CHOICE.search(between)
