r"""The answer in a box: \boxed{103}.

One box, or two of which the second corrects the first. What stands around it in the same formula
may make it a part of something else: -\boxed{5}, 2\boxed{5}, "not \boxed{5}". What may stand there
is named; everything else is refused.
"""

import re
import unicodedata

MISSING = "no answer in the form asked for"
SEVERAL = "more than one answer"
BEHIND = "text after the answer"
BEFORE = "the box is a part of something larger"

_BOX = re.compile(r"\\(?:boxed|fbox)[ \t]*(?:\{|(?=[0-9A-Za-z]))")
_BRACE = re.compile(r"[{}]")
_CORRECTION = re.compile(
    r"\b(?:no|wait|actually|correct\w*|re-?check\w*|check\w*|mistake\w*|error|instead|sorry|should|fix\w*"
    r"|revis\w+|verif\w+|therefore|thus|so|hence|final\w*|conclu\w+)\b|不对|错|重新|更正|应|所以|因此|最终|故",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"\b(?:or|either|perhaps|maybe|may|might|alternativ\w+|case|possib\w+|could|else)\b|[或可]|\([a-z]\)",
    re.IGNORECASE,
)
"""Words between two boxes that make the second an answer, and those that make it one of two."""
_CLOSED = r"\\\)|\\\]|\\end\{[a-z]+\*?\}"
_AFTER = re.compile(
    rf"(?:[\s.。．$*_`]|{_CLOSED}|\\text\{{\.\}}|[)）\]”\"’」』】]|\\[,;:! ]|\\q?quad(?![a-z])"
    rf"|\\(?:black)?square(?![a-z])|\\Box(?![a-z])|\\qed(?![a-z])|(?<=[$)\]])[!！])*+"
)
"""What may stand behind a box: an end of a formula or a sentence, and no mark of a factorial."""

_SPACES = re.compile(
    r"(?:[ \t&]|(?<=\S)~|\\[,;:! ]|\\(?:quad|qquad|displaystyle|textstyle|large|Large|LARGE|huge"
    r"|Huge|left|big|Big|bigl|Bigl|mathbf|bf|color\{[a-z]+\})(?![A-Za-z]))+\Z"
)
_OPENS = re.compile(r"(?:(?<!\\)\${1,2}|\\[(\[]|\\begin\{[a-z]+\*?\}(?:\{[a-z]+\})?)\Z")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mbox|mathrm)\s*\{([^{}]*)\}\Z")
_COMMAND = re.compile(r"\\([A-Za-z]+)\Z")
_ANEW = {
    "implies", "Rightarrow", "Longrightarrow", "rightarrow", "longrightarrow", "to", "therefore",
    "approx", "iff", "Leftrightarrow", "newline", "equiv", "in",
}  # fmt: skip
"""Commands behind which an answer may stand."""
_NOT = re.compile(
    r"(?:\b(?:not|isn't|never|minus|negative|except|than|at least|at most|up to)|不是|[负負非不]"
    r"|[大小多少]于|至[少多]|不等于|超过)\s*\Z",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?:\A|\n)[ \t]*(?:[-*+>–•]|[0-9]+[.)])[ \t]+\Z")
_BOLD = re.compile(r"(?:\A|[\s:：])[*_]{1,3}\Z")
_ARROW = re.compile(r"(?:[-=]>|<[^<>\n]*>)\Z")
_PUNCTUATING_DASH = re.compile(r"([^\W\d_]{2,})[ \t]+[-–—]\Z")
_DASHES = "-−–"
_VERBS = {"is", "are", "be", "equals", "equal", "was", "of", "to", "get"}
"""Words behind which a dash is rather a sign."""
_ATTACHED = re.compile(r"[0-9][.,]\Z|[\w)\]}]\(\Z")
"""A decimal point, a list of numbers, the argument of a function."""
_PLAIN = "=:：,，;；.。!！?？\"'“”‘’「」『』【】()（）[]…#`≈→⇒∴—"
"""Signs behind which a sentence or a formula begins."""


def boxed(text: str) -> tuple[str | None, str]:
    """(what stands in the box, "") or (None, a reason)."""
    boxes = [box for box in _BOX.finditer(text) if not _nested(text, box)]
    if not boxes:
        return None, MISSING
    if len(boxes) > 2:
        return None, SEVERAL
    last = boxes[-1]
    end, content = _inside(text, last)
    if len(boxes) == 2:
        first_end, first = _inside(text, boxes[0])
        if first != content and not _corrects(text[first_end : last.start()]):
            return None, SEVERAL
    if is_part(text[: last.start()]):
        return None, BEFORE
    if content is None:
        return None, MISSING
    if not _AFTER.fullmatch(text, end):
        return None, BEHIND
    return content.replace("\\$", "$").replace("\\%", "%"), ""


