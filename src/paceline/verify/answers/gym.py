"""The scorers of reasoning-gym."""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .form import Form, check_form, one_answer
from .math import NO_NUMBER
from .text.last_number import last_number

GymForm = Literal[Form, "last_number"]


@dataclass(frozen=True, slots=True)
class GymAnswer(VerifierBase):
    """Pays the score that the scorer of a reasoning-gym data set gives the one answer in the form
    asked for.

    The problem's data holds the data set's entry. Some scorers give full marks to a list of guesses
    (spell_backward's does): audit the task before training on it.
    """

    needs_process: ClassVar[bool] = True
    dataset: str
    """The data set's name."""
    config: str = "{}"
    """The data set's options as JSON."""
    form: GymForm = "tag"
    """The place of the answer: text (all of it), tag, boxed, hashes (behind "####"); or, lenient,
    the last number."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    strict: bool = True
    """True gives full marks or nothing; False pays partial marks too."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        if self.form != "last_number":
            check_form(self.form)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        answer, reason = self._answer(completion)
        if answer is None:
            return verdict(False, reason)
        scorer = _scorer(self.dataset, self.config)
        if "entry" not in problem.data:
            raise RewardError(
                f"Problem {problem.name} has no column 'entry' with the entry of '{self.dataset}'."
            )
        try:
            score = float(scorer.score_answer(answer, problem.data["entry"]))
        except Exception as error:  # what a model wrote may be anything: it is wrong, no fault
            return verdict(False, f"the scorer raised {type(error).__name__}")
        score = 0.0 if math.isnan(score) else min(score, 1.0)
        right = score == 1.0
        reason = "full marks" if right else "no full marks"
        return Verdict(score if right or not self.strict else 0.0, {}, reason, right)

    def _answer(self, completion: Completion) -> tuple[str | None, str]:
        if self.form != "last_number":
            return one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        text, reason = one_answer(completion, "text", allow_cut=self.allow_cut)
        found = last_number(text) if text else None
        return found, reason or NO_NUMBER


@cache
def _scorer(dataset: str, config: str) -> Any:
    import reasoning_gym  # pyright: ignore[reportMissingImports]

    return reasoning_gym.create_dataset(dataset, size=1, seed=0, **json.loads(config))
