"""Sums, differences and products, made up by the program: the task of the demo."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from .. import rng
from ..errors import ConfigError
from ..types import Problem, Verifier
from ..verify.answers.math import LastNumber
from ..verify.programs.code import PrintedAnswer
from ..verify.shaping.compose import Weighted
from ..verify.shaping.partial_credit import NumberPrinted, ProgramFailed
from .split import split
from .task import Task, Template

_LARGEST_OPERAND = 10**9

Style = Literal["number", "program"]
USER_TURNS: dict[Style, str] = {
    "number": "{prompt}",
    "program": (
        "{prompt} Answer with one line of Python in a ```python block, a print of the expression."
    ),
}
"""The user's turn of each style."""
PARTIAL_WEIGHT = 0.1
"""Weight of a partial result, beside 1 for the answer."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Problems such as "What is 47 + 56?", answered with the number, or with a line of Python that
    prints it and is run in the sandbox.

    All problems of the range, or, where there are more than `problems`, a sample of them. 47 + 56
    and 56 + 47 are on the same side of the split. The default range has 8,100 problems, about 810
    of them held out.
    """

    operators: tuple[str, ...] = ("+",)
    """Operators to ask about, of + - *."""
    low: int = 10
    """Smallest operand."""
    high: int = 99
    """Largest operand."""
    negative: bool = True
    """Allow answers below 0."""
    problems: int = 10_000
    """Most problems, training and held out together; a larger range is sampled."""
    heldout: float = 0.1
    """Held-out problems: below 1 a share of them, from 1 on a number of them."""
    seed: int = 0
    """Seed of the sample, where the range has more problems than task.problems."""
    question: str = "What is {a} {operator} {b}?"
    """Question, with {a}, {operator} and {b}."""
    system: str | None = None
    """System message before the question; None for none."""
    style: Style = "number"
    """Form of the answer: number, or program, a line of Python that prints the number."""
    user: str | None = None
    """The user's turn, with {prompt} where the question goes; None takes the style's own."""
    allow_cut: bool = False
    """Also pay completions that were cut by their length."""

    def load(self) -> Task:
        """The task; milliseconds.

        Raises: ConfigError for unknown operators, an empty range or a range without a fitting
            problem.
        """
        self._check()
        found = [self._problem(*triple) for triple in self._triples()]
        if not found:
            raise ConfigError(
                f"No problem with {' '.join(self.operators)} from {self.low} to {self.high} has an "
                "answer of 0 or more; set task.negative=true."
            )
        train, heldout = split(found, self.heldout, _same_side)
        template = Template(self.system, self.user or USER_TURNS[self.style])
        if self.style == "program":
            return Task(
                "arithmetic", train, heldout, template, self._by_program(), gold=_as_program,
                full=1.0 + PARTIAL_WEIGHT,
            )  # fmt: skip
        verifier = LastNumber(self.allow_cut)
        return Task("arithmetic", train, heldout, template, verifier, gold=_in_words)

    def _by_program(self) -> Verifier:
        """A verifier of the program's output, with a little for one that prints any number."""
        cut = self.allow_cut
        return Weighted(
            (
                ("accuracy", PrintedAnswer("fence", allow_cut=cut), 1.0),
                ("number", NumberPrinted("fence", allow_cut=cut), PARTIAL_WEIGHT),
                ("failed", ProgramFailed("fence", allow_cut=cut), PARTIAL_WEIGHT),
            )
        )

    def _check(self) -> None:
        if self.style not in get_args(Style):
            raise ConfigError(f"task.style is '{self.style}'; it is {' or '.join(USER_TURNS)}.")
        wrong = [operator for operator in self.operators if operator not in ("+", "-", "*")]
        if wrong or not self.operators or len(set(self.operators)) < len(self.operators):
            raise ConfigError(
                f"task.operators is ({', '.join(self.operators)}); it takes +, - and *, each once."
            )
        if self.low > self.high or max(abs(self.low), abs(self.high)) > _LARGEST_OPERAND:
            raise ConfigError(
                f"task.low is {self.low} and task.high is {self.high}; low must not be above "
                f"high, and neither beyond {_LARGEST_OPERAND:,}."
            )
        if self.problems < 1:
            raise ConfigError(f"task.problems is {self.problems}; it must be at least 1.")
        if missing := [f for f in ("{a}", "{operator}", "{b}") if f not in self.question]:
            raise ConfigError(f"task.question has no {' and no '.join(missing)}.")

    def _triples(self) -> list[tuple[int, str, int]]:
        """Operands and operators, all different, in an order that does not depend on their
        size."""
        count = self.high - self.low + 1
        everything = len(self.operators) * count**2
        stream = rng.key(self.seed, "arithmetic")
        # A space not much larger than the sample is listed, so that no draw is in vain for long.
        if everything <= 4 * self.problems:
            span = range(self.low, self.high + 1)
            every = [(a, o, b) for o in self.operators for a in span for b in span]
            fitting = [triple for triple in every if self._fits(*triple)]
            order = rng.permutation(stream, len(fitting))
            return [fitting[i] for i in order[: self.problems]]
        return list(self._drawn(stream))

    def _drawn(self, stream: int) -> Iterator[tuple[int, str, int]]:
        seen: set[tuple[int, str, int]] = set()
        for i in range(64 * self.problems):
            operator = rng.choice(stream, 3 * i, self.operators)
            a = rng.integer(stream, 3 * i + 1, self.low, self.high)
            b = rng.integer(stream, 3 * i + 2, self.low, self.high)
            if (a, operator, b) not in seen and self._fits(a, operator, b):
                seen.add((a, operator, b))
                yield a, operator, b
            if len(seen) == self.problems:
                return

    def _fits(self, a: int, operator: str, b: int) -> bool:
        return self.negative or _value(a, operator, b) >= 0

    def _problem(self, a: int, operator: str, b: int) -> Problem:
        prompt = self.question
        for field, value in (("{a}", str(a)), ("{operator}", operator), ("{b}", str(b))):
            prompt = prompt.replace(field, value)
        data = {"a": a, "operator": operator, "b": b}
        return Problem(f"{a}{operator}{b}", prompt, str(_value(a, operator, b)), data)


def _in_words(problem: Problem) -> str:
    a, operator, b = problem.data.values()
    return f"{a} {operator} {b} = {problem.answer}"


def _as_program(problem: Problem) -> str:
    a, operator, b = problem.data.values()
    return f"```python\nprint({a} {operator} {b})\n```"


def _value(a: int, operator: str, b: int) -> int:
    return a + b if operator == "+" else a - b if operator == "-" else a * b


def _same_side(problem: Problem) -> str:
    a, operator, b = problem.data.values()
    return f"{b}{operator}{a}" if operator != "-" and b < a else f"{a}{operator}{b}"
