"""Verdicts beside generation: a completion is judged as soon as it is finished, in a process that
can be ended, while others are still being sampled.

Verifiers of this package need no process: their time is bounded, and programs run in the sandbox's
own. Everything else, above all what a user wrote, is called in a worker.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import local
from typing import Any, Literal

from ..errors import ConfigError, RewardError, SandboxError
from ..types import BatchVerifier, Completion, Problem, Verdict, Verifier
from .code import Running
from .verifier import checked, judge, name_of
from .worker import Died, Raised, TimeLimit, Worker, packed


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
        if self.workers < 0 or self.seconds <= 0:
            raise ConfigError("rewards.workers must not be negative, rewards.seconds above 0.")
        if self.on_error not in ("stop", "drop"):
            raise ConfigError(f"rewards.on_error is '{self.on_error}'; it is stop or drop.")


@dataclass(frozen=True, slots=True)
class Lost:
    """A completion without a verdict, through no fault of the model's."""

    reason: str
    """One sentence; equal cases give equal ones."""


Answer = Verdict | Lost


class Judges:
    """Asks one verifier. Close it, or use it in a `with`, so that no process stays.

    Example: with Judges(NumberIn("tag")) as judges: judges.ask(problem, completion).result()
    """

    def __init__(self, verifier: Verifier | BatchVerifier, settings: Rewards | None = None) -> None:
        self.verifier, self.settings = verifier, settings or Rewards()
        self.batched = isinstance(verifier, BatchVerifier)
        self._waiting: list[tuple[Problem, Completion, Future[Answer]]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._function: bytes | None = None
        self._mine, self._workers, self._closing = local(), list[Worker](), False
        if self.batched or self.settings.workers == 0:
            return
        self._pool = ThreadPoolExecutor(self.settings.workers, "judge")
        if not is_bounded(verifier):
            self._function = packed(partial(judge, verifier))

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, problem: Problem, completion: Completion) -> "Future[Answer]":
        """The verdict on one completion, when it is there.

        The future raises RewardError where the verifier did and rewards.on_error is stop.
        """
        if self._pool is not None:
            return self._pool.submit(self._judged, problem, completion)
        future: Future[Answer] = Future()
        if self.batched:
            self._waiting.append((problem, completion, future))
        else:
            _fill(future, partial(self._judged, problem, completion))
        return future

    def settle(self) -> None:
        """Ask a verifier that wants many at once; its verdicts are there when this returns."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        problems, completions, futures = zip(*waiting, strict=True)
        try:
            verdicts = judge_batch(self.verifier, problems, completions)  # type: ignore[arg-type]
        except RewardError as error:
            for future in futures:
                _fill(future, partial(self._told, error))
            return
        for future, verdict in zip(futures, verdicts, strict=True):
            future.set_result(verdict)

    def close(self) -> None:
        """End all workers; what was not answered yet is cancelled."""
        self._closing = True
        for worker in self._workers:
            worker.kill()  # its thread notices, and closes nothing that another thread waits for
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def _judged(self, problem: Problem, completion: Completion) -> Answer:
        try:
            return self._once(problem, completion)
        except TimeLimit:
            return Lost(f"{name_of(self.verifier)} took longer than {self.settings.seconds:g} s")
        except (Died, SandboxError, RewardError) as error:
            if isinstance(error, RewardError) and self.settings.on_error == "stop":
                raise
            if self._closing:
                return Lost("the run was ended")
        try:  # a second time: a network or a machine may have been short of something
            return self._once(problem, completion)
        except TimeLimit:
            return Lost(f"{name_of(self.verifier)} took longer than {self.settings.seconds:g} s")
        except Died:
            return self._told(
                RewardError(f"The reward {name_of(self.verifier)} ended its process.")
            )
        except SandboxError:
            return Lost("the sandbox failed")
        except RewardError as error:
            return self._told(error)

    def _told(self, error: RewardError) -> Answer:
        if self.settings.on_error == "stop":
            raise error
        cause = error.__cause__
        kind = cause.kind if isinstance(cause, Raised) else type(cause).__name__
        raised = cause is not None and kind != "RewardError"
        did = f"raised {kind}" if raised else "did not answer a number"
        return Lost(f"{name_of(self.verifier)} {did}")

    def _once(self, problem: Problem, completion: Completion) -> Verdict:
        if self._function is None:
            return judge(self.verifier, problem, completion)  # type: ignore[arg-type]
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = Worker(self._function)
            self._workers.append(worker)
        try:
            return worker.call((problem, completion), self.settings.seconds)
        except Raised as raised:
            if isinstance(raised.error, RewardError | SandboxError):
                raise raised.error from raised
            raise RewardError(
                f"The reward {name_of(self.verifier)} could not be loaded in a worker process "
                f"({raised.kind}: {raised.message[:200]}); set rewards.workers=0 to call it here."
            ) from raised


def _fill(future: "Future[Answer]", function: Callable[[], Answer]) -> None:
    try:
        future.set_result(function())
    except Exception as error:
        future.set_exception(error)


def check_sandbox(verifier: Any) -> None:
    """Raise SandboxError if a verifier runs programs and no sandbox works here: before training,
    not in the middle of it."""
    running = getattr(verifier, "running", None)
    if isinstance(running, Running):
        _ = running.sandbox.wall
    for part in _inside(verifier):
        check_sandbox(part)


def _inside(verifier: Any) -> list[Any]:
    """The verifiers that one is made of."""
    found = [getattr(verifier, name, None) for name in ("condition", "then")]
    found += [part[1] for part in getattr(verifier, "parts", ())]
    return [part for part in found if part is not None]


def judge_batch(
    verifier: BatchVerifier, problems: Sequence[Problem], completions: Sequence[Completion]
) -> list[Verdict]:
    """The verdicts of a verifier that takes many completions at once.

    Raises: RewardError where it raised, or did not answer one verdict for each.
    """
    try:
        answers = list(verifier.batch(problems, completions))
    except RewardError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise RewardError(
            f"The reward {name_of(verifier)} raised {type(error).__name__} on {len(problems)} "
            f"completions{': ' + said if said else ''}."
        ) from error
    if len(answers) != len(problems):
        raise RewardError(
            f"The reward {name_of(verifier)} answered {len(answers)} verdicts for {len(problems)} "
            "completions."
        )
    return [
        checked(answer, verifier, problem)
        for answer, problem in zip(answers, problems, strict=True)
    ]


def is_bounded(verifier: Any) -> bool:
    """Whether a verifier is this package's own and calls nobody else's code."""
    own = type(verifier).__module__.startswith(f"{__package__}.")
    alone = own and not getattr(verifier, "needs_process", False)
    return alone and all(map(is_bounded, _inside(verifier)))
