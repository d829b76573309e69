"""Handling of SIGINT, SIGTERM and SIGHUP: the first ends a run at a point where nothing is lost, a
second one ends the whole process at once, or in a notebook the cell alone."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..errors import Interrupted
from .notebook import in_notebook

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a run."""
SAME_SIGNAL_SECONDS = 1.0
"""Seconds within which a second signal counts as the same one: a shell sends it to a whole group,
and a program that started the run passes it on."""


class Interrupts:
    """Turns a signal into `Interrupted`, raised only where work may be interrupted.

    Example: with Interrupts() as interrupts, interrupts.interruptible(): sample()

    Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._since = 0.0
        self._open = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` wants it
                    self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Enter a context in which a signal is raised as it arrives; one that arrived before is
        raised at the entrance."""
        self._open += 1
        try:
            self.check()
            yield
        finally:
            self._open -= 1

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self.number is not None:
            raise Interrupted(self.number)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            if time.monotonic() - self._since > SAME_SIGNAL_SECONDS:
                if in_notebook():  # its process has more than the run
                    raise Interrupted(number)
                os._exit(128 + number)
            return
        self.number, self._since = number, time.monotonic()
        if self._open:
            raise Interrupted(number)
