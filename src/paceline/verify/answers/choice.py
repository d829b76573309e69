"""Multiple choice: one letter."""

import re
from dataclasses import dataclass

from ...errors import ConfigError, RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .form import Form, check_form, one_answer
from .text.spellings import FULL_WIDTH, STYLE_COMMANDS, WORD_COMMANDS

_LETTER = re.compile(r"\(?([A-Za-z])(?:[).:]|\)\.)?")
_COMMANDS = "|".join((*WORD_COMMANDS, *STYLE_COMMANDS, "bf", "boxed"))
_STYLED = re.compile(rf"\$*\s*(?:\\(?:{_COMMANDS})\s*)?\{{([^{{}}]*)\}}\s*\$*")


@dataclass(frozen=True, slots=True)
class Choice(VerifierBase):
    """1 if the one answer in the form asked for is the letter of the right option, else 0.

    "B", "(B)", "B.", "b)" and "\\text{(B)}" are the letter B; "A or B" and "B, because …" are
    none. Where the problem's data has the options in a column, the letter may be followed by its
    own option's text.

    Example: Choice("boxed") accepts "\\boxed{C}" for "C"
    """

    form: Form = "tag"
    """The place of the answer: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    options: str = "choices"
    """The column with the options' texts, in the order of their letters, if there is one."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        expected_letter(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        right = expected_letter(problem)
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        chosen = letter(answer) or self._with_text(answer, problem)
        if chosen is None:
            return verdict(False, "the answer is not one letter")
        if chosen != right:
            return verdict(False, "another option")
        return verdict(True, "the right option")

    def _with_text(self, answer: str, problem: Problem) -> str | None:
        options = problem.data.get(self.options)
        if not isinstance(options, list | tuple):
            return None
        for place, option in enumerate(map(str, options)):
            own = chr(ord("A") + place)
            text = re.escape(" ".join(option.split()).removesuffix("."))
            said = " ".join(answer.split())
            if len(said) < 4 * len(option) + 20 and re.fullmatch(
                rf"\(?{own}[).:]*\s*{text}\.?", said, re.IGNORECASE
            ):
                return own
        return None


def expected_letter(problem: Problem) -> str:
    """The letter of a problem's right option. Raises: RewardError if its answer is not a letter."""
    found = letter(problem.answer)
    if found is None:
        raise RewardError(
            f"The expected answer of problem {problem.name}, '{problem.answer[:60]}', is not a "
            "letter of an option."
        )
    return found


def letter(text: str) -> str | None:
    """The letter that a text stands for, in upper case, or None."""
    text = text.translate(FULL_WIDTH).strip()
    text = re.sub(r"\\(?:left|right|bf|rm)(?![A-Za-z])", "", text).strip("$ ")
    for _ in range(3):  # $\\textbf{\\text{(B)}}$ is as deep as anybody writes
        styled = _STYLED.fullmatch(text)
        text = styled[1].strip() if styled else text
    found = _LETTER.fullmatch(text)
    return found[1].upper() if found else None


def as_letter(answer: object, count: int) -> str:
    """The letter of an option that a data set names by its letter or by its place from 0.

    Raises: ConfigError for anything else.
    """
    if isinstance(answer, int) and 0 <= answer < count:
        return chr(ord("A") + answer)
    if isinstance(answer, str) and (found := letter(answer)) and ord(found) - ord("A") < count:
        return found
    raise ConfigError(f"{answer!r} names none of {count} options.")
