"""Verdicts beside generation: a completion is judged as soon as it is finished, in a process that
can be ended, while others are still being sampled.

Verifiers of this package need no process: their time is bounded, and programs run in the sandbox's
own. Everything else, above all what a user wrote, is called in a worker; and one that takes many
completions at once is called here, when all of them are there.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from threading import local
from typing import Literal, TypeVar

from ..annotations import check_fields
from ..errors import ConfigError, RewardError, SandboxError, UserError
from ..types import AnyVerifier, Asking, BatchVerifier, Completion, Problem, Verdict
from .own import OwnVerifier
from .verifier import NoNumber, answers_of, asked, checked, judge, leaves, name_of, raised
from .worker import Died, DiedLoading, NotStarted, Raised, TimeLimit, Worker, packed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rewards:
    """How verifiers are called."""

    workers: int = 2
    """Processes beside the trainer; 0 calls verifiers in its own, without a time limit."""
    seconds: float = 10.0
    """A call that takes longer is ended, and its group is dropped and counted."""
    on_error: Literal["stop", "drop"] = "stop"
    """A verifier that raises stops the run (what was learned is saved), or, after a second try,
    loses its group."""

    def __post_init__(self) -> None:
        check_fields(self, "rewards")
        if self.workers < 0 or self.seconds <= 0:
            raise ConfigError("rewards.workers must not be negative, rewards.seconds above 0.")


@dataclass(frozen=True, slots=True)
class Lost:
    """A completion without a verdict, through no fault of the model's."""

    reason: str
    """One sentence; equal cases give equal ones."""
    kind: Literal["slow", "ended", "sandbox", "raised"] = field(default="raised", compare=False)
    """slow: the time limit; ended: by us; sandbox: it did not work; raised: by the verifier."""
    detail: str = field(default="", compare=False)
    """What is known of this case: the error's own message."""


ENDED = Lost("the run was ended", "ended")
Answer = Verdict | Lost


@dataclass(eq=False, slots=True)
class _Case:
    """One completion on its way to a verdict."""

    place: int
    """In the order in which they were asked about."""
    problem: Problem
    completion: Completion
    asking: Asking
    answer: "Future[Answer]"
    since: float
    """When it was asked, on the monotonic clock."""
    part: AnyVerifier | None = None
    """Who is being asked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A verdict that is waited for."""

    problem: str
    """The problem's id."""
    verifier: str
    """Who is being asked."""
    seconds: float
    """Since when."""


