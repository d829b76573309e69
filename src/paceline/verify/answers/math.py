"""Numbers and exact texts as answers.

Values are compared exactly, as fractions; nothing is evaluated. `text.numerals` says what a number
is, `text.last_number` which one is the last.
"""

import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .form import CUT_OFF, UNCLOSED_REASONING, Form, answer_text, check_form, one_answer
from .text.last_number import last_number
from .text.numerals import SIGNS, number, with_commas

NO_NUMBER = "no number in the answer"
"""The reason of an answer text without a number."""


def expected_number(problem: Problem) -> Fraction:
    """The value of a problem's answer. Raises: RewardError if that is not a number."""
    value = number(problem.answer)
    if value is None:
        raise RewardError(
            f"The expected answer of problem {problem.name}, '{problem.answer[:60]}', is not a "
            "plain number; use reward=exact for answers that are texts."
        )
    return value


@dataclass(frozen=True, slots=True)
class LastNumber(VerifierBase):
    """1 if the last number of the answer text is the expected answer, else 0.

    This is the lenient form, for demonstrations and base models: it asks for no form, and the
    last of a list of guesses counts. Use NumberIn if a model can be told how to answer.
    """

    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def check_problem(self, problem: Problem) -> None:
        expected_number(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = expected_number(problem)
        if completion.finish == "length" and not self.allow_cut:
            return verdict(False, CUT_OFF)
        text = answer_text(completion.turn)
        if text is None:
            return verdict(False, UNCLOSED_REASONING)
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
class NumberIn(VerifierBase):
    """1 if the one answer in the form asked for is a number equal to the expected one, else 0.

    Example: NumberIn("hashes", units=("$",)) accepts "… so she earns 18. #### $18" for 18
    """

    form: Form = "tag"
    """The place of the answer: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    units: tuple[str, ...] = ()
    """Units that may stand before or after the number, such as "$" or "%"; at most one of them."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        expected_number(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = expected_number(problem)
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        value = number(self._without_unit(with_commas(answer) if self.form == "boxed" else answer))
        if value is None:
            return verdict(False, "the answer is not a plain number")
        if value != expected:
            return verdict(False, "the answer is not the expected one")
        return verdict(True, "the answer is the expected one")

    def _without_unit(self, answer: str) -> str:
        answer = answer.removesuffix(".")
        sign = answer[:1] if answer[:1] in tuple(SIGNS) else ""
        body = answer[len(sign) :]
        for unit in self.units:
            if body.startswith(unit):
                return sign + body.removeprefix(unit).lstrip()
            if body.endswith(unit):
                return sign + body.removesuffix(unit).rstrip()
        return answer


@dataclass(frozen=True, slots=True)
class ExactAnswer(VerifierBase):
    """1 if the answer is the expected text, else 0.

    The texts are compared after Unicode composition (NFC), with runs of whitespace as one space and
    without a full stop at the end.
    """

    form: Form = "text"
    """The place of the answer: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    ignore_case: bool = True
    """True treats "Paris" and "paris" as the same."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

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
