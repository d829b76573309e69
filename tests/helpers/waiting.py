"""Waiting for another process, but not for ever."""

import time
from collections.abc import Callable

MOST_SECONDS = 300.0
"""Time after which a machine, however busy, is not the reason any more."""


def until(true: Callable[[], object]) -> None:
    """Return once something is so. Raises: AssertionError if it does not come."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < MOST_SECONDS, "it did not come"
        time.sleep(0.02)
