"""A forecast of the time that the remaining runs take, from the steps of the others."""

import heapq
from collections.abc import Sequence

from .planned import Planned


def time_for(left: Sequence[Planned], jobs: int, seconds_a_step: float) -> float:
    """Seconds until the last of these runs has ended, with so many running at once.

    Args:
        left: the remaining runs, in the order in which they are made, those that are going on
            first.
    """
    ends = [0.0] * jobs
    for one in left:
        heapq.heapreplace(ends, ends[0] + one.steps_left * seconds_a_step)
    return max(ends)
