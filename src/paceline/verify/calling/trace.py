"""The user's own part of a traceback: ours says nothing about what is wrong with a reward."""

import traceback
from pathlib import Path

from ...errors import RewardError
from .worker import NotStarted, Raised

OURS = str(Path(__file__).resolve().parents[2])
"""The folder of this package."""


def told(error: BaseException) -> str:
    """An exception as Python tells it, without the frames of this package that lead to it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OURS):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def of_reward(error: RewardError) -> str:
    """The traceback of what the user's code raised, here or in a worker; "" where it raised
    nothing."""
    cause = error.__cause__
    if isinstance(cause, NotStarted):
        cause = cause.__cause__
    if isinstance(cause, Raised):
        return cause.traceback
    return "" if cause is None else told(cause)
