"""Lists of test cases in a column of a row, and the reward for passing some of them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...errors import RewardError
from ...types import Problem, Verdict
from .sandbox.sandbox import TIME_RAN_OUT

T = TypeVar("T")
TOO_SLOW = f"the program {TIME_RAN_OUT}"
"""Reason of a program that ran into its time limit."""


def cases_in(problem: Problem, column: str, example: str) -> Sequence[Any]:
    """The test cases in a column. Raises: RewardError, with an example of a list, if it holds
    none."""
    found = problem.data.get(column)
    if not isinstance(found, list | tuple) or not found:
        if column not in problem.data:
            raise RewardError(
                f"Problem {problem.name} has no column '{column}'; it has "
                f"[{', '.join(problem.data)}]."
            )
        raise RewardError(
            f"Problem {problem.name} needs a list in its column '{column}', not {found!r:.60}; a "
            f"list is written {example}."
        )
    return found


def verdict_on(cases: Sequence[T], fault: Callable[[T], str], *, strict: bool) -> Verdict:
    """The share of cases that pass; if strict, all or nothing.

    Args:
        fault: returns the reason why a case does not pass; "" if it does.
    """
    passed, why = 0, ""
    for case in cases:
        found = fault(case)
        passed, why = passed + (not found), why or found
        # Nothing is left to earn; or it would run into its time limit again and again.
        if found and (strict or found == TOO_SLOW):
            break
    right = passed == len(cases)
    reward = float(right) if strict else passed / len(cases)
    return Verdict(reward, {}, "every case holds" if right else why, right)
