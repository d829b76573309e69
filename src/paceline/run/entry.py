"""What a Python session or a script calls: errors of theirs come without our frames."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..errors import RewardError, UserError, machine_short
from ..terminal import spell_out
from ..verify.calling.load import refuse_while_loading

P = ParamSpec("P")
R = TypeVar("R")


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """The function, refused in a file that is only being read for the functions in it; what a user
    can mend, and an interrupt, is raised as one sentence below the user's own line. What it prints
    is in the letters that there are.

    Of a reward that raised, its own traceback stands above. An error of ours keeps all frames.
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
