"""What programs are held to: a list of checks in a column of the row, and what holding some of them
is worth."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import RewardError
from ..types import Problem, Verdict
from .sandbox.sandbox import TIME

T = TypeVar("T")
TOO_SLOW = f"the program {TIME}"


def listed(problem: Problem, column: str, example: str) -> Sequence[Any]:
    """The checks in a column. Raises: RewardError, with an example of a list, where it holds
    none."""
    found = problem.data.get(column)
    if not isinstance(found, list | tuple) or not found:
        if column not in problem.data:
            raise RewardError(
                f"Problem {problem.name} has no column '{column}'; it has "
                f"[{', '.join(problem.data)}]."
            )
        raise RewardError(
            f"Problem {problem.name} has no list in its column '{column}' but {found!r:.60}; a "
            f"list is written {example}."
        )
    return found


def paid_for(checks: Sequence[T], fault: Callable[[T], str], *, strict: bool) -> Verdict:
    """The share of checks that hold; strict, all or nothing.

    Args:
        fault: says why a check does not hold; "" where it does.
    """
    held, why = 0, ""
    for check in checks:
        found = fault(check)
        held, why = held + (not found), why or found
        # Nothing is left to earn; or it would run into its time limit again and again.
        if found and (strict or found == TOO_SLOW):
            break
    right = held == len(checks)
    reward = float(right) if strict else held / len(checks)
    return Verdict(reward, {}, "every case holds" if right else why, right)
