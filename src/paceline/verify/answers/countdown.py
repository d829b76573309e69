"""Equations over given numbers, read by a parser of their own: nothing is evaluated as code."""

import ast
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from ...errors import RewardError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase, verdict
from .form import Form, check_form, one_answer

MAX_EQUATION = 200
"""Most characters of an equation."""


@dataclass(frozen=True, slots=True)
class Equation(VerifierBase):
    """1 if the answer is an expression with +, -, *, / and brackets that uses every number of the
    problem's `nums` exactly once and equals its `target`, else 0. Exact, in fractions.

    A right-hand side, "= 46", may follow if it is the target.
    """

    form: Form = "tag"
    """The place of the answer: text (all of it), tag, boxed, or hashes (behind "####")."""
    tag: str = "answer"
    """The tag's name, for form="tag"."""
    allow_cut: bool = False
    """Let a completion that was cut by its length score."""

    def __post_init__(self) -> None:
        check_form(self.form)

    def check_problem(self, problem: Problem) -> None:
        _given(problem)

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        given, target = _given(problem)
        answer, reason = one_answer(completion, self.form, self.tag, allow_cut=self.allow_cut)
        if answer is None:
            return verdict(False, reason)
        left, equals, right = answer.partition("=")
        if equals and right.strip() != str(target):
            return verdict(False, "another right-hand side than the target")
        found = value_of(left)
        if found is None:
            return verdict(False, "the answer is no equation")
        value, used = found
        if used != given:
            return verdict(False, "not each number exactly once")
        right_value = value == target
        reason = "the equation holds" if right_value else "another value than the target"
        return verdict(right_value, reason)


def _given(problem: Problem) -> tuple[Counter[int], int]:
    """A problem's numbers and target. Raises: RewardError if its row has none."""
    try:
        return Counter(map(int, problem.data["nums"])), int(problem.data["target"])
    except (KeyError, TypeError, ValueError):
        raise RewardError(
            f"Problem {problem.name} has no whole numbers in its columns nums and target."
        ) from None


def value_of(text: str) -> tuple[Fraction, Counter[int]] | None:
    """The exact value of an expression, and the numbers in it; None if it is not an expression, or
    divides by zero."""
    text = text.strip().replace("×", "*").replace("÷", "/").replace("−", "-")
    if not text or len(text) > MAX_EQUATION or set(text) - set("0123456789+-*/() "):
        return None
    try:
        tree = ast.parse(text, mode="eval").body
        used = Counter[int]()
        return _value(tree, used), used
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, used: Counter[int]) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        used[node.value] += 1
        return Fraction(node.value)
    if isinstance(node, ast.BinOp):
        a, b = _value(node.left, used), _value(node.right, used)
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        if isinstance(node.op, ast.Mult):
            return a * b
        if isinstance(node.op, ast.Div):
            return a / b
    raise ValueError("no such operation")
