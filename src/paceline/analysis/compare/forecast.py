"""How long the runs that are left will take, from what others took a step."""

import heapq
from collections.abc import Sequence

from .planned import Planned


def time_for(left: Sequence[Planned], jobs: int, seconds_a_step: float) -> float:
    """Seconds until the last of these runs has ended, so many going on at once.

    Args:
        left: in the order in which they are made, those that are going on first.
    """
    ends = [0.0] * jobs
    for one in left:
        heapq.heapreplace(ends, ends[0] + one.steps_left * seconds_a_step)
    return max(ends)
