"""Programs as answers: run in the sandbox, compared outside of it.

The expected answer never enters the sandbox. What a program printed is bytes from a pipe; nothing
that it defines (an `==` that is always true, a `print` of its own) reaches the comparison.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Literal

from ..errors import ConfigError, RewardError, SandboxError
from ..types import Completion, Problem, Verdict
from .form import CUT, EMPTY, MISSING, SEVERAL, UNCLOSED, answer_in, answer_text
from .math import number
from .sandbox import Result, Sandbox

MAX_VALUE = 20_000
"""Characters of a printed value that is read back."""

NO_OUTPUT = "the program printed nothing"
SEVERAL_LINES = "the program printed more than one line"
NOT_A_NUMBER = "the program printed no plain number"
WRONG = "the program's answer is not the expected one"
RIGHT = "the program's answer is the expected one"

Where = Literal["fence", "text", "tag"]
"""Where the program stands: in the one fenced block; the whole text; in <answer>…</answer>."""


def program_in(text: str, where: Where, tag: str = "answer") -> tuple[str | None, str]:
    """(the program, "") or (None, a reason): exactly one, behind the reasoning.

    Fences of another language than Python do not count; a fence inside a tag is taken off.
    """
    rest = answer_text(text)
    if rest is None:
        return None, UNCLOSED
    if where == "tag":
        found, reason = answer_in(text, "tag", tag)
        if found is None:
            return None, reason
        blocks = _blocks(found)
        whole = len(blocks) == 1 and found.startswith("```") and found.endswith("```")
        return (blocks[0][1] if whole else found), ""
    if where == "text":
        return (rest.strip("\n"), "") if rest.strip() else (None, EMPTY)
    blocks = [code for language, code in _blocks(rest) if language in _PYTHON]
    if not blocks:
        return None, MISSING
    if len(blocks) > 1:
        return None, SEVERAL
    return (blocks[0], "") if blocks[0].strip() else (None, EMPTY)


_PYTHON = ("", "python", "py", "python3")


def _blocks(text: str) -> list[tuple[str, str]]:
    """(language, code) of the fenced blocks that are closed. Line by line: a regular expression
    would go through the rest of the text again for every fence."""
    blocks: list[tuple[str, str]] = []
    language, lines = "", None
    for line in text.split("\n"):
        bare = line.strip()
        if lines is None:
            if bare.startswith("```"):
                language, lines = (bare[3:].split() or [""])[0].lower(), []
        elif bare == "```":
            blocks.append((language, "\n".join(lines) + "\n"))
            lines = None
        else:
            lines.append(line)
    return blocks


@dataclass(frozen=True, slots=True)
class Running:
    """How programs are run."""

    seconds: float = 5.0
    """Of the clock, for one run."""
    megabytes: int = 256
    """Of memory."""
    sandbox: Sandbox = field(default_factory=Sandbox)

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.megabytes < 32:
            raise ConfigError(
                f"A program needs more than 0 seconds and 32 megabytes or more, not {self.seconds} "
                f"and {self.megabytes}."
            )

    def __call__(self, code: str, stdin: str = "") -> Result:
        """The parts of one reward that ask for the same run get the same one.

        Raises: SandboxError where the sandbox itself did not work: that is no verdict.
        """
        return _run(self, code, stdin)


@lru_cache(maxsize=128)
def _run(how: Running, code: str, stdin: str) -> Result:
    result = how.sandbox.run(code, stdin, seconds=how.seconds, megabytes=how.megabytes)
    if result.outcome == "infrastructure":
        raise SandboxError(f"A program could not be run: {result.reason}.")
    return result


def _why(result: Result) -> str:
    """The reason of a program that did not end well: its error's type, for equal cases."""
    last = result.stderr.decode("utf-8", "replace").rstrip().rpartition("\n")[2]
    kind = re.match(r"[A-Za-z_][\w.]*(?=:|$)", last)
    raised = result.outcome == "failed" and kind
    return f"the program raised {kind[0]}" if raised and kind else f"the program {result.reason}"


def _judged(right: bool, reason: str, parts: Mapping[str, float] | None = None) -> Verdict:
    return Verdict(1.0 if right else 0.0, parts or {}, reason, right)


@dataclass(frozen=True, slots=True)
class PrintedAnswer:
    """1 if the completion's program prints the expected number, else 0 (program of thought,
    Chen et al. 2022, arXiv 2211.12588).

    It must print one line and nothing else: of many lines the right one could be a guess.

    Example: PrintedAnswer() accepts "```python\\nprint(6 * 7)\\n```" for 42
    """

    where: Where = "fence"
    """Where the program stands: fence, text or tag."""
    tag: str = "answer"
    """The tag's name, for where="tag"."""
    running: Running = field(default_factory=Running)
    last_line: bool = False
    """Lenient: of several lines the last one counts."""
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        expected = number(problem.answer)
        if expected is None:
            raise RewardError(
                f"The expected answer of problem {problem.id}, '{problem.answer[:60]}', is no "
                "plain number."
            )
        if completion.finish == "length" and not self.allow_cut:
            return _judged(False, CUT)
        program, reason = program_in(completion.text, self.where, self.tag)
        if program is None:
            return _judged(False, reason)
        result = self.running(program)
        if result.outcome != "ok":
            return _judged(False, _why(result), {"ran": 0.0})
        lines = [line for line in result.text.split("\n") if line.strip()]
        if not lines:
            return _judged(False, NO_OUTPUT, {"ran": 1.0})
        if len(lines) > 1 and not self.last_line:
            return _judged(False, SEVERAL_LINES, {"ran": 1.0})
        value = number(_whole(lines[-1].strip()))
        if value is None:
            return _judged(False, NOT_A_NUMBER, {"ran": 1.0})
        right = value == expected
        return _judged(right, RIGHT if right else WRONG, {"ran": 1.0, "number": 1.0})


