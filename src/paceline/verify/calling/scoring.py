"""The way of one completion to a verdict: the order in which verifiers are asked, and the handling
of one that breaks.

`VerifierPool` decides in which thread and in which process a verifier is called; nothing here
knows of either.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from ...errors import RewardError, SandboxError, UserError
from ...types import AnyVerifier, Asking, BatchVerifier, Completion, Problem, Verdict
from .reward_config import RewardConfig
from .verifier import NoNumber, answers_of, checked, leaves, name_of, raised
from .worker import Died, Raised, TimeLimit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """A completion without a verdict, through no fault of the model's."""

    reason: str
    """One sentence; equal cases give equal ones."""
    kind: Literal["slow", "ended", "sandbox", "raised"] = field(default="raised", compare=False)
    """The cause: slow (the time limit), ended (by us), sandbox (it did not work), raised (by the
    verifier)."""
    detail: str = field(default="", compare=False)
    """Details of this one case: the error's own message."""

    @property
    def because(self) -> str:
        """The reason with its details, to stand in a sentence."""
        return f"{self.reason} ({self.detail.rstrip('.')})" if self.detail else self.reason

    @property
    def sentence(self) -> str:
        """The error's own message; without one the reason, as a sentence."""
        return self.detail or f"{self.reason}."


RUN_ENDED = NoVerdict("the run was ended", "ended")
"""The answer on every completion that was not judged when the pool was closed."""
Answer = Verdict | NoVerdict
Call = Callable[[AnyVerifier, Problem, Completion], Verdict]
"""A function that calls a verifier of one completion, in any thread or process.

Raises: RewardError and SandboxError, as `judge` does; TimeLimit and Died, as a worker does.
"""


@dataclass(eq=False, slots=True)
class Case:
    """One completion on its way to a verdict."""

    place: int
    """Number of the completion in the order of submission."""
    problem: Problem
    completion: Completion
    asking: Asking
    answer: "Future[Answer]"
    since: float
    """Time of submission, on the monotonic clock."""
    part: AnyVerifier | None = None
    """The verifier that is being asked."""


class Scoring:
    """Takes cases from one verifier to the next.

    Args:
        verifier: the whole verifier; it may be made of others.
        call: calls one that is not made of others.
    """

    def __init__(self, verifier: AnyVerifier, config: RewardConfig, call: Call) -> None:
        self.verifier, self.config, self.call = verifier, config, call
        self.parts = list(leaves(verifier))
        self.closing = False
        """Set when the pool is closed: no verifier is asked any more."""

    def advance(self, case: Case, said: "Answer | Exception | None") -> "Answer | Exception | None":
        """Ask one verifier after another, until the case has its answer, or the error that it ends
        with.

        Args:
            said: the answer of the verifier that was asked last; None if none was asked yet.

        Returns: None if `case.part` wants many completions at once, and has to be asked first.
        """
        try:
            try:
                while said is None or isinstance(said, Verdict):
                    part = case.asking.send(said)  # type: ignore[arg-type]  # None starts it
                    case.part = part
                    self._check_listed(part)
                    if isinstance(part, BatchVerifier):
                        return None
                    call = partial(self.call, part, case.problem, case.completion)
                    said = self._tried(part, call)
            except StopIteration as end:
                whole = partial(checked, end.value, self.verifier, case.problem)
                said = self._tried(self.verifier, whole)
        except UserError as error:
            said = error
        except Exception as error:
            said = raised(self.verifier, error, f"problem {case.problem.name}")
            said.__cause__ = error
        return said

    def many(self, part: BatchVerifier, cases: Sequence[Case]) -> "list[Answer | Exception]":
        """The answers of a verifier that is asked about many completions at once; only an answer
        that is not a number is lost."""
        problems, completions = [c.problem for c in cases], [c.completion for c in cases]
        answers = self._tried(part, partial(answers_of, part, problems, completions))
        if not isinstance(answers, list):
            return [answers for _ in cases]
        return [
            self._tried(part, partial(checked, answer, part, problem))
            for answer, problem in zip(answers, problems, strict=True)
        ]

    def _check_listed(self, part: AnyVerifier) -> None:
        """Raise RewardError for a part that was not known when the way of calling each part was
        decided."""
        if not any(part is known for known in self.parts):
            raise RewardError(
                f"The reward {name_of(self.verifier)} asks {name_of(part)}, which is not among "
                "its `verifiers`; list it there, the same object each time."
            )

    def _tried(self, part: AnyVerifier, ask: Callable[[], T]) -> "T | NoVerdict | Exception":
        """Ask; if something broke that may work again (a network, a machine short of something),
        ask once more."""
        for last in (False, True):
            if self.closing:
                return RUN_ENDED
            try:
                return ask()
            except TimeLimit:
                limit = f"{self.config.seconds:g} s"
                return NoVerdict(f"{name_of(part)} took longer than {limit}", "slow")
            except (Died, SandboxError, RewardError) as error:
                stops = isinstance(error, RewardError) and self.config.on_error == "stop"
                if last or stops or self.closing:
                    return self._given_up(part, error)
        raise AssertionError("two tries end in a return")

    def _given_up(self, part: AnyVerifier, error: Exception) -> NoVerdict | RewardError:
        if self.closing:
            return RUN_ENDED
        if isinstance(error, SandboxError):
            return NoVerdict("the sandbox failed", "sandbox", str(error))
        did = "did not answer a number"
        if isinstance(error, Died):
            did = "ended its process"
            error = RewardError(f"The reward {name_of(part)} {did}.")
        elif not isinstance(error, NoNumber):
            cause = error.__cause__ or error
            did = f"raised {cause.kind if isinstance(cause, Raised) else type(cause).__name__}"
        if isinstance(error, RewardError) and self.config.on_error == "stop":
            return error
        return NoVerdict(f"{name_of(part)} {did}", "raised", str(error))
