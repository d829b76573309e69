"""What programs are held to: a list of checks in a column of the row, and what holding some of them
is worth."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import RewardError
from ..types import Problem, Verdict
from .sandbox.sandbox import TIME

T = TypeVar("T")
TOO_SLOW = f"the program {TIME}"


def listed(problem: Problem, column: str) -> Sequence[Any]:
    """The checks in a column. Raises: RewardError where it holds no list."""
    found = problem.data.get(column)
    if not isinstance(found, list | tuple) or not found:
        raise RewardError(
            f"Problem {problem.id} has no list in its column '{column}'; it has "
            f"[{', '.join(problem.data)}]."
        )
    return found


def cases_in(problem: Problem, column: str) -> list[tuple[str, str]]:
    """The cases in a column, each as the text that a program reads and the one that it prints.

    Raises: RewardError where one is no {stdin, stdout}, or holds neither text nor lines.
    """
    cases = []
    for case in listed(problem, column):
        if not isinstance(case, Mapping) or not {"stdin", "stdout"} <= set(case):
            raise RewardError(
                f"A case of problem {problem.id} is no {{stdin, stdout}} but {case!r:.60}."
            )
        stdin, stdout = (lines_in(case[side]) for side in ("stdin", "stdout"))
        if stdin is None or stdout is None:
            side, found = ("stdin", case["stdin"]) if stdin is None else ("stdout", case["stdout"])
            raise RewardError(
                f"The {side} of a case of problem {problem.id} is neither a text nor a list of "
                f"lines but {found!r:.60}."
            )
        cases.append((stdin, stdout))
    return cases


def lines_in(value: object) -> str | None:
    """What a program reads or prints, as one text, from how rows hold it: a text, a number, a list
    of lines, or null for nothing; None for anything else."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        lines = [lines_in(line) if isinstance(line, str | int | float) else None for line in value]
        return None if None in lines else "".join(f"{line}\n" for line in lines)
    return str(value) if isinstance(value, str | int | float) else None


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
