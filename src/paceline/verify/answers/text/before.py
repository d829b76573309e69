r"""Text before a box or a number that makes it a part of something larger: -\boxed{5},
2\boxed{5}, (4, \boxed{5}), "the square root of \boxed{5}", "4 or \boxed{5}".

In a formula, the text that may stand there is listed, and everything else is refused. In a sentence
that is impossible, so the words that turn the number into another answer are listed.
"""

import re
import unicodedata

from .sentences import changes_what_follows
from .spellings import CURRENCIES, DASHES, WORD_COMMANDS

_SPACES = re.compile(
    r"(?:[ \t&]|(?<=\S)~|\\[,;:! ]|\\(?:quad|qquad|displaystyle|textstyle|large|Large|LARGE|huge"
    r"|Huge|left|big|Big|bigl|Bigl|mathbf|bf|color\{[a-z]+\})(?![A-Za-z]))+\Z"
)
_OPENS = re.compile(r"(?:(?<!\\)\${1,2}|\\[(\[]|\\begin\{[a-z]+\*?\}(?:\{[a-z]+\})?)\Z")
_CLOSES = re.compile(r"(?:(?<!\\)\${1,2}|\\[)\]])\Z")
"""Patterns of a formula's beginning and end."""
_TEXT = re.compile(rf"\\(?:{'|'.join(WORD_COMMANDS)})\s*\{{([^{{}}]*)\}}\Z")
_COMMAND = re.compile(r"\\([A-Za-z]+)\Z")
_ANEW = {
    "implies", "Rightarrow", "Longrightarrow", "rightarrow", "longrightarrow", "to", "therefore",
    "approx", "iff", "Leftrightarrow", "newline", "equiv", "in",
}  # fmt: skip
"""Commands after which an answer may stand."""
_OPERATORS = "-+−±∓*/^_×÷·√~¬≠<≤≥"
"""Signs that bind the text after them."""
_OPERATES = re.compile(
    r"\\(?:pm|mp|times|cdot|div|neg|neq?|lnot|not|leq?|geq?|lt|gt|sqrt|log|ln|lg|exp|sin|cos|tan)"
    r"(?:\s*[_^]\s*(?:\{[^{}]*\}|\w))?(?:\s*\{\s*\})?\Z"
)
"""Commands that bind the text after them."""
_BULLET = re.compile(r"(?:\A|\n)[ \t]*(?:[-*+>–•]|[0-9]+[.)])[ \t]+\Z")
_BOLD = re.compile(r"(?:\A|[\s:：])[*_]{1,3}\Z")
_ARROW = re.compile(r"(?:[-=]>|<[^<>\n]*>)\Z")
_PUNCTUATING_DASH = re.compile(r"([^\W\d_]{2,})[ \t]+[-–—]\s*\Z")
_VERBS = {"is", "are", "be", "equals", "equal", "was", "of", "to", "get"}
"""Words after which a dash is rather a sign."""
_ATTACHED = re.compile(r"[0-9][.,]\Z|[\w)\]}]\(\Z")
"""Pattern of a decimal point, a list of numbers, the argument of a function."""
_OTHER_ELEMENT = re.compile(
    r"(?:[0-9]\s*(?:\$|\\\))?\s*[,;:：]|[(\[{]\s*\$?[A-Za-z]\$?\s*[,;])\s*\Z"
)
"""Pattern of a number with a comma or colon, the first of a pair: 4, and 4: and (x,"""
_AND_OR = r"\s*(?:\$|\\\))?\s*,?\s*(?:\\text\{\s*)?(?:\b(?:and|or)\b|[和与及或])\s*\}?"
_OTHER_ANSWER = re.compile(
    rf"(?:\b[Oo]r(?:,? (?:alternatively|maybe|perhaps|possibly|even))?|或者?"
    rf"|[0-9]{_AND_OR}|(?<![A-Za-z])[A-Z]{_AND_OR})\s*\Z",
    re.DOTALL,
)
"""Words that join one answer to another."""
_NAMED_TWICE = re.compile(
    r"(?<![\w\\^+*/)}-])(?<![-+*/] )([A-Za-z](?:_\w)?)\s*="
    r"(?:[^=,;]{1,40}(?:\bor\b|\band\b|[和与及或;；]|\\lor\b)|\s*[-−]?[0-9.]+\s*(?:\$|\\\))?\s*,)"
    r"(?:[\s${}]|\\[,; ]|\\\(|\\quad)*\1\s*=\s*\$?\s*\Z"
)
"""Pattern of a name after a value of it: x = 3 or x ="""
_ELEMENTS = re.compile(
    r"(?:[^A-Za-z\\]|\\[A-Za-z]++|\\[^A-Za-z]|(?<![A-Za-z])[A-Za-z]{1,2}(?![A-Za-z]))*+\Z"
)
"""Pattern of the inside of a pair or an interval, which has no words."""
_RULE = re.compile(r"(?:\A|\n)[ \t]*(?:[-*_=~]{3,}|\*(?:[ \t]+\*){2,})\s*\Z")
"""A line across the page, in Markdown."""
_CHINESE_NOT = ("负", "負", "非", "不")
_LABEL = re.compile(r"([^\W\d_]{2,})[ \t]*#?[0-9]+\s*[:：,，]?\s*\Z")
"""Pattern of a label such as Step 4:."""
_PLAIN = "=:：,，;；.。!！?？\"'“”‘’「」『』【】()（）[]…#`≈→⇒∴—"
"""Signs after which a sentence or a formula begins."""
_FAR = 120
"""Number of characters before a box that are looked at."""


