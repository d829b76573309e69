"""The reward that a task's options name, and checks that its problems can be judged by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, RewardError, nearest
from ..types import AnyVerifier, BatchVerifier, Completion, Problem
from ..verify.calling.load import IN_PYTHON, load_function
from ..verify.calling.missing import NotHere
from ..verify.calling.signatures import adapt
from ..verify.calling.verifier import judge, leaves, problem_check
from ..verify.programs.program import RunsPrograms
from .expected import AnswerIs, Expected
from .rewards import REWARDS, NamedReward
from .sides import refuse_idle


@dataclass(frozen=True, slots=True)
class Judging:
    """A reward and the column of answers that it compares with: the options `reward`, `answer`,
    `answer_after` and `allow_cut`.

    Example: Judging("hashes", "solution", "####")
    """

    reward: str | Callable[..., Any] | BatchVerifier
    """Reward, by name or as file.py:function, or the function itself."""
    answer: str | None
    """Column of expected answers."""
    answer_after: str | None = None
    """Mark behind which the answer stands."""
    allow_cut: bool = False
    """Also pay completions that were cut."""

    @property
    def is_own(self) -> bool:
        """True if the reward is the user's, and not a name of REWARDS."""
        return not isinstance(self.reward, str) or ":" in self.reward

    @property
    def named(self) -> NamedReward | None:
        """The reward of this name; None for one that is the user's, and for an unknown name."""
        return REWARDS.get(self.reward) if isinstance(self.reward, str) else None

    @property
    def answer_is(self) -> AnswerIs:
        """Kind of answer that the reward compares with."""
        return self.named.answer if self.named else "anything" if self.is_own else "number"

    @property
    def expected(self) -> Expected:
        """The column of answers, read as the reward wants them."""
        return Expected(self.answer, self.answer_after, self.answer_is)

    def check(self) -> None:
        """Raise ConfigError for options that do not fit, before any row is read."""
        if self.answer is None and not self.is_own and self.answer_is != "anything":
            without = [name for name, kind in REWARDS.items() if kind.answer == "anything"]
            raise ConfigError(
                f"task.answer is none, and task.reward={self.reward} compares with an expected "
                f"answer; set task.answer to its column, or take {', '.join(without)} or a reward "
                "of your own (file.py:function)."
            )
        refuse_idle(
            (
                self.answer is None and self.answer_after is not None,
                "answer_after",
                "there is no column of answers (task.answer is none)",
            ),
            (
                self.is_own and self.allow_cut,
                "allow_cut",
                "a reward of your own decides that itself",
            ),
        )

    def verifier(self) -> AnyVerifier:
        """The reward as a verifier. Raises: ConfigError for one that is not there."""
        if not isinstance(self.reward, str):
            return adapt(self.reward)
        if self.named:
            return self.named.make(allow_cut=self.allow_cut)
        place, _, name = self.reward.rpartition(":")
        if place == IN_PYTHON:
            return NotHere(name)
        if self.is_own:
            return adapt(load_function(self.reward))
        raise ConfigError(
            f"There is no reward '{self.reward}'.{nearest(self.reward, list(REWARDS))} It is "
            f"{', '.join(REWARDS)}, or your own as file.py:function."
        )


def judgeable(
    verifier: AnyVerifier, gold: Callable[[Problem], str | None] | None, full: float
) -> Callable[[Problem], None]:
    """A check of one problem, which raises RewardError where no answer could be paid for.

    Args:
        gold: the expected answer in the form that the reward asks for; it must earn full marks.
        full: the reward of full marks.
    """
    readable = problem_check(verifier)
    runs_programs = any(isinstance(leaf, RunsPrograms) for leaf in leaves(verifier))

    def check(problem: Problem) -> None:
        readable(problem)
        if gold is not None and not runs_programs:  # thousands of programs would take minutes
            _check_gold(verifier, problem, gold(problem), full)

    return check


def _check_gold(verifier: AnyVerifier, problem: Problem, text: str | None, full: float) -> None:
    """Raise RewardError if even the expected answer does not earn full marks."""
    if text is None:
        return
    verdict = judge(verifier, problem, Completion((), (), text, "stop"))
    if verdict.reward < full - 1e-9:
        raise RewardError(
            f"The expected answer of problem {problem.name} itself, '{problem.answer[:60]}', earns "
            f"{verdict.reward:g} of {full:g} ({verdict.reason})."
        )
