"""A wrapper of functions called from a Python session or a script: a user's error is raised without
our frames."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..errors import RewardError, UserError, machine_short
from ..terminal import spell_out
from ..verify.calling.load import refuse_while_loading

P = ParamSpec("P")
R = TypeVar("R")


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function that users call. It refuses to run in a file that is only being read for its
    functions. An error that the user can fix, or an interrupt, is raised as one sentence below the
    user's own line. Its output uses only letters that the terminal can show.

    For a reward that raised, its own traceback is shown above. An error of ours keeps all frames.
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_while_loading(f"paceline.{function.__name__}")
        spell_out()
        try:
            return function(*args, **kwargs)
        except (UserError, KeyboardInterrupt) as error:
            cause = error.__cause__ if isinstance(error, RewardError) else None
            raise error.with_traceback(None) from cause
        except Exception as error:
            if (told := machine_short(error)) is None:
                raise
            raise told from None

    return called