def is_part(before: str) -> bool:
    r"""Tell whether a text ends in a way that makes a following box a part of it."""
    near = before[-_FAR:].replace("\\*", "*").replace("\\not=", "\\neq")
    if not near.strip() or any(mark.search(near) for mark in (_BULLET, _BOLD, _RULE)):
        return False
    stripped = _SPACES.sub("", near)
    line_begins = stripped.endswith("\n")
    stripped = stripped.rstrip()
    spaced = len(stripped) < len(near)
    in_math = _in_math(before)
    if said := _TEXT.search(stripped):
        words = said[1].strip("\\ ")
        return _words_join(words) or not (words in CURRENCIES or any(map(str.isalpha, words)))
    if opened := in_math and _OPENS.search(stripped):
        return _is_part_of_the_sentence(near[: opened.start()])
    if not in_math and (closing := _CLOSES.search(stripped)):
        if _ends_with_an_operator(stripped):
            return True
        # An amount of dollars before it makes a formula's beginning look like an end.
        return near.endswith("$") and _is_part_of_the_sentence(near[: closing.start()])
    command = _COMMAND.search(stripped)
    if command is not None:
        return command[1] not in _ANEW
    if line_begins:  # behind words, *, _ and ~ are marks of Markdown
        return stripped[-1] in _OPERATORS and (in_math or stripped[-1] not in "*_~")
    if _words_join(stripped) or _one_of_several(stripped, in_math):
        return True
    if stripped.endswith(CURRENCIES):
        return is_part(stripped[:-1].rstrip("\\ ") + " ")
    if _ATTACHED.search(stripped) and not spaced:
        return True
    if opening := re.search(r"[(\[{（【]+\Z", stripped):
        stripped = stripped[: opening.start()].rstrip()
        return stripped[-1:] in tuple(_OPERATORS) or bool(_OPERATES.search(stripped))
    return _ends_with_an_operand(_without_bold(stripped), spaced, in_math)


def is_label(text: str) -> bool:
    """Tell whether a text ends like a numbered heading: "Step 4:", and not "is 4:"."""
    found = _LABEL.search(text)
    return found is not None and found[1].lower() not in _VERBS


def _is_part_of_the_sentence(before: str) -> bool:
    """Tell whether words before a formula make it a part: "not $", "- $", "2 $"."""
    if not before.strip() or _BULLET.search(before) or _RULE.search(before):
        return False
    stripped = before.rstrip().rstrip("*").rstrip()
    if _words_join(stripped) or _one_of_several(stripped, in_math=False):
        return True
    if stripped[-1:] in ("±", "≠", "~", "¬") or _ends_with_an_operator(stripped):
        return True
    if stripped[-1:].isdecimal() and "\n" not in before[len(stripped) :]:
        return _ends_with_an_operand(stripped, spaced=True, in_math=False)
    if stripped[-1:] in tuple(DASHES):
        said = _PUNCTUATING_DASH.search(stripped)
        return before[-1:] in DASHES or said is None or said[1].lower() in _VERBS
    return False


def _words_join(text: str) -> bool:
    """Tell whether words at the end turn the following number into another answer, or an
    alternative."""
    return (
        text.endswith(_CHINESE_NOT)
        or changes_what_follows(text)
        or _OTHER_ANSWER.search(text) is not None
    )


def _one_of_several(text: str, in_math: bool) -> bool:
    """Tell whether a list, a pair or a ratio continues after a text."""
    if (element := _OTHER_ELEMENT.search(text)) and (in_math or not is_label(text)):
        if in_math:
            return True
        said = text[: element.start()].rstrip("0123456789./−- ")
        return not said.endswith("=")  # x = 2: and 2 + 3 = 5, say what is so
    if _NAMED_TWICE.search(text):
        return True
    return text.endswith((",", ";")) and _in_brackets(text)


def _in_brackets(text: str) -> bool:
    """Tell whether a bracket is open at the end of a text, with mathematics in it and no words."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += (text[place] in ")]}") - (text[place] in "([{")
        if depth < 0:
            return _ELEMENTS.match(text, place + 1) is not None
    return False


def _ends_with_an_operator(text: str) -> bool:
    r"""Tell whether a text ends with a formula that needs an operand after it: $x = -$, $\pm$."""
    closing = _CLOSES.search(text)
    if closing is None:
        return False
    inside = _SPACES.sub("", text[: closing.start()]).rstrip()
    return inside[-1:] in tuple(_OPERATORS) or _OPERATES.search(inside) is not None


def _without_bold(text: str) -> str:
    """A text without the marks that end bold text, such as **Answer:**."""
    return re.sub(r"(?<=[^\s*_])(?:\*{2,3}|__)\Z", "", text)


def _in_math(text: str) -> bool:
    r"""Tell whether a formula was opened and not closed."""
    dollars = len(re.findall(r"(?<!\\)\$", text.replace("$$", "$")))
    opened = max(text.rfind("\\("), text.rfind("\\["), text.rfind("\\begin{"))
    closed = max(text.rfind("\\)"), text.rfind("\\]"), text.rfind("\\end{"))
    return bool(dollars % 2) or opened > closed


def _ends_with_an_operand(text: str, spaced: bool, in_math: bool) -> bool:
    """Tell whether a text ends with a number, a symbol or an operator, and not with a word or an
    end."""
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
        return in_math or not spaced or not is_label(text)
    if last in "-–—" and spaced and not in_math:
        said = _PUNCTUATING_DASH.search(text)
        return said is None or said[1].lower() in _VERBS
    if last in _PLAIN:
        return last in ")]!" and (in_math or not spaced)
    return not unicodedata.category(last).startswith("So")
