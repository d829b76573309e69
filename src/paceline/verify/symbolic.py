r"""Answers that are expressions: \frac{\sqrt{3}}{2}, x^2 - 1, (2, 5], \{1, 2\}.

Numbers are compared exactly and at once (`math.number`). Everything else is parsed and simplified
by math-verify and sympy, in a process that is ended when it takes too long: there are short inputs
whose value is a number of a billion digits, and neither library's own time limit works outside of a
main thread. Before that, what a model could be paid for without an answer is refused: equations,
lists of guesses, sums that were never computed.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from threading import local

from ..errors import RewardError
from ..types import Completion, Problem, Verdict
from .form import Form, check_form, one_answer
from .math import number
from .own import OwnVerifier, verdict
from .worker import Died, NotStarted, Raised, TimeLimit, Worker, named

MAX_LENGTH = 200
"""Characters of an answer."""
SLOW = "the answer could not be compared in time"
RIGHT = "the answer equals the expected one"
WRONG = "the answer does not equal the expected one"
UNREAD = "the answer is no expression"

_HUGE = re.compile(
    r"\d{25}|\d{3}\s*!|!\s*!|\\binom|\^\s*\{?\s*\(?\s*-?\d{4}|\^[^^]*\^[^^]*\^|\\prod|\\sum|\\int"
)
"""What may take for ever: long numbers, large factorials and exponents, towers, series."""
_UNCOMPUTED = re.compile(r"[-+(]*[\d.]+(?:[-+*/^!\d.\s(){}]|\\cdot|\\times|\\div)*")
"""Plain numbers with operators, or nothing, between them."""
_WRAPPING = re.compile(r"^(?:\$+|\\\(|\\\[)\s*(.*?)\s*(?:\$+|\\\)|\\\])$", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mbox)\{([^{}]*)\}")
_UNIT = re.compile(
    r"(?<=[0-9\s}])\s*\\(?:text|mathrm|mbox)\{\s*([A-Za-z][A-Za-z /.]*)\}(\^\{?[23]\}?)?\Z"
)
"""What may be a unit: letters, behind everything else."""
_LETTERS = set("mgshlLNJWVAKCF")
"""Units of one letter; any other is a quantity: e, i, x."""
_NO_UNIT = re.compile(
    r"\b(?:or|and|not|no|zero|dozen|hundred|thousand|[mb]illion|trillion|[bmt]n|half|third|quarter"
    r"|fifth|tenth|hundredth|minus|negative|below|over|times|plus|squared|cubed|factorial|choose"
    r"|root|base|inverse|pi)s?\b",
    re.IGNORECASE,
)
"""Words that change the value in front of them."""
_SPELLINGS = (
    (re.compile(r"\^\{?\\circ\}?|°|\\(?:left|right)(?![a-z])|\\[$%]"), ""),
    (re.compile(r"\\[,;!: ]|~"), " "),
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (re.compile(r"\{,\}"), ","),
    (re.compile("−"), "-"),
    (re.compile(r"\\frac\{-(\d+)\}"), r"-\\frac{\1}"),
)
"""Ways of writing that change nothing, and what they become."""
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "sqrt", "abs", "max", "min", "arcsin",
    "arccos", "arctan", "sinh", "cosh", "tanh",
}  # fmt: skip
_FRACTION = re.compile(
    r"(?P<sign>-?)\\frac\s*(?:\{(?P<over>[0-9]{1,20})\}|(?P<over1>[0-9]))"
    r"\s*(?:\{(?P<under>[0-9]{1,20})\}|(?P<under1>[0-9]))"
)
"""Without braces LaTeX takes one digit."""


@dataclass(frozen=True, slots=True)
class SymbolicAnswer(OwnVerifier):
    r"""1 if the one answer in the form asked for is an expression equal to the expected one,
    else 0.

    Slower than NumberIn by a factor of a thousand; take it where answers are no plain numbers.

    Example: SymbolicAnswer() accepts "\boxed{\dfrac{1}{\sqrt 2}}" for "\frac{\sqrt{2}}{2}"
    """

    form: Form = "boxed"
    """Where the answer stands: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    seconds: float = 3.0
    """A comparison that takes longer is ended, and the answer is wrong."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        if not problem.answer.strip():
            raise RewardError(f"Problem {problem.id} has no expected answer.")
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        right, reason = equal(answer, problem.answer, self.seconds)
        return verdict(right, reason)


def equal(answer: str, expected: str, seconds: float = 3.0) -> tuple[bool, str]:
    """Whether two expressions are the same, and why (not)."""
    if len(answer) > MAX_LENGTH:
        return False, "the answer is too long"
    (ours, our_unit), (theirs, their_unit) = _bare(answer), _bare(expected)
    if our_unit and their_unit and our_unit != their_unit:
        return False, "the answer has another unit"
    if ours == theirs and ours:
        return True, RIGHT
    value, wanted = _exact(ours), _exact(theirs)
    if value is not None and wanted is not None:
        right = value == wanted
        return right, RIGHT if right else WRONG
    if refusal := _refused(ours, theirs):
        return False, refusal
    if value is not None:  # a decimal number is that number, and not what it may be near to
        ours = f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    worker: Worker | None = getattr(_mine, "worker", None)
    if worker is None:
        worker = _mine.worker = Worker(COMPARE)
    try:
        said = worker.call((ours, theirs), seconds)
    except TimeLimit:
        return False, SLOW
    except Died:
        return False, UNREAD
    except NotStarted as error:
        raise RewardError(f"math-verify cannot be loaded ({error}).") from error
    except Raised:
        return False, UNREAD
    return {True: (True, RIGHT), False: (False, WRONG), None: (False, UNREAD)}[said]


COMPARE = named(f"{__package__}.simplify", "compare")
"""math-verify and sympy are imported when a worker starts, which has time of its own."""
_mine = local()
"""A worker for every thread that compares."""


def _bare(text: str) -> tuple[str, str]:
    """An expression without the signs around it and a full stop, and its unit."""
    text = text.strip().removesuffix(".").strip()
    if found := _WRAPPING.match(text):
        text = found[1]
    if found := _TEXT.fullmatch(text):
        return " ".join(found[1].split()), ""
    for pattern, instead in _SPELLINGS:
        text = pattern.sub(instead, text)
    text, unit = _without_unit(text.rstrip())
    text = _TEXT.sub(r" \1 ", text)
    return " ".join(text.split()), unit


def _without_unit(text: str) -> tuple[str, str]:
    """(the rest, the unit) of an expression; "" where it has none."""
    found = _UNIT.search(text)
    said = "".join(found[1].split()).rstrip(".") if found else ""
    if not found or _NO_UNIT.search(found[1]) or (len(said) == 1 and said not in _LETTERS):
        return text, ""
    return text[: found.start()], said + (found[2] or "").replace("{", "").replace("}", "")


def _exact(text: str) -> Fraction | None:
    """The value of a number, or of a fraction in lowest terms."""
    if found := _FRACTION.fullmatch(text):
        over = int(found["over"] or found["over1"])
        under = int(found["under"] or found["under1"])
        if under > 1 and gcd(over, under) == 1:
            return Fraction(-over if found["sign"] else over, under)
    return number(text)


def _refused(answer: str, expected: str) -> str:
    """Why an answer is not even compared; "" if it is."""
    if not answer or "..." in answer or "\\ldots" in answer:
        return UNREAD
    if any(c.isnumeric() and not c.isascii() for c in answer):  # 5½ and 103² are other numbers
        return UNREAD
    if _HUGE.search(answer):
        return "the answer is too large to be compared"
    signs = ("=", "\\approx", "\\equiv", "\\sim", "_{", " or ", " and ", "\\vee", "\\cup")
    if any(sign in answer and sign not in expected for sign in signs):
        return "the answer is no single expression"
    if ("\\{" in answer) != ("\\{" in expected):
        return "the answer is a set, or the expected one is"
    if _top_level(answer) != _top_level(expected):
        return "the answer is a list, or the expected one is"
    if _to_compute(answer) and _exact(expected) is not None:
        return "the answer was not computed"
    words = {word for word in _WORD.findall(answer) if word.lower() not in _FUNCTIONS}
    if words - set(_WORD.findall(expected)):
        return "words beside the answer"
    return ""


def _to_compute(text: str) -> bool:
    """Whether a text is plain numbers with something left to do: 1+2, 5!, 24/2, 1 2."""
    plain = _UNCOMPUTED.fullmatch(text) or _FRACTION.fullmatch(text)
    return bool(plain) and _exact(text) is None


def _top_level(text: str) -> int:
    """Commas outside of all brackets."""
    depth = commas = 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        commas += letter == "," and depth == 0
    return commas
