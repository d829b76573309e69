"""Calling a verifier.

A verifier is any function of (problem, completion) that answers a Verdict or a number. `judge` is
the one place that calls one: a model's text may be anything, and is scored; a verifier's answer
must be a finite number, and is otherwise refused with a sentence. It is never silently a zero.
"""

import asyncio
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from numbers import Real
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, ClassVar, TypeGuard

from ...errors import RewardError, SandboxError
from ...types import AnyVerifier, Asking, BatchVerifier, Completion, Composed, Problem, Verdict
from .base import VerifierBase

LONGEST_REASON = 500
"""Most characters of a verdict's reason that are kept: reasons are counted, and stand in every
file."""


@dataclass(frozen=True, slots=True)
class Adapted(VerifierBase):
    """A foreign function, made a verifier (`signatures.adapt`)."""

    needs_process: ClassVar[bool] = True
    function: Callable[..., Any]

    def called(self, *args: Any, **kwargs: Any) -> Any:
        """The function's answer; if it is `async`, the awaited one."""
        return awaited(self.function(*args, **kwargs))


class NoNumber(RewardError):
    """A verifier's answer was neither a verdict nor a finite number."""


def judge(verifier: AnyVerifier, problem: Problem, completion: Completion) -> Verdict:
    """Get the verdict on one completion, from a verifier of any kind.

    A number becomes a Verdict. A verdict without a reason gets one that names the verifier.

    Raises: RewardError, naming the verifier and the problem, if the verifier raised (its exception
        is the cause) or answered anything but a Verdict or a finite number; SandboxError if a
        program could not be run at all.
    """
    if is_composed(verifier):
        return judge_parts(verifier, problem, completion)
    if isinstance(verifier, BatchVerifier):
        (answer,) = answers_of(verifier, [problem], [completion])
        return checked(answer, verifier, problem)
    try:
        answer = awaited(verifier(problem, completion))
    except (RewardError, SandboxError):
        raise
    except (Exception, SystemExit) as error:
        raise raised(verifier, error, f"problem {problem.name}") from error
    return checked(answer, verifier, problem)


