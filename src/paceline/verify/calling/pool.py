"""Verdicts beside generation: a completion is judged as soon as it is finished, in a process that
can be ended, while others are still being sampled.

Verifiers of this package need no process: their time is bounded, and programs run in the sandbox's
own. Everything else, above all a user's code, is called in a worker; and one that takes many
completions at once is called here, when all of them are there.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from threading import local

from ...errors import RewardError, SandboxError, UserError
from ...types import AnyVerifier, BatchVerifier, Completion, Problem, Verdict
from .base import VerifierBase
from .reward_config import RewardConfig
from .scoring import Answer, Case, Scoring
from .verifier import asked, judge, leaves, name_of
from .worker import DiedLoading, NotStarted, Raised, Worker, packed


@dataclass(frozen=True, slots=True)
class Pending:
    """A verdict that is still to come."""

    problem: str
    """The id of the problem."""
    verifier: str
    """The name of the verifier that is being asked."""
    seconds: float
    """The time since it was submitted."""


class VerifierPool:
    """Threads, and worker processes, that ask one verifier. Close it, or use it in a `with`, so
    that no process stays.

    Example: with VerifierPool(NumberIn("tag")) as pool: pool.submit(problem, completion).result()
    """

    def __init__(self, verifier: AnyVerifier, config: RewardConfig | None = None) -> None:
        self.verifier, self.config = verifier, config or RewardConfig()
        self._scoring = Scoring(verifier, self.config, self._call)
        parts = list(leaves(verifier))
        self._foreign = [part for part in parts if needs_process(part)]
        """Called by their places in workers."""
        self._batched = any(isinstance(part, BatchVerifier) for part in parts)
        self._threads: ThreadPoolExecutor | None = None
        self._function = b""
        self._submitted, self._open, self._underway = 0, set[Case](), list[Future[None]]()
        self._waiting: list[tuple[Case, BatchVerifier]] = []
        """Cases that wait for a verifier of many completions at once."""
        self._mine, self._workers = local(), list[Worker]()
        self.judged = 0
        """Verdicts so far: a sign of life."""
        if self.config.workers:
            self._threads = ThreadPoolExecutor(self.config.workers, "judge")
            if self._foreign:
                self._function = packed(partial(_judge_part, tuple(self._foreign)))

    def __enter__(self) -> "VerifierPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, problem: Problem, completion: Completion) -> "Future[Answer]":
        """Submit a completion; returns the future of its verdict, which comes at the latest after
        `flush`.

        The future raises RewardError if the verifier did and rewards.on_error is stop.
        """
        self._submitted += 1
        asking, now = asked(self.verifier), time.monotonic()
        case = Case(self._submitted, problem, completion, asking, Future(), now)
        self._open.add(case)
        self._go_on(case, None)
        return case.answer

    def flush(self) -> None:
        """Ask the verifiers that want many completions at once about all waiting ones."""
        while self._batched and (self._underway or self._waiting):
            wait(self._underway)
            self._underway.clear()
            # In the order of submitting, whichever thread was first: a batch is always the same.
            waiting = sorted(self._waiting, key=lambda one: one[0].place)
            self._waiting.clear()
            for part in {id(part): part for _, part in waiting}.values():
                cases = [case for case, wanted in waiting if wanted is part]
                for case, said in zip(cases, self._scoring.many(part, cases), strict=True):
                    self._go_on(case, said)

    @property
    def deaths(self) -> int:
        """The number of times that a process ended by itself and was started again."""
        return sum(worker.deaths for worker in self._workers)

    def longest_pending(self) -> Pending | None:
        """The verdict that has been pending for longest."""
        for case in sorted(self._open.copy(), key=lambda case: case.since):
            name = name_of(case.part or self.verifier)
            return Pending(case.problem.name, name, time.monotonic() - case.since)
        return None

    def close(self) -> None:
        """End all workers; completions that were not answered yet are cancelled."""
        self._scoring.closing = True
        for worker in self._workers:
            worker.end()  # its thread notices, and closes nothing that another thread waits for
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()
        for case in self._open:
            case.answer.cancel()

    def _go_on(self, case: Case, said: "Answer | Exception | None") -> None:
        """Advance a case, in a thread if there are threads."""
        if self._threads is None:
            self._advance(case, said)
            return
        future = self._threads.submit(self._advance, case, said)
        if self._batched:
            self._underway.append(future)

    def _advance(self, case: Case, said: "Answer | Exception | None") -> None:
        try:
            answer = self._scoring.advance(case, said)
        except BaseException as error:  # an exit or an interrupt: nobody may wait for ever
            case.answer.set_exception(error)
            raise
        if answer is None:
            assert isinstance(case.part, BatchVerifier)
            self._waiting.append((case, case.part))
            return
        self._open.discard(case)
        self.judged += 1
        if isinstance(answer, Exception):
            case.answer.set_exception(answer)
        else:
            case.answer.set_result(answer)

    def _call(self, part: AnyVerifier, problem: Problem, completion: Completion) -> Verdict:
        """Call a verifier of one completion: a foreign one in this thread's worker.

        Raises: as `judge`; TimeLimit and Died of the worker.
        """
        places = [i for i, foreign in enumerate(self._foreign) if foreign is part]
        if not self._function or not places:
            return judge(part, problem, completion)
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = Worker(self._function)
            self._workers.append(worker)
        try:
            return worker.call((places[0], problem, completion), self.config.seconds)
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
    """Tell whether a verifier that is not made of others calls code whose time has no bound."""
    own = isinstance(part, VerifierBase) and not part.needs_process
    return not own and not isinstance(part, BatchVerifier)
