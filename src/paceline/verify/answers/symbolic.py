r"""Answers that are expressions: \frac{\sqrt{3}}{2}, x^2 - 1, (2, 5], \{1, 2\}.

An answer is read as a whole or not at all, by `expressions.reader`; so is the expected one. Texts
that could be paid without an answer are refused: sums that were never computed, lists of guesses,
words beside the answer.
"""

from dataclasses import dataclass

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .expressions.equality import difference
from .expressions.reader import MAX_CHARACTERS, bare, readings
from .expressions.tokens import Unread, tokens_of
from .form import Form, check_form, one_answer

MAX_LENGTH = 200
"""Most characters of an answer."""
RIGHT = "the answer equals the expected one"
"""Reason of a verdict: an equal expression."""
UNREAD = "not all of the answer could be read"
"""Reason of a verdict: an answer that could not be read."""
TOO_LONG = "the answer is too long"
"""Reason of a verdict: an answer beyond MAX_LENGTH."""
EXPECTED_UNREAD = "the expected answer cannot be read, and the answer is another text"
"""Reason of a verdict: an expected answer that could not be read. Equal cases give equal
reasons."""


@dataclass(frozen=True, slots=True)
class SymbolicAnswer(VerifierBase):
    r"""1 if the one answer in the form asked for is an expression equal to the expected one,
    else 0.

    Use it if answers are not plain numbers; a comparison takes about a millisecond.

    Example: SymbolicAnswer() accepts "\boxed{\dfrac{1}{\sqrt 2}}" for "\frac{\sqrt{2}}{2}"
    """

    form: Form = "boxed"
    """The place of the answer: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        """Find an expected answer that cannot be read. Raises: RewardError."""
        if not problem.answer.strip():
            raise RewardError(f"Problem {problem.name} has no expected answer.")
        if not readable(problem.answer):
            raise RewardError(
                f"The expected answer of problem {problem.name}, '{problem.answer[:60]}', cannot "
                "be read as an expression; use reward=exact for answers that are texts."
            )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        if not problem.answer.strip():
            raise RewardError(f"Problem {problem.name} has no expected answer.")
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        right, reason = equal(answer, problem.answer)
        return verdict(right, reason)


def equal(answer: str, expected: str) -> tuple[bool, str]:
    """Tell whether an answer is the expected expression, with the reason."""
    if len(answer) > MAX_LENGTH:
        return False, TOO_LONG
    if _same_tokens(answer, expected):
        return True, RIGHT
    try:
        # 1,234 is a number where it is expected; 100,200,300 may be three.
        wanted = readings(expected, split_numbers=expected.count(",") > 1)
    except Unread:
        return False, EXPECTED_UNREAD
    try:
        found = readings(answer)
    except Unread:
        return False, UNREAD
    reason = difference(found, wanted)
    return not reason, reason or RIGHT


def readable(expected: str) -> bool:
    """Tell whether an expected answer is an expression that is known here. Any other is paid only
    if it is written in the same way."""
    try:
        return bool(readings(expected))
    except Unread:
        return False


def _same_tokens(answer: str, expected: str) -> bool:
    """Tell whether two texts differ in nothing but spaces and spellings; the only comparison for an
    expected answer that cannot be read."""
    if len(expected) > MAX_CHARACTERS:
        return answer == expected
    try:
        ours, theirs = (tokens_of(bare(text)) for text in (answer, expected))
    except Unread:
        return bare(answer) == bare(expected) != ""
    return ours == theirs != ()