class Judges:
    """Asks one verifier. Close it, or use it in a `with`, so that no process stays.

    Example: with Judges(NumberIn("tag")) as judges: judges.ask(problem, completion).result()
    """

    def __init__(self, verifier: AnyVerifier, settings: Rewards | None = None) -> None:
        self.verifier, self.settings = verifier, settings or Rewards()
        self._parts = list(leaves(verifier))
        self._foreign = [part for part in self._parts if needs_process(part)]
        """Called by their places in workers."""
        self._batched = any(isinstance(part, BatchVerifier) for part in self._parts)
        self._threads: ThreadPoolExecutor | None = None
        self._function = b""
        self._asked, self._open, self._underway = 0, set[_Case](), list[Future[None]]()
        self._waiting: list[tuple[_Case, BatchVerifier]] = []
        self._mine, self._workers, self._closing = local(), list[Worker](), False
        self.judged = 0
        """Verdicts so far: a sign of life."""
        if self.settings.workers:
            self._threads = ThreadPoolExecutor(self.settings.workers, "judge")
            if self._foreign:
                self._function = packed(partial(_judge_part, tuple(self._foreign)))

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, problem: Problem, completion: Completion) -> "Future[Answer]":
        """The verdict on one completion, when it is there; behind `settle`, it will be.

        The future raises RewardError where the verifier did and rewards.on_error is stop.
        """
        self._asked += 1
        asking = asked(self.verifier)
        case = _Case(self._asked, problem, completion, asking, Future(), time.monotonic())
        self._open.add(case)
        self._go_on(case, None)
        return case.answer

    def settle(self) -> None:
        """Ask the verifiers that want many completions at once about all that wait for them."""
        while self._batched and (self._underway or self._waiting):
            wait(self._underway)
            self._underway.clear()
            # In the order of asking, whichever thread was first, so that a batch is always the same
            waiting = sorted(self._waiting, key=lambda one: one[0].place)
            self._waiting.clear()
            for part in {id(part): part for _, part in waiting}.values():
                cases = [case for case, wanted in waiting if wanted is part]
                for case, said in zip(cases, self._many(part, cases), strict=True):
                    self._go_on(case, said)

    @property
    def deaths(self) -> int:
        """How often a process ended by itself and was started again."""
        return sum(worker.deaths for worker in self._workers)

    def oldest(self) -> Waiting | None:
        """What has been waited for longest."""
        for case in sorted(self._open.copy(), key=lambda case: case.since):
            name = name_of(case.part or self.verifier)
            return Waiting(case.problem.name, name, time.monotonic() - case.since)
        return None

    def close(self) -> None:
        """End all workers; what was not answered yet is cancelled."""
        self._closing = True
        for worker in self._workers:
            worker.end()  # its thread notices, and closes nothing that another thread waits for
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()
        for case in self._open:
            case.answer.cancel()

    def _go_on(self, case: _Case, said: "Answer | Exception | None") -> None:
        if self._threads is None:
            self._judge(case, said)
            return
        future = self._threads.submit(self._judge, case, said)
        if self._batched:
            self._underway.append(future)

    def _judge(self, case: _Case, said: "Answer | Exception | None") -> None:
        """Ask one verifier after another, until there is an answer or one that wants many at
        once."""
        try:
            try:
                while said is None or isinstance(said, Verdict):
                    part = case.asking.send(said)  # type: ignore[arg-type]  # None starts it
                    case.part = part
                    self._check_known(part)
                    if isinstance(part, BatchVerifier):
                        self._waiting.append((case, part))
                        return
                    said = self._tried(part, partial(self._once, part, case))
            except StopIteration as end:
                whole = partial(checked, end.value, self.verifier, case.problem)
                said = self._tried(self.verifier, whole)
        except UserError as error:
            said = error
        except Exception as error:
            said = raised(self.verifier, error, f"problem {case.problem.name}")
            said.__cause__ = error
        except BaseException as error:  # an exit or an interrupt: nobody may wait for ever
            case.answer.set_exception(error)
            raise
        self._open.discard(case)
        self.judged += 1
        if isinstance(said, Exception):
            case.answer.set_exception(said)
        else:
            case.answer.set_result(said)

    def _check_known(self, part: AnyVerifier) -> None:
        """How a part is called was decided when this was made."""
        if not any(part is known for known in self._parts):
            raise RewardError(
                f"The reward {name_of(self.verifier)} asks {name_of(part)}, which is not among "
                "its `verifiers`; list it there, the same object each time."
            )

    def _many(self, part: BatchVerifier, cases: Sequence[_Case]) -> "list[Answer | Exception]":
        """What one verifier says of many completions; an answer that is none is lost alone."""
        problems, completions = [c.problem for c in cases], [c.completion for c in cases]
        answers = self._tried(part, partial(answers_of, part, problems, completions))
        if not isinstance(answers, list):
            return [answers for _ in cases]
        return [
            self._tried(part, partial(checked, answer, part, problem))
            for answer, problem in zip(answers, problems, strict=True)
        ]

    def _tried(self, part: AnyVerifier, ask: Callable[[], T]) -> "T | Lost | Exception":
        """Ask, and where something broke that may be whole again (a network, a machine short of
        something) once more."""
        for last in (False, True):
            if self._closing:
                return ENDED
            try:
                return ask()
            except TimeLimit:
                limit = f"{self.settings.seconds:g} s"
                return Lost(f"{name_of(part)} took longer than {limit}", "slow")
            except (Died, SandboxError, RewardError) as error:
                stops = isinstance(error, RewardError) and self.settings.on_error == "stop"
                if last or stops or self._closing:
                    return self._given_up(part, error)
        raise AssertionError("two tries end in a return")

    def _given_up(self, part: AnyVerifier, error: Exception) -> Lost | RewardError:
        if self._closing:
            return ENDED
        if isinstance(error, SandboxError):
            return Lost("the sandbox failed", "sandbox", str(error))
        did = "did not answer a number"
        if isinstance(error, Died):
            did = "ended its process"
            error = RewardError(f"The reward {name_of(part)} {did}.")
        elif not isinstance(error, NoNumber):
            cause = error.__cause__ or error
            did = f"raised {cause.kind if isinstance(cause, Raised) else type(cause).__name__}"
        if isinstance(error, RewardError) and self.settings.on_error == "stop":
            return error
        return Lost(f"{name_of(part)} {did}", "raised", str(error))

    def _once(self, part: AnyVerifier, case: _Case) -> Verdict:
        places = [i for i, foreign in enumerate(self._foreign) if foreign is part]
        if not self._function or not places:
            return judge(part, case.problem, case.completion)
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = Worker(self._function)
            self._workers.append(worker)
        arguments = places[0], case.problem, case.completion
        try:
            return worker.call(arguments, self.settings.seconds)
        except DiedLoading as error:
            raise RewardError(
                f"The reward {name_of(part)} could not be loaded: {error}, twice; look at what "
                "ends it, such as memory that is short, or an exit in a file that it imports."
            ) from error
        except NotStarted as error:
            if isinstance(error.__cause__, Raised) and isinstance(error.__cause__.error, UserError):
                raise error.__cause__.error from None
            raise RewardError(
                f"The reward {name_of(part)} could not be loaded in a worker process ({error}); "
                "set rewards.workers=0 to call it here."
            ) from error
        except Raised as theirs:
            if isinstance(theirs.error, RewardError | SandboxError):
                raise theirs.error from theirs
            raise RewardError(
                f"The reward {name_of(part)} could not be asked in a worker process "
                f"({theirs.kind}: {theirs.message[:200]}); set rewards.workers=0 to call it here."
            ) from theirs


def _judge_part(
    parts: Sequence[AnyVerifier], place: int, problem: Problem, completion: Completion
) -> Verdict:
    return judge(parts[place], problem, completion)


def needs_process(part: AnyVerifier) -> bool:
    """Whether a verifier that is not made of others calls code whose time has no bound."""
    own = isinstance(part, OwnVerifier) and not part.needs_process
    return not own and not isinstance(part, BatchVerifier)
