"""Waiting for another process, but not for ever."""

import time
from collections.abc import Callable

LOOKS, PAUSE = 15_000, 0.02
"""Looks, and seconds between two: more than a machine, however busy, should need."""


def until(true: Callable[[], object]) -> None:
    """Return once something is so. Raises: AssertionError if it does not come."""
    for _ in range(LOOKS):
        if true():
            return
        time.sleep(PAUSE)
    raise AssertionError("it did not come")
