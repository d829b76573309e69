"""A thread that notices when nothing goes on any more, and says what is waited for."""

import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType

from ..training import Trainer
from ..verify.calling.pool import VerifierPool

SECONDS = 300.0
"""Without a sign of life for so long, a run is called stuck."""


class Watchdog:
    """Looks every now and then whether a trainer still gets on, while a `with` lasts.

    Signs of life are completions, verdicts, passes through the model and phases of a step. It only
    tells: what hangs may be a slow machine.

    Args:
        tell: called, from another thread, with one sentence that names what is waited for.
    """

    def __init__(
        self,
        trainer: Trainer,
        verifiers: VerifierPool,
        tell: Callable[[str], None],
        *,
        seconds: float = SECONDS,
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
        """Where the main thread is: while it samples or evaluates, now here, now there; where it
        waits, or turns in a circle of somebody's own, always at one place."""
        frame, lines = sys._current_frames().get(self._main), list[tuple[str, int]]()
        while frame is not None:
            lines.append((frame.f_code.co_filename, frame.f_lineno or 0))
            frame = frame.f_back
        return tuple(lines)

    def _sentence(self, seconds: float) -> str:
        text = f"nothing has gone on for {seconds:.0f} s in step {self.trainer.steps + 1}"
        if phase := self.trainer.clock.phase:
            text += f" ({phase})"
        if (waiting := self.verifiers.longest_pending()) is not None:
            text += (
                f": the verdict of {waiting.verifier} on problem {waiting.problem} has been waited "
                f"for these {waiting.seconds:.0f} s"
            )
        frame = sys._current_frames().get(self._main)
        return f"{text}; the trainer is at {_ours(frame)}." if frame is not None else f"{text}."


def _ours(frame: FrameType) -> str:
    """The innermost line of this package, or of whatever it runs."""
    stack = traceback.extract_stack(frame)
    inside = [line for line in stack if "paceline" in line.filename] or list(stack)
    return f"{inside[-1].filename}:{inside[-1].lineno} in {inside[-1].name}"
