"""Numbers and exact texts as answers. Values are compared exactly, as fractions; nothing is
evaluated.

A number is: ASCII digits, commas in threes or none, a decimal point, an exponent of at most three
digits, or a fraction in lowest terms; before it at most one sign (U+2212 is a minus too), behind it
possibly a full stop. "12.", "1e5", "007" and "1,234.50" are numbers; "13=12", "1+2", "12,12",
"206/2", "10_{2}", "--5" and full-width digits are none.
"""

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from ..errors import RewardError
from ..types import Completion, Problem, Verdict
from .form import CUT, UNCLOSED, Form, answer_text, check_form, one_answer
from .own import OwnVerifier, verdict

MAX_NUMBER = 120
"""Characters of a number; a longer one is not read."""
MAX_TAIL = 10_000
"""Characters at the end of a text in which its last number is looked for."""

NO_NUMBER = "no number in the answer"
_SIGNS = "-+−"
_WHOLE = r"(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)(?:(?P<over>{_WHOLE})/(?P<under>{_WHOLE})"
    rf"|(?P<decimal>(?:{_WHOLE}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?))"
)
_RUN = re.compile(r"\d[\d.,]*(?:[eE][-+−]?\d+)?(?:/\d[\d.,]*)*")


def number(text: str) -> Fraction | None:
    """The exact value of a text that is a number and nothing else, or None."""
    text = text.strip()
    if len(text) > MAX_NUMBER:
        return None
    found = _NUMBER.fullmatch(text.removesuffix(".").replace("−", "-"))
    if not found:
        return None
    sign = -1 if found["sign"] == "-" else 1
    if found["decimal"]:
        return sign * Fraction(found["decimal"].replace(",", ""))
    over, under = (int(found[side].replace(",", "")) for side in ("over", "under"))
    return sign * Fraction(over, under) if under > 1 and gcd(over, under) == 1 else None


def last_number(text: str) -> str | None:
    """The last thing in a text that looks like a number, with its sign; `number` may still refuse
    it.

    Commas that are not in threes separate numbers. A minus behind a digit, a letter or a bracket
    subtracts and is no sign; two signs stay, and make it no number.
    """
    tail = text[-MAX_TAIL:]
    runs = list(_RUN.finditer(tail))
    if not runs:
        return None
    last = runs[-1]
    run, before = last.group().rstrip(".,"), tail[: last.start()]
    behind = tail[last.start() + len(run) :][:1]
    if behind.isnumeric():  # "5½" and "103²" are other numbers than 5 and 103.
        run += behind
    if before.endswith(".") and not re.search(r"[\w.)]\.", before[-2:]):
        run, before = "." + run, before[:-1]
    if number(run) is None and "," in run:
        return run.rpartition(",")[2]
    if before and before[-1] in "$€£¥":
        before = before[:-1]
    stripped = before.rstrip(_SIGNS)
    signs = before[len(stripped) :]
    subtracts = len(signs) == 1 and re.search(r"[^\W_]|[)\]}%]", stripped[-1:])
    return run if subtracts else signs + run


def expected_number(problem: Problem) -> Fraction:
    """The value of a problem's answer. Raises: RewardError where that is no number."""
    value = number(problem.answer)
    if value is None:
        raise RewardError(
            f"The expected answer of problem {problem.name}, '{problem.answer[:60]}', is no plain "
            "number; use reward=exact for answers that are texts."
        )
    return value


@dataclass(frozen=True, slots=True)
class LastNumber(OwnVerifier):
    """1 if the last number of the answer text is the expected answer, else 0.

    This is the lenient form, for demonstrations and base models: it asks for no form, and the
    last of a list of guesses counts. Use NumberIn where a model can be told how to answer.
    """

    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def check_problem(self, problem: Problem) -> None:
        expected_number(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = expected_number(problem)
        if completion.finish == "length" and not self.allow_cut:
            return verdict(False, CUT)
        text = answer_text(completion.text)
        if text is None:
            return verdict(False, UNCLOSED)
        last = last_number(text)
        if last is None:
            return verdict(False, NO_NUMBER)
        value = number(last)
        if value is None:
            return verdict(False, "the last number is not written plainly")
        if value != expected:
            return verdict(False, "the last number is not the expected answer")
        return verdict(True, "the last number is the expected answer")


@dataclass(frozen=True, slots=True)
class NumberIn(OwnVerifier):
    """1 if the one answer in the form asked for is a number equal to the expected one, else 0.

    Example: NumberIn("hashes", units=("$",)) accepts "… so she earns 18. #### $18" for 18
    """

    form: Form = "tag"
    """Where the answer stands: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    units: tuple[str, ...] = ()
    """What may stand before or behind the number, such as "$" or "%"; at most one of them."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        expected_number(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = expected_number(problem)
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        value = number(self._without_unit(answer))
        if value is None:
            return verdict(False, "the answer is not a plain number")
        if value != expected:
            return verdict(False, "the answer is not the expected one")
        return verdict(True, "the answer is the expected one")

    def _without_unit(self, answer: str) -> str:
        answer = answer.removesuffix(".")
        sign = answer[:1] if answer[:1] in tuple(_SIGNS) else ""
        body = answer[len(sign) :]
        for unit in self.units:
            if body.startswith(unit):
                return sign + body.removeprefix(unit).lstrip()
            if body.endswith(unit):
                return sign + body.removesuffix(unit).rstrip()
        return answer


@dataclass(frozen=True, slots=True)
class ExactAnswer(OwnVerifier):
    """1 if the answer is the expected text, else 0.

    Compared after Unicode composition (NFC), with runs of whitespace as one space and without a
    full stop at the end.
    """

    form: Form = "text"
    """Where the answer stands: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    ignore_case: bool = True
    """Whether "Paris" and "paris" are the same."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        if not self._normal(problem.answer):
            raise RewardError(f"Problem {problem.name} has no expected answer.")

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        self.check_problem(problem)
        expected = self._normal(problem.answer)
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        # Composition is slow on long runs of combining marks, and so long a text is never equal.
        if len(answer) > 4 * len(problem.answer) + 100 or self._normal(answer) != expected:
            return verdict(False, "the answer is not the expected one")
        return verdict(True, "the answer is the expected one")

    def _normal(self, text: str) -> str:
        text = " ".join(unicodedata.normalize("NFC", text).split()).removesuffix(".").rstrip()
        return text.casefold() if self.ignore_case else text