def judge_parts(verifier: Composed, problem: Problem, completion: Completion) -> Verdict:
    """Get the verdict of a composed verifier, whose parts are asked here and now.

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
    except (Exception, SystemExit) as error:
        raise raised(verifier, error, f"problem {problem.name}") from error


def asked(verifier: AnyVerifier) -> Asking:
    """Yield, one after another, the verifiers that are to be asked about a completion and are not
    made of others; takes their verdicts, and returns the answer that `verifier` makes of them."""
    if not is_composed(verifier):
        return (yield verifier)
    asking, said = verifier.asking(), None
    try:
        while True:
            said = yield from asked(asking.send(said))  # type: ignore[arg-type]  # None starts it
    except StopIteration as end:
        return end.value


def is_composed(verifier: AnyVerifier) -> TypeGuard[Composed]:
    """Tell whether a verifier's parts are asked in its place. A user's subclass of one of our
    classes is called as it is: it may have a `__call__` of its own."""
    users = isinstance(verifier, VerifierBase) and verifier.needs_process
    return isinstance(verifier, Composed) and not users


def leaves(verifier: AnyVerifier) -> Iterator[AnyVerifier]:
    """All verifiers that a verifier is made of and that are not made of others."""
    if is_composed(verifier):
        for part in verifier.verifiers:
            yield from leaves(part)
    else:
        yield verifier


def check_verifier(verifier: AnyVerifier, *, load: bool = True) -> None:
    """Find, before training, faults that would appear in the middle of it.

    Args:
        load: True also runs checks that have to load a model.

    Raises: a UserError.
    """
    for leaf in leaves(verifier):
        if isinstance(leaf, VerifierBase) and (load or not leaf.loads_model):
            leaf.check()


def problem_check(verifier: AnyVerifier) -> Callable[[Problem], None]:
    """A check of problems before training, which raises RewardError naming a problem of which no
    answer could be judged.

    A user's subclass of one of our classes may read a problem in another way, and is not asked.
    """
    own = [leaf for leaf in leaves(verifier) if isinstance(leaf, VerifierBase)]
    known = [leaf for leaf in own if not leaf.needs_process]

    def check(problem: Problem) -> None:
        for leaf in known:
            leaf.check_problem(problem)

    return check


def loads_model(verifier: AnyVerifier) -> bool:
    """Tell whether a verifier has to load a model before it can answer."""
    return any(isinstance(leaf, VerifierBase) and leaf.loads_model for leaf in leaves(verifier))


def answers_of(
    verifier: BatchVerifier, problems: Sequence[Problem], completions: Sequence[Completion]
) -> list[Verdict | float]:
    """The answers of a verifier that takes many completions at once, not yet checked.

    Raises: RewardError if it raised, or did not answer once for each.
    """
    try:
        answers = list(awaited(verifier.batch(problems, completions)))
    except (RewardError, SandboxError):
        raise
    except (Exception, SystemExit) as error:
        raise raised(verifier, error, f"{len(problems)} completions") from error
    if len(answers) != len(problems):
        raise RewardError(
            f"The reward {name_of(verifier)} answered {len(answers)} verdicts for {len(problems)} "
            "completions."
        )
    return answers


def awaited(answer: Any) -> Any:
    """The awaited answer of an `async` function; any other answer as it is.

    It runs in a loop of its own. If a loop is already running in this thread, as in a notebook,
    that loop waits for us, so another thread has to run it.
    """
    if not inspect.isawaitable(answer):
        return answer

    async def whole() -> Any:
        return await answer

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(whole())
    threads = ThreadPoolExecutor(1, "async reward")
    try:
        return threads.submit(copy_context().run, asyncio.run, whole()).result()
    finally:
        threads.shutdown(wait=False)


def raised(verifier: AnyVerifier | Composed, error: BaseException, on: str) -> RewardError:
    """The sentence for an exception of a verifier's own, an exit included."""
    said = " ".join(str(error).split())[:200]
    if isinstance(error, SystemExit):
        return RewardError(
            f"The reward {name_of(verifier)} called sys.exit({said}) on {on}, which would end the "
            "run; return a number, or raise an error that says what is wrong."
        )
    return RewardError(
        f"The reward {name_of(verifier)} raised {type(error).__name__[:80]} on {on}"
        f"{': ' + said if said else ''}."
    )


def checked(answer: Any, verifier: Any, problem: Problem) -> Verdict:
    """A verifier's answer as a Verdict with finite numbers and a reason.

    Raises: RewardError for anything but a Verdict or a finite number.
    """
    given = answer if isinstance(answer, Verdict) else Verdict(answer)
    reward = _finite(given.reward, verifier, problem)
    parts = {name: _finite(part, verifier, problem) for name, part in given.parts.items()}
    reason = given.reason or f"scored by {name_of(verifier)}"
    correct = None if given.correct is None else bool(given.correct)
    return replace(given, reward=reward, parts=parts, reason=_bounded(reason), correct=correct)


def _bounded(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 2]} …"


def _finite(value: Any, verifier: Any, problem: Problem) -> float:
    number = as_number(value)
    if number is not None and math.isfinite(number):
        return number
    shown = str(number)
    if number is None:
        shown = "None" if value is None else f"a value of type {type(value).__name__}"
    raise NoNumber(
        f"The reward {name_of(verifier)} returned {shown} for problem {problem.name}; "
        "it must return a finite number or a Verdict."
    )


def as_number(value: Any) -> float | None:
    """A number of any kind as a float: Python's, numpy's, and tensors and arrays without a
    dimension. None if it is not a number."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, Real | Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:  # a signalling NaN of Decimal
        return math.nan


def name_of(verifier: Any) -> str:
    """The name of a verifier in messages: "length_reward" (rewards.py), or its type's name."""
    if isinstance(verifier, Adapted):
        return name_of(verifier.function)
    if isinstance(verifier, partial):
        return name_of(verifier.func)
    if isinstance(verifier, MethodType):
        return name_of(verifier.__func__)
    if isinstance(verifier, FunctionType):
        return f"'{verifier.__name__}' ({Path(verifier.__code__.co_filename).name})"
    if isinstance(verifier, BuiltinFunctionType):
        return f"'{verifier.__name__}'"
    return f"'{type(verifier).__name__}'"
