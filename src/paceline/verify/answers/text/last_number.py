r"""The last number that stands in a text.

Digits may be a part of something else: of 3\sqrt{5}, 10^3, 101_{2}, 2 1/2, 12:30, 3,5 or cm^2. The
text around them decides; if that is not known, there is no number.
"""

import re

from .before import is_label, is_part
from .groups import boxes
from .numerals import SIGNS, number, with_commas
from .sentences import changes_what_follows
from .spellings import CURRENCIES, DASHES, STYLE_COMMANDS, WORD_COMMANDS
from .units import plain_unit

MAX_TAIL = 10_000
"""Number of characters at the end of a text in which its last number is looked for."""
MAX_SKIPPED = 20
"""Most digits of names and units that are passed over on the way to a number."""

_RUN = re.compile(r"\d[\d.,]*(?:[eE][-+−]?\d+)?(?:/\d[\d.,]*)*")

_OPERAND = re.compile(r"(?![\u2e80-\U0003ffff])[^\W_]|[)\]}%]")
"""Pattern of text after which a minus subtracts or joins; Chinese has no spaces that would set a
sign apart."""
_FRACTION = re.compile(r"(?<![0-9}])\\[dtc]?frac\{([0-9]+)\}\{([0-9]+)\}")

_TRANSPARENT = {"boxed", "fbox", "bf", *WORD_COMMANDS, *STYLE_COMMANDS}
"""Commands whose argument stands for itself."""
_BETWEEN = {
    "boxed", "approx", "quad", "qquad", "implies", "iff",
    "Rightarrow", "rightarrow", "to", "therefore", "displaystyle", "left", "big", "Big", "space",
}  # fmt: skip
"""Commands after which a number of its own begins."""
_COMMAND_BEFORE = re.compile(r"\\([A-Za-z]+)(?:\s*[_^]\s*(?:\{[^{}]*\}|\w))?\s*\Z")
_OPENER = re.compile(r"\\([A-Za-z]+)\s*(?:\[[^\[\]]*\]\s*)?(?:\{[^{}]*\}\s*)*\Z")
_NAME_BEFORE = re.compile(r"[A-Za-z_]\Z")
_UNIT_RAISED = re.compile(r"([A-Za-z]+)\}?\s*\$?\s*\^\s*\{?\Z")
_NAME_WITH_INDEX = re.compile(r"[A-Za-z)]\s*_\s*\{?\Z")
_RELATION = re.compile(
    r"(?:[≥≤≠±∓√∛∜^/_÷∕⁄]|[<>!]=|\+/-|&[a-z#0-9]+;|(?<!\\)\\[|]|<|(?<![=\-→>])>)\s*\Z"
)
"""Signs after which digits are a part of something, or are not said to be equal."""
_TAG = re.compile(r"<[^<>]*>\s*\Z")
_NO_SIGN = re.compile("(?:[0-9]'|[^—]—)\\Z")
"""Pattern of an apostrophe, and of a dash that is not a sign."""
_STYLES = "|".join((*WORD_COMMANDS, *STYLE_COMMANDS))
_SIGN_ALONE = re.compile(rf"(?:\\(?:{_STYLES}))?\{{\s*([-+−–])\s*\}}")
_WRAPPING = re.compile(rf"(?:[ \t$€£¥{{(|*_`~]|\\[,;:!$ ]|\\left|\\(?:{_STYLES})(?=\s*\{{))+\Z")
"""Pattern of everything that may wrap a number, with its sign outside."""
_CALLED = re.compile(
    r"(?:[A-Za-z]\(|√\(|\^\(|\\[dtc]?frac\s*(?:\{[^{}]*\}|[0-9A-Za-z])\s*"
    r"|\b(?:sin|cos|tan|arc[a-z]+|log|ln|lg|exp|abs|sqrt|cbrt)\s*(?:_\s*\{?\w+\}?\s*)?\(?)\Z"
)
"""Pattern of a function, or of the lower half of a fraction without braces."""
_TIME_OR_RANGE = re.compile(
    r"(?:[0-9](?:[:：]|\s+[:：]\s*)|[0-9][-–]|[0-9A-Za-z)]\*\*|[(\[]\s*[-−]?[0-9.]+\s*,\s*)\Z"
)
"""Pattern of a time or ratio, a date or range, a power, a pair."""
_SPACED = re.compile(r"(?<![0-9])[0-9]{1,3}(?:[ \u00a0\u2009\u202f]| and )\Z")
"""Pattern of the start of 1 234 or of 2 1/2."""
_OPERATED = re.compile(
    r"(?:[0-9)}\]]|\b[A-Za-z])(?:\$|\\\))?"
    r"(?:[ \t]*[×·÷+][ \t]*|[ \t]+\*[ \t]+|\*)\Z"
)
"""Pattern of a sign that joins a number to another one."""
_MULTIPLIED = re.compile(
    r"\s*(?:\\?text\{\s*)?(?:hundred|thousand|(?:m|b|tr)illion|dozen|squared|cubed|factorial"
    r"|hal(?:f|ves)|thirds?|quarters?|tenths?|hundredths?|(?:degrees )?below zero"
    r"|and\s+(?:a|one)\s+|[万亿兆十成折半]|[千百](?![克米瓦分])|分之|点[零一二三四五六七八九]"
    r"|的(?:[正负算]?[术]?平方根?|立方根?|相反数|倒数|阶乘|一半|[积和差商]"
    r"|[0-9一二两三四五六七八九十百]*[倍次分])|之间|次方|[月日号])",
    re.IGNORECASE,
)
"""Words that turn the number before them into another."""
_RAISED_BEHIND = re.compile(
    r"[\u0370-\u03ff‰√]|!\s*(?:\$|\\|[=*/.])|[ \t]*[×·÷≤≥≠]|[ \t]+\*[ \t]+\w|\*\w|\*\*\w|/"
    r"|\s*[<>](?!/?[A-Za-z]+[ />])|\s*(?:\^(?!\s*\{?\s*\\circ)|\*\*[0-9]|_|!=)"
    r"|\s*\\(?:frac|sqrt|pi|overline|dot|bar|times|cdot|div)(?![a-z])"
)
"""Signs that make the number before them a part of something larger."""
_SHORT_UNITS = ("m", "g", "s", "L")
_LETTERS_BEHIND = re.compile(r"[A-Za-z]+")