def _whole(text: str) -> str:
    """42 for 42.0: a division prints a float where the answer is a whole number."""
    return re.sub(r"(?<=\d)\.0+$", "", text)


@dataclass(frozen=True, slots=True)
class Cases:
    """The share of cases in which the completion's program prints what is expected for an input.

    A case is {"stdin": …, "stdout": …}, in a column of the row. Outputs are compared line by line,
    without whitespace at the ends of lines and of the text.
    """

    column: str = "cases"
    """Where the cases are."""
    where: Where = "fence"
    """Where the program stands: fence, text or tag."""
    tag: str = "answer"
    """The tag's name, for where="tag"."""
    strict: bool = True
    """Whether all cases must hold for any reward; else their share is paid."""
    running: Running = field(default_factory=Running)
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        cases = _listed(problem, self.column)
        for case in cases:
            if not isinstance(case, Mapping) or not {"stdin", "stdout"} <= set(case):
                raise RewardError(
                    f"A case of problem {problem.id} is no {{stdin, stdout}} but {case!r:.60}."
                )
        if completion.finish == "length" and not self.allow_cut:
            return _judged(False, CUT)
        program, reason = program_in(completion.text, self.where, self.tag)
        if program is None:
            return _judged(False, reason)
        held, why = 0, ""
        for case in cases:
            result = self.running(program, str(case["stdin"]))
            good = result.outcome == "ok" and _lines(result.text) == _lines(str(case["stdout"]))
            held += good
            if not good:
                why = why or ("another output" if result.outcome == "ok" else _why(result))
                if self.strict:  # nothing is left to earn
                    break
        return _shared(held, len(cases), why, strict=self.strict)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _listed(problem: Problem, column: str) -> Sequence[Any]:
    found = problem.data.get(column)
    if not isinstance(found, list | tuple) or not found:
        raise RewardError(
            f"Problem {problem.id} has no list in its column '{column}'; it has "
            f"[{', '.join(problem.data)}]."
        )
    return found


def _shared(held: int, count: int, why: str, *, strict: bool) -> Verdict:
    right = held == count
    reward = float(right) if strict else held / count
    return Verdict(reward, {}, "every case holds" if right else why, right)


@dataclass(frozen=True, slots=True)
class Asserts:
    """The share of `assert call == value` lines that hold of the completion's program.

    Each is taken apart outside the sandbox: the left side is evaluated behind the program, where
    only its printed value comes out; the right side by itself, without the program. So a program
    cannot see what is expected, nor answer with an object that equals everything. `assert call`
    and `assert not call` expect a true or a false value. Any other line is refused, as it would
    have to be decided inside. Values are Python literals.

    The reward is the share; strict asks for all of them.
    """

    column: str = "tests"
    """Where the lines are: a list of texts."""
    setup: str = "test_setup_code"
    """A column with code that goes before the program, if there is one (imports)."""
    where: Where = "fence"
    """Where the program stands: fence, text or tag."""
    tag: str = "answer"
    """The tag's name, for where="tag"."""
    strict: bool = True
    """Whether all must hold for any reward; else their share is paid."""
    running: Running = field(default_factory=Running)
    allow_cut: bool = False
    """Whether a completion that was cut by its length can score."""

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        checks = [_taken_apart(str(line), problem) for line in _listed(problem, self.column)]
        setup = str(problem.data.get(self.setup) or "")
        if completion.finish == "length" and not self.allow_cut:
            return _judged(False, CUT)
        program, reason = program_in(completion.text, self.where, self.tag)
        if program is None:
            return _judged(False, reason)
        held, why = 0, ""
        for left, right, relation in checks:
            result = self.running(f"{setup}\n{program}\n{_showing(left)}")
            if result.outcome != "ok":
                why = why or _why(result)
            elif self._holds(_last_value(result), setup, right, relation):
                held += 1
                continue
            else:
                why = why or "another value"
            if self.strict:
                break
        return _shared(held, len(checks), why, strict=self.strict)

    def _holds(self, value: object, setup: str, right: str, relation: str) -> bool:
        if value is _NOTHING:
            return False
        if relation == "equal":
            return value == _expected(setup, right, self.running)
        return bool(value) == (relation == "true")


def _last_value(result: Result) -> object:
    return _value(result.text.rstrip().rpartition("\n")[2])


def _showing(expression: str) -> str:
    """The value on a line of its own, whatever was printed before."""
    return f"print('\\n' + repr({expression}))"


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
    """(the expression that the program is asked for, the one that says what is expected, whether
    its value has to equal that or only to be true or false)."""
    try:
        return _taken(line)
    except (SyntaxError, ValueError) as error:
        raise RewardError(
            f"A test of problem {problem.id} is no `assert call == value` but '{line[:60]}' "
            f"({error})."
        ) from None


@cache
def _expected(setup: str, right: str, running: Running) -> object:
    """The right side's value, from a run without the program."""
    try:
        return ast.literal_eval(right)
    except (ValueError, SyntaxError):
        pass
    result = running(f"{setup}\n{_showing(right)}")
    value = _last_value(result)
    if result.outcome != "ok" or value is _NOTHING:
        raise RewardError(f"The expected value '{right[:60]}' of a test cannot be computed.")
    return value


_NOTHING = object()
"""Equal to nothing but itself."""


def _value(shown: str) -> object:
    """The literal that a line shows, or _NOTHING."""
    if len(shown) > MAX_VALUE:
        return _NOTHING
    try:
        return ast.literal_eval(shown)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _NOTHING
