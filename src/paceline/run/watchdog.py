"""A thread that notices when nothing happens any more, and says what the run is waiting for."""

import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

from ..training import Trainer
from ..verify.calling.pool import VerifierPool

STUCK_SECONDS = 300.0
"""Seconds without a sign of life after which a run is called stuck."""


class Watchdog:
    """Checks at intervals that a trainer still makes progress, while a `with` lasts.

    Signs of life are completions, verdicts, passes through the model and phases of a step. It only
    reports: the machine may just be slow.

    Args:
        tell: called, from another thread, with one sentence that names what the run is waiting for.
    """

    def __init__(
        self,
        trainer: Trainer,
        verifiers: VerifierPool,
        tell: Callable[[str], None],
        *,
        seconds: float = STUCK_SECONDS,
    ) -> None:
        self.trainer, self.verifiers, self.tell, self.seconds = trainer, verifiers, tell, seconds
        self._main = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="paceline-watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        seen, since, patience = self._signs(), time.monotonic(), self.seconds
        while not self._over.wait(self.seconds / 10):
            now = time.monotonic()
            if (signs := self._signs()) != seen:
                seen, since, patience = signs, now, self.seconds
            elif now - since >= patience:
                self.tell(self._sentence(now - since))
                patience *= 2  # again only when it has lasted twice as long

    def _signs(self) -> tuple[object, ...]:
        clock = self.trainer.clock
        return self.trainer.steps, id(clock), clock.ticks, self.verifiers.judged, self._place()

    def _place(self) -> tuple[tuple[str, int], ...]:
        """The place of the main thread: it changes while the thread samples or evaluates; it stays
        the same while the thread waits, or loops in somebody else's code."""
        frame, lines = sys._current_frames().get(self._main), list[tuple[str, int]]()
        while frame is not None:
            lines.append((frame.f_code.co_filename, frame.f_lineno or 0))
            frame = frame.f_back
        return tuple(lines)

    def _sentence(self, seconds: float) -> str:
        text = f"nothing has happened for {seconds:.0f} s in step {self.trainer.steps + 1}"
        if phase := self.trainer.clock.phase:
            text += f" ({phase})"
        if (waiting := self.verifiers.longest_pending()) is not None:
            text += (
                f": the verdict of {waiting.verifier} on problem {waiting.problem} has been "
                f"awaited for {waiting.seconds:.0f} s"
            )
        frame = sys._current_frames().get(self._main)
        return f"{text}; the trainer is at {_ours(frame)}." if frame is not None else f"{text}."


def _ours(frame: FrameType) -> str:
    """The innermost line of this package, or of the code that it runs."""
    stack = traceback.extract_stack(frame)
    inside = [line for line in stack if "paceline" in line.filename] or list(stack)
    return f"{inside[-1].filename}:{inside[-1].lineno} in {inside[-1].name}"