def last_number(text: str) -> str | None:
    r"""The last number of a text, with its sign; `number` refuses it if it is a part of something
    else, as the 5 of 3\sqrt{5} is, or has an unknown sign.

    The 2 of cm^2 and of x_2 belongs to a unit or a name, and is passed over. Commas that are not in
    threes separate numbers; one comma alone (3,5) may be a decimal one. A number that a sign joins
    to another one (10 - 5, 17 × 23, 3-5) is a part of a computation or of a range; two signs make
    it no number.
    """
    tail = with_commas(text[-MAX_TAIL:]).replace("__", "**")  # both are bold
    tail = _SIGN_ALONE.sub(r"\1", tail)
    tail = _FRACTION.sub(r"\1/\2", tail)
    for found in list(_RUN.finditer(tail))[: -MAX_SKIPPED - 2 : -1]:
        before = tail[: found.start()]
        if not _in_name_or_unit(before):
            return _standing(found, before, tail)
    return None


def _in_name_or_unit(before: str) -> bool:
    """Tell whether digits belong to the text directly before them: x1, m3, cm^2, a_{2}."""
    if _NAME_BEFORE.search(before[-1:]) and not _COMMAND_BEFORE.search(before[-30:]):
        return before[-1] != "_" or bool(_NAME_WITH_INDEX.search(before[-8:]))
    if _NAME_WITH_INDEX.search(before[-8:]):
        return True
    found = _UNIT_RAISED.search(before[-40:])
    return found is not None and plain_unit(found[1]) is not None


def _standing(found: re.Match[str], before: str, tail: str) -> str:
    """The number that digits form, with its sign, or the larger thing that they are a part of."""
    run = found.group().rstrip(".,")
    behind = tail[found.start() + len(run) :]
    if behind[:1].isnumeric() and not behind[:1].isalpha():  # "5½", "103²"; 千 is a word
        return run + behind[:1]
    if before.endswith(".") and not re.search(r"[\w.)]\.", before[-2:]):
        run, before = "." + run, before[:-1]
    groups = run.split(",")
    if number(run) is None and (len(groups) == 2 or any(len(group) > 2 for group in groups)):
        return run  # 3,5 may be a decimal number, 1,000,2 anything
    if number(run) is None and "," in run:
        before, _, run = (before + run).rpartition(",")
        before += ","
    if _is_part(run, before, behind):
        return f"{before[-8:]}{run}{behind[:8]}".replace(run, f"…{run}…")
    return _signed(run, before)


