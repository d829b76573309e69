"""A clock that adds up a step's seconds by phase."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up seconds by phase: `with clock("update"): …`.

    Attributes:
        phase: the current phase, or the last one.
        ticks: grows with every sign of life, for a watchdog.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.phase, self.ticks = "", 0

    def tick(self) -> None:
        self.ticks += 1

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        self.phase = phase
        self.tick()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self.seconds[phase] = self.seconds.get(phase, 0.0) + spent
