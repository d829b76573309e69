"""Tests that stay outside: `assert call == value` lines, taken apart before anything is run."""

import ast
import re
from dataclasses import dataclass
from functools import cache

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import verdict
from .program import Running, RunsPrograms, why_ended
from .testcases import cases_in, verdict_on
from .values import NOTHING, equal, showing, shown_value

EXAMPLE_COLUMN = '["assert add(3, 4) == 7", …]'
"""An example of a column of lines."""
OTHER_VALUE = "another value"
"""The reason of a line that does not hold."""
_FUTURE = re.compile(r"^from __future__ import [\w, ]+$", re.MULTILINE)
"""Pattern of a line that must stand before everything else, and so before the setup."""


@dataclass(frozen=True, slots=True)
class Asserts(RunsPrograms):
    """The share of `assert call == value` lines that hold of the completion's program.

    Each line is taken apart outside the sandbox: the left side is evaluated after the program, and
    only its printed value comes out; the right side by itself, without the program. So a program
    cannot see the expected value, nor answer with an object that equals everything. `assert call`
    and `assert not call` expect a true or a false value. Any other line is refused, as it would
    have to be decided inside.

    Values are compared by Python's own `==`: a Counter equals a dictionary, a named tuple a tuple,
    1 equals 1.0. They are built-in or of collections, fractions, decimal and datetime; an object
    whose class has an `==` of its own equals nothing. The reward is the share of lines that hold;
    strict asks for all of them.
    """

    column: str = "tests"
    """The column with the lines: a list of texts."""
    setup: str = "test_setup_code"
    """A column with code that goes before the program, if there is one (imports)."""
    strict: bool = True
    """True pays only if all lines hold; False pays the share that does."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        cases = self.testcases_of(problem)
        setup = str(problem.data.get(self.setup) or "")
        program, reason = self.program_of(completion)
        if program is None:
            return verdict(False, reason)
        before = "\n".join((*_FUTURE.findall(program), setup, _FUTURE.sub("", program)))

        def fault(case: tuple[str, str, str]) -> str:
            left, right, relation = case
            # Of what only has to be true or false, only that comes out: it may be of any class.
            wanted = left if relation == "equal" else f"not not ({left})"
            result = self.running(f"{before}\n{showing(wanted)}", of=completion)
            if result.outcome != "ok":
                return why_ended(result)
            expected = _expected(setup, right, self.running)
            return "" if equal(shown_value(result.text), expected) else OTHER_VALUE

        return verdict_on(cases, fault, strict=self.strict)

    def check_problem(self, problem: Problem) -> None:
        self.testcases_of(problem)

    def testcases_of(self, problem: Problem) -> list[tuple[str, str, str]]:
        """The problem's lines, taken apart. Raises: RewardError if that is impossible for one."""
        return [
            _taken_apart(str(line), problem)
            for line in cases_in(problem, self.column, EXAMPLE_COLUMN)
        ]


@cache
def _taken(line: str) -> tuple[str, str, str]:
    body = ast.parse(line.strip()).body
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        raise SyntaxError("no assert statement")
    test = body[0].test
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        return ast.unparse(test.left), ast.unparse(test.comparators[0]), "equal"
    wanted = "true"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, wanted = test.operand, "false"
    inner = [n for n in ast.walk(test) if isinstance(n, ast.Call | ast.Compare | ast.BoolOp)]
    if not isinstance(test, ast.Call) or not isinstance(test.func, ast.Name) or len(inner) > 1:
        # Anything else would be decided inside, where the program could say what it likes.
        raise SyntaxError("neither a comparison by == nor one call")
    return ast.unparse(test), wanted.title(), wanted


def _taken_apart(line: str, problem: Problem) -> tuple[str, str, str]:
    """Take a line apart: (the expression that the program is asked for, the expected expression,
    True if its value has to equal that, False if it only has to be true or false)."""
    try:
        return _taken(line)
    except (SyntaxError, ValueError) as error:
        raise RewardError(
            f"A test of problem {problem.name} is not `assert call == value` but '{line[:60]}' "
            f"({error})."
        ) from None


@cache
def _expected(setup: str, right: str, running: Running) -> object:
    """The right side's value, from a run without the program."""
    try:
        return ast.literal_eval(right)
    except (ValueError, SyntaxError):
        pass
    result = running(f"{setup}\n{showing(right)}")
    value = shown_value(result.text)
    if result.outcome != "ok" or value is NOTHING:
        raise RewardError(f"The expected value '{right[:60]}' of a test cannot be computed.")
    return value