def _is_part(run: str, before: str, behind: str) -> bool:
    """Tell whether a number is a part of something larger."""
    near = before[-40:]
    letters = _LETTERS_BEHIND.match(behind)
    if letters and not _is_unit(letters[0], before):
        return True
    if _MULTIPLIED.match(behind) or (_RAISED_BEHIND.match(behind) and not _a_unit(behind)):
        return True
    if changes_what_follows(near) or _NO_SIGN.search(near) or _OPERATED.search(near):
        return True
    if _RELATION.search(near) and not _TAG.search(near):
        return True
    if (command := _COMMAND_BEFORE.search(near)) and command[1] not in _BETWEEN:
        return True
    around = [box for box in boxes(before[-200:]) if not box.closed]
    if around and is_part(before[-200:][: around[-1].start]):
        return True
    return bool(_CALLED.search(near)) or _is_joined(run, near) or _in_argument(before)


def _is_unit(letters: str, before: str) -> bool:
    """Tell whether letters directly after a number are a unit: 7km, 540m; $5m is five million."""
    if len(letters) == 1:
        return letters in _SHORT_UNITS and not before.endswith(CURRENCIES)
    return plain_unit(letters) is not None


def _a_unit(behind: str) -> bool:
    """Tell whether a slash begins a unit: 5/kg."""
    letters = _LETTERS_BEHIND.match(behind[1:])
    return behind[:1] == "/" and letters is not None and plain_unit(letters[0]) is not None


def _is_joined(run: str, near: str) -> bool:
    found = _TIME_OR_RANGE.search(near)
    if found is not None and not (found[0][-1:].isspace() and is_label(near)):
        return True
    digits = re.match(r"[0-9]*", run)
    thousands = digits is not None and len(digits[0]) == 3 and not near.endswith("and ")
    return _SPACED.search(near) is not None and ("/" in run or thousands)


def _in_argument(before: str) -> bool:
    """Tell whether the end of a text is in the argument of a command other than \\boxed and its
    kin."""
    depth = 0
    for place in range(len(before) - 1, -1, -1):
        letter = before[place]
        depth += (letter == "{") - (letter == "}")
        if depth == 1:
            if place and before[place - 1] in "^_":
                return True
            opener = _OPENER.search(before[max(0, place - 80) : place])
            if opener and opener[1] not in _TRANSPARENT:
                return True
            depth = 0
    return False


def _signed(run: str, before: str) -> str:
    """A number with the signs that stand before it, or before its wrapping."""
    near = before[-60:]
    bare = _WRAPPING.sub("", near)
    if bare.endswith(("负", "負")):
        return "-" + run
    wrapped = near[len(bare) :].strip(" \t")
    if bare.endswith(tuple(DASHES)) and (wrapped or not near.endswith(tuple(DASHES))):
        dashes = len(bare) - len(bare.rstrip(DASHES))
        earlier = bare[:-dashes]
        spaced = near[len(bare) :][:1] in " \t"
        if dashes > 1:
            return f"--{run}"
        if earlier[-1:].strip() and _OPERAND.search(earlier[-1:]):
            return f"…{run}"  # 10 -(5)
        return _behind_a_spaced_dash(run, earlier.rstrip(" \t")) if spaced else f"-{run}"
    if changes_what_follows(bare) and wrapped:
        return f"- {run}"
    stripped = before.rstrip(DASHES + "+")
    signs = before[len(stripped) :]
    earlier = stripped.rstrip(" \t")
    if signs and earlier and earlier[-1] in DASHES:  # - -5
        signs = earlier[-1] + signs
    subtracts = len(signs) == 1 and _OPERAND.search(stripped[-1:])
    if subtracts:
        return f"…{run}"
    return "".join(sign if sign in SIGNS else "-" for sign in signs) + run


def _behind_a_spaced_dash(run: str, before: str) -> str:
    """A number after a dash and a space: 10 - 5 is a difference, = - 5 negative, "is - 5" may be
    either."""
    if not before or before[-1].isalpha() or before[-1] == "\n":
        return f"- {run}"
    return f"-{run}" if before[-1] in "=(:：,;$" else f"…{run}"
