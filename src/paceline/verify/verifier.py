"""Calling a verifier.

A verifier is any function of (problem, completion) that answers a Verdict or a number. `judge` is
the one place that calls one: what a model wrote may be anything, and is scored; what a verifier
answers must be a finite number, and is refused with a sentence where it is not. It is never
silently a zero.
"""

import asyncio
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, TypeGuard

from ..errors import RewardError, SandboxError
from ..types import AnyVerifier, Asking, BatchVerifier, Completion, Composed, Problem, Verdict
from .own import OwnVerifier


@dataclass(frozen=True, slots=True)
class Adapted(OwnVerifier):
    """A function of somebody else's, made a verifier (`signatures.adapt`)."""

    needs_process: ClassVar[bool] = True
    function: Callable[..., Any]

    def called(self, *args: Any, **kwargs: Any) -> Any:
        """What the function answers; of an `async` one, in a loop of its own."""
        answer = self.function(*args, **kwargs)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


class NoNumber(RewardError):
    """A verifier answered something else than a verdict or a finite number."""


def judge(verifier: AnyVerifier, problem: Problem, completion: Completion) -> Verdict:
    """The verdict on one completion, whatever kind of verifier gives it.

    A number becomes a Verdict. A verdict without a reason gets one that names the verifier.

    Raises: RewardError, naming the verifier and the problem, where the verifier raised (its
        exception is the cause) or answered anything but a Verdict or a finite number;
        SandboxError where a program could not be run at all.
    """
    if is_composed(verifier):
        return judge_parts(verifier, problem, completion)
    if isinstance(verifier, BatchVerifier):
        (answer,) = answers_of(verifier, [problem], [completion])
        return checked(answer, verifier, problem)
    try:
        answer = verifier(problem, completion)
    except (RewardError, SandboxError):
        raise
    except Exception as error:
        raise raised(verifier, error, f"problem {problem.name}") from error
    return checked(answer, verifier, problem)


def judge_parts(verifier: Composed, problem: Problem, completion: Completion) -> Verdict:
    """What a composed verifier makes of its parts' verdicts, each asked here and now.

    Raises: as `judge`.
    """
    asking, said = verifier.asking(), None
    try:
        while True:
            said = judge(asking.send(said), problem, completion)  # type: ignore[arg-type]
    except StopIteration as end:
        return checked(end.value, verifier, problem)
    except (RewardError, SandboxError):
        raise
    except Exception as error:
        raise raised(verifier, error, f"problem {problem.name}") from error


def asked(verifier: AnyVerifier) -> Asking:
    """Yields, one after another, the verifiers that are to be asked about a completion and are not
    made of others; is sent their verdicts; returns what `verifier` makes of them."""
    if not is_composed(verifier):
        return (yield verifier)
    asking, said = verifier.asking(), None
    try:
        while True:
            said = yield from asked(asking.send(said))  # type: ignore[arg-type]  # None starts it
    except StopIteration as end:
        return end.value


def is_composed(verifier: AnyVerifier) -> TypeGuard[Composed]:
    """Whether a verifier's parts are asked in its place. A class that a user made of one of ours is
    called as it is: it may have a `__call__` of its own."""
    users = isinstance(verifier, OwnVerifier) and verifier.needs_process
    return isinstance(verifier, Composed) and not users


def leaves(verifier: AnyVerifier) -> Iterator[AnyVerifier]:
    """All verifiers that one is made of and that are not made of others."""
    if is_composed(verifier):
        for part in verifier.verifiers:
            yield from leaves(part)
    else:
        yield verifier


def check_verifier(verifier: AnyVerifier, *, load: bool = True) -> None:
    """Find before training what would fail in the middle of it.

    Args:
        load: also what has to load a model to know.

    Raises: a UserError.
    """
    for leaf in leaves(verifier):
        if isinstance(leaf, OwnVerifier) and (load or not leaf.loads_model):
            leaf.check()


def problem_check(verifier: AnyVerifier) -> Callable[[Problem], None]:
    """What finds before training that no answer to a problem could be judged; it raises RewardError
    naming the problem.

    A class that a user made of one of ours may read a problem in another way, and is not asked.
    """
    own = [leaf for leaf in leaves(verifier) if isinstance(leaf, OwnVerifier)]
    known = [leaf for leaf in own if not leaf.needs_process]

    def check(problem: Problem) -> None:
        for leaf in known:
            leaf.check_problem(problem)

    return check


def loads_model(verifier: AnyVerifier) -> bool:
    """Whether a verifier has to load a model before it can say anything."""
    return any(isinstance(leaf, OwnVerifier) and leaf.loads_model for leaf in leaves(verifier))


def answers_of(
    verifier: BatchVerifier, problems: Sequence[Problem], completions: Sequence[Completion]
) -> list[Verdict | float]:
    """What a verifier says that takes many completions at once, not yet checked.

    Raises: RewardError where it raised, or did not answer once for each.
    """
    try:
        answers = list(verifier.batch(problems, completions))
    except (RewardError, SandboxError):
        raise
    except Exception as error:
        raise raised(verifier, error, f"{len(problems)} completions") from error
    if len(answers) != len(problems):
        raise RewardError(
            f"The reward {name_of(verifier)} answered {len(answers)} verdicts for {len(problems)} "
            "completions."
        )
    return answers


def raised(verifier: AnyVerifier | Composed, error: Exception, on: str) -> RewardError:
    """The sentence for an exception of a verifier's own."""
    said = " ".join(str(error).split())[:200]
    return RewardError(
        f"The reward {name_of(verifier)} raised {type(error).__name__} on {on}"
        f"{': ' + said if said else ''}."
    )


def checked(answer: Any, verifier: Any, problem: Problem) -> Verdict:
    """What a verifier answered, as a Verdict with finite numbers and a reason.

    Raises: RewardError for anything but a Verdict or a finite number.
    """
    given = answer if isinstance(answer, Verdict) else Verdict(answer)
    reward = _finite(given.reward, verifier, problem)
    parts = {name: _finite(part, verifier, problem) for name, part in given.parts.items()}
    reason = given.reason or f"scored by {name_of(verifier)}"
    return replace(given, reward=reward, parts=parts, reason=reason)


def _finite(value: Any, verifier: Any, problem: Problem) -> float:
    shown = "None" if value is None else f"a value of type {type(value).__name__}"
    if isinstance(value, Real):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        shown = str(number)
    raise NoNumber(
        f"The reward {name_of(verifier)} returned {shown} for problem {problem.name}; "
        "it must return a finite number or a Verdict."
    )


def name_of(verifier: Any) -> str:
    """How messages call a verifier: "length_reward" (rewards.py), or its type's name."""
    if isinstance(verifier, Adapted):
        return name_of(verifier.function)
    if isinstance(verifier, partial):
        return name_of(verifier.func)
    if isinstance(verifier, FunctionType):
        return f"'{verifier.__name__}' ({Path(verifier.__code__.co_filename).name})"
    return f"'{type(verifier).__name__}'"
