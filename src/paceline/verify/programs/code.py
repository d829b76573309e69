"""Programs as answers: run in the sandbox, compared outside of it.

The expected answer never enters the sandbox. A program's output is bytes from a pipe; nothing
that it defines (an `==` that is always true, a `print` of its own) reaches the comparison.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ulp
from typing import Any

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..answers.math import expected_number
from ..answers.text.numerals import number
from ..calling.base import verdict
from .program import RunsPrograms, why_ended
from .testcases import cases_in, verdict_on

NO_OUTPUT = "the program printed nothing"
"""Reason of a verdict: an empty output."""
SEVERAL_LINES = "the program printed more than one line"
"""Reason of a verdict: an output of several lines."""
NOT_A_NUMBER = "the program printed no plain number"
"""Reason of a verdict: an output that is not a number."""
WRONG_NUMBER = "the program's answer is not the expected one"
"""Reason of a verdict: another number."""
RIGHT_NUMBER = "the program's answer is the expected one"
"""Reason of a verdict: the expected number. Equal cases give equal reasons."""

FLOAT_DIGITS = 15
"""Number of digits from which on a printed float is not rounded on purpose."""
MOST_ULPS = 8
"""Units in the last place by which a short computation in floats may be off."""
EXAMPLE_COLUMN = """[{"stdin": "3\\n4\\n", "stdout": "7\\n"}, …]"""
"""An example of a column of cases."""
_NO_DIGIT = re.compile(r"[^0-9]|e.*")


@dataclass(frozen=True, slots=True)
class PrintedAnswer(RunsPrograms):
    """1 if the completion's program prints the expected number, else 0 (program of thought,
    Chen et al. 2022, arXiv 2211.12588).

    It must print one line and nothing else: of many lines the right one could be a guess.

    Example: PrintedAnswer() accepts "```python\\nprint(6 * 7)\\n```" for 42
    """

    last_line: bool = False
    """True is lenient: of several lines the last one counts."""

    def check_problem(self, problem: Problem) -> None:
        expected_number(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = expected_number(problem)
        program, reason = self.program_of(completion)
        if program is None:
            return verdict(False, reason)
        result = self.running(program, of=completion)
        if result.outcome != "ok":
            return verdict(False, why_ended(result), {"ran": 0.0})
        lines = [line for line in result.text.split("\n") if line.strip()]
        if not lines:
            return verdict(False, NO_OUTPUT, {"ran": 1.0})
        if len(lines) > 1 and not self.last_line:
            return verdict(False, SEVERAL_LINES, {"ran": 1.0})
        line = lines[-1].strip()
        value = number(line)
        if value is None:
            return verdict(False, NOT_A_NUMBER, {"ran": 1.0})
        right = value == expected or is_float_of(line, expected)
        return verdict(right, RIGHT_NUMBER if right else WRONG_NUMBER, {"ran": 1.0, "number": 1.0})


def is_float_of(text: str, expected: Fraction) -> bool:
    """Tell whether a line shows a float with all its digits that is as near to a number as
    computing in floats comes: 200 * 1.15 prints 229.99999999999997, and 1 / 3 prints
    0.3333333333333333."""
    try:
        value = float(text)
    except ValueError:
        return False
    whole = repr(value) == text and len(_NO_DIGIT.sub("", text).strip("0")) >= FLOAT_DIGITS
    near = math.isfinite(value) and abs(Fraction(value) - expected) <= MOST_ULPS * Fraction(
        ulp(value)
    )
    return whole and near


@dataclass(frozen=True, slots=True)
class Cases(RunsPrograms):
    """The share of cases in which the completion's program prints the expected output for an input.

    A case is {"stdin": …, "stdout": …}, in a column of the row: each a text, a number, or a list of
    lines. Outputs are compared line by line, without whitespace at the ends of lines and of the
    text.
    """

    column: str = "cases"
    """The column with the cases."""
    strict: bool = True
    """True pays only if all cases hold; False pays the share that does."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        cases = self.testcases_of(problem)
        program, reason = self.program_of(completion)
        if program is None:
            return verdict(False, reason)

        def fault(case: tuple[str, str]) -> str:
            stdin, stdout = case
            result = self.running(program, stdin, of=completion)
            if result.outcome != "ok":
                return why_ended(result)
            return "" if _lines(result.text) == _lines(stdout) else "another output"

        return verdict_on(cases, fault, strict=self.strict)

    def check_problem(self, problem: Problem) -> None:
        self.testcases_of(problem)

    def testcases_of(self, problem: Problem) -> list[tuple[str, str]]:
        """The (stdin, stdout) of the problem's cases. Raises: RewardError if one is not a case."""
        cases = cases_in(problem, self.column, EXAMPLE_COLUMN)
        for case in cases:
            if not isinstance(case, Mapping) or not {"stdin", "stdout"} <= set(case):
                raise RewardError(
                    f"A case of problem {problem.name} is not {{stdin, stdout}} but {case!r:.60}."
                )
        return [
            (_text(case["stdin"], "stdin", problem), _text(case["stdout"], "stdout", problem))
            for case in cases
        ]


def _text(value: Any, name: str, problem: Problem) -> str:
    """An input or an output: a text or a number as it is, a list of them as lines."""
    if isinstance(value, list | tuple) and all(map(_is_plain, value)):
        return "".join(f"{line}".removesuffix("\n") + "\n" for line in value)
    if not _is_plain(value):
        raise RewardError(
            f"The {name} of a case of problem {problem.name} is not a text or a list of lines but "
            f"{value!r:.60}."
        )
    return str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
