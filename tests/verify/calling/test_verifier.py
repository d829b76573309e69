"""Calling verifiers, and what their answers may be."""

import asyncio
import math
import sys
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from paceline.errors import RewardError
from paceline.types import Completion, Problem, Verdict
from paceline.verify import judge
from tests.helpers.rewards import later, said

PROBLEM = Problem("p7", "What is 47 + 56?", "103", {"a": 47, "solution": "one hundred"})
COMPLETION = Completion((5, 6, 2), (-0.1, -0.2, -0.3), "It is 103", "stop")


def returns(value: Any) -> Any:
    def my_reward(problem: Problem, completion: Completion) -> Any:
        return value

    return my_reward


@pytest.mark.parametrize(
    ("value", "reward"),
    [
        (0.25, 0.25), (1, 1.0), (True, 1.0), (-2, -2.0), (Decimal("0.5"), 0.5),
        (np.float32(0.5), 0.5), (np.bool_(True), 1.0), (np.bool_(False), 0.0), (np.int8(-3), -3.0),
        (np.array(0.5), 0.5), (np.array(True), 1.0), (np.longdouble(0.5), 0.5),
        (torch.tensor(0.5), 0.5), (torch.tensor(True), 1.0), (torch.tensor(2), 2.0),
    ],
)  # fmt: skip
def test_a_number_becomes_a_verdict(value: Any, reward: float) -> None:
    verdict = judge(returns(value), PROBLEM, COMPLETION)
    assert (type(verdict.reward), verdict.reward) == (float, reward)
    assert verdict.reason == "scored by 'my_reward' (test_verifier.py)"
    assert verdict.solved == (reward >= 1)


def test_a_verdict_passes_as_it_is() -> None:
    given = Verdict(1.5, {"answer": 1.0}, "because", False)
    assert judge(returns(given), PROBLEM, COMPLETION) == given


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        ("1", "a value of type str"),
        ([1.0], "a value of type list"),
        (1j, "a value of type complex"),
        (np.complex64(1), "a value of type complex64"),
        (np.array([1.0]), "a value of type ndarray"),
        (np.array("1"), "a value of type ndarray"),
        (np.float32("nan"), "nan"),
        (np.array(np.inf), "inf"),
        (Decimal("nan"), "nan"),
        (Decimal("1e999"), "inf"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (10**400, "inf"),
        (Verdict(math.nan), "nan"),
        (Verdict(1.0, {"answer": -math.inf}), "-inf"),
    ],
)
def test_anything_else_is_refused_with_one_sentence(value: Any, shown: str) -> None:
    with pytest.raises(RewardError) as refused:
        judge(returns(value), PROBLEM, COMPLETION)
    assert str(refused.value) == (
        f"The reward 'my_reward' (test_verifier.py) returned {shown} for problem p7; "
        "it must return a finite number or a Verdict."
    )
    assert refused.value.exit_code == 4


def test_a_verifier_that_raises_is_named_and_its_exception_is_the_cause() -> None:
    def divides(problem: Problem, completion: Completion) -> float:
        return 1 / (problem.data["a"] - 47)

    with pytest.raises(RewardError) as refused:
        judge(partial(divides), PROBLEM, COMPLETION)
    assert str(refused.value) == (
        "The reward 'divides' (test_verifier.py) raised ZeroDivisionError on problem p7: "
        "division by zero."
    )
    assert isinstance(refused.value.__cause__, ZeroDivisionError)


def test_numpys_values_in_a_verdict_are_pythons() -> None:
    given = Verdict(np.float32(1.5), {"answer": np.bool_(True)}, "because", np.bool_(False))
    verdict = judge(returns(given), PROBLEM, COMPLETION)
    assert verdict == Verdict(1.5, {"answer": 1.0}, "because", False)
    assert type(verdict.correct) is bool and type(verdict.parts["answer"]) is float


def test_an_exit_is_told_and_ends_nothing() -> None:
    def exits(problem: Problem, completion: Completion) -> float:
        sys.exit("no model here")

    with pytest.raises(RewardError) as refused:
        judge(exits, PROBLEM, COMPLETION)
    assert str(refused.value) == (
        "The reward 'exits' (test_verifier.py) called sys.exit(no model here) on problem p7, which "
        "would end the run; return a number, or raise an error that says what is wrong."
    )


def test_a_reason_has_an_end() -> None:
    # 500 characters, the last two of them a space and an ellipsis.
    long = judge(returns(Verdict(1.0, {}, "x" * 60_000)), PROBLEM, COMPLETION)
    assert long.reason == "x" * 498 + " …"
    kept = judge(returns(Verdict(1.0, {}, "x" * 500)), PROBLEM, COMPLETION)
    assert kept.reason == "x" * 500


def test_an_interrupt_is_no_fault_of_the_verifier() -> None:
    def stops(problem: Problem, completion: Completion) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(stops, PROBLEM, COMPLETION)


# A notebook ---------------------------------------------------------------------------------------


async def many_later(problems, completions):
    return [await later(c, p) for p, c in zip(problems, completions, strict=True)]


class LaterOf:
    async def batch(self, problems, completions):
        return await many_later(problems, completions)


@pytest.mark.parametrize("function", [later, many_later, LaterOf(), lambda p, c: later(c, p)])
def test_async_functions_have_a_loop_also_where_one_is_running(function):
    async def cell():
        return said(function)

    assert said(function) == asyncio.run(cell()) == 0.5


def test_what_an_async_function_raises_in_a_running_loop_is_its_own():
    async def fails(problem, completion):
        raise KeyError("no such column")

    async def cell():
        return said(fails)

    with pytest.raises(RewardError, match=r"raised KeyError on problem p: 'no such column'"):
        asyncio.run(cell())
