"""The user's own part of a traceback: our part says nothing about the fault of a reward."""

import traceback
from pathlib import Path

from ...errors import RewardError
from .worker import NotStarted, Raised

PACKAGE_FOLDER = str(Path(__file__).resolve().parents[2])
"""The folder of this package."""


def told(error: BaseException) -> str:
    """An exception as Python prints it, without the frames of this package that lead to it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def of_reward(error: RewardError) -> str:
    """The traceback of an error that the user's code raised, here or in a worker; "" if there was
    none."""
    cause = error.__cause__
    if isinstance(cause, NotStarted):
        cause = cause.__cause__
    if isinstance(cause, Raised):
        return cause.traceback
    return "" if cause is None else told(cause)