def _nested(text: str, box: re.Match[str]) -> bool:
    """Whether a box is all that stands in another one."""
    before = text[max(0, box.start() - 20) : box.start()]
    return re.search(r"\\(?:boxed|fbox)[ \t]*\{\s*\Z", before) is not None


def _inside(text: str, box: re.Match[str]) -> tuple[int, str | None]:
    """(the place behind a box, what is in it): to its closing brace, or to the end of the text
    where nothing but that brace is missing. Without braces TeX takes one letter: a number is
    meant."""
    start = box.end()
    if text[start - 1] != "{":
        plain = re.compile(r"[0-9]+(?:\.[0-9]+)?|[A-Za-z](?![A-Za-z])").match(text, start)
        return (plain.end(), plain[0]) if plain else (start, None)
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end(), text[start : brace.start()]
    return len(text), text[start:].rstrip(" \n$.") if depth == 1 else None


def _corrects(between: str) -> bool:
    """Whether what stands between two boxes says that the second one holds, and not that it may."""
    return bool(_CORRECTION.search(between)) and not _CHOICE.search(between)


def is_part(before: str) -> bool:
    r"""Whether a text ends with what makes a box a part of it."""
    near = before[-120:].replace("\\*", "*").replace("\\not=", "\\neq")
    if not near.strip() or _BULLET.search(near) or _BOLD.search(near):
        return False
    stripped = _SPACES.sub("", near)
    line_begins = stripped.endswith("\n")
    stripped = stripped.rstrip()
    spaced = len(stripped) < len(near)
    if said := _TEXT.search(stripped):
        return bool(_NOT.search(said[1])) or not any(map(str.isalpha, said[1]))
    if opened := _OPENS.search(stripped):
        return _is_part_of_the_sentence(near[: opened.start()])
    command = _COMMAND.search(stripped)
    if command is not None:
        return command[1] not in _ANEW
    if line_begins:
        return stripped[-1] in "-+−±≠<≤≥/^_~¬"
    if _NOT.search(stripped) or (_ATTACHED.search(stripped) and not spaced):
        return True
    return _ends_with_an_operand(_without_bold(stripped), spaced, in_math=_in_math(near))


def _is_part_of_the_sentence(before: str) -> bool:
    """Whether words before a formula make it a part: "not $", "- $", "2 $"."""
    if _BULLET.search(before) or not before.strip():
        return False
    stripped = before.rstrip(" \t*")
    if _NOT.search(stripped) or stripped[-1:] in ("±", "≠", "~", "¬"):
        return True
    if stripped[-1:].isdecimal():
        return _ends_with_an_operand(stripped, spaced=True, in_math=False)
    if stripped[-1:] in _DASHES:
        said = _PUNCTUATING_DASH.search(stripped)
        return before[-1:] in _DASHES or said is None or said[1].lower() in _VERBS
    return False


def _without_bold(text: str) -> str:
    """A text without the marks that end something bold, such as **Answer:**."""
    return re.sub(r"(?<=[^\s*_])(?:\*{2,3}|__)\Z", "", text)


def _in_math(text: str) -> bool:
    r"""Whether a formula was opened and not closed."""
    dollars = len(re.findall(r"(?<!\\)\$", text.replace("$$", "$")))
    opened = max(text.rfind("\\("), text.rfind("\\["), text.rfind("\\begin{"))
    return bool(dollars % 2) or opened > max(text.rfind("\\)"), text.rfind("\\]"))


def _ends_with_an_operand(text: str, spaced: bool, in_math: bool) -> bool:
    """Whether a text ends with a number, a symbol or an operator, and not with a word or an end."""
    if not text:
        return False
    last = text[-1]
    if _ARROW.search(text):
        return False
    if last.isalpha():
        word = re.search(r"[^\W\d_]+\Z", text)
        assert word is not None
        alone = len(word[0]) == 1 and word[0].isascii()
        return alone and (in_math or word[0] not in "aI")
    if last.isdecimal():
        return in_math or not spaced or not re.search(r"[^\W\d_]{2,}\s*#?[0-9]+\Z", text)
    if last in "-–—" and spaced and not in_math:
        said = _PUNCTUATING_DASH.search(text)
        return said is None or said[1].lower() in _VERBS
    if last in _PLAIN:
        return last in ")]!" and (in_math or not spaced)
    return not unicodedata.category(last).startswith("So")
