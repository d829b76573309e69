"""Equations over given numbers are read exactly."""

from collections import Counter
from fractions import Fraction

import pytest

from paceline.errors import RewardError
from paceline.types import Completion, Problem
from paceline.verify.answers.countdown import Equation, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 / 2", Fraction(7, 2)), ("3 − 5", -2),
        ("6 ÷ 3 × 2", 4), ("1/0", None), ("2 ** 3", None), ("2^3", None), ("x + 1", None),
        ("__import__('os')", None), ("", None), ("1 +", None), ("-3", None), ("1_0 + 2", None),
        ("(" * 90, None), ("1" * 201, None), ("9//2", None), ("1.5 + 1", None), ("0x10", None),
    ],
)  # fmt: skip
def test_expressions_are_read_and_nothing_else_is(text, value):
    found = value_of(text)
    assert (found[0] if found else None) == value


def test_the_numbers_are_counted():
    assert value_of("3 + 3 * 7") == (24, Counter({3: 2, 7: 1}))


def judged(answer, nums=(3, 7, 25), target=46):
    problem = Problem("p", "?", str(target), {"nums": list(nums), "target": target})
    text = f"<think>so</think><answer>{answer}</answer>"
    return Equation()(problem, Completion((), (), text, "stop"))


def test_what_pays_and_what_does_not():
    assert judged("25 + 7 * 3").reward == 1.0
    assert judged("25 + 3 * 7 = 46").reward == 1.0
    for wrong, reason in (
        ("25 + 7 * 3 = 45", "right-hand side"),
        ("25 + 7", "exactly once"),
        ("25 + 7 + 7 + 7", "exactly once"),
        ("46", "exactly once"),
        ("25 * 7 * 3", "another value"),
        ("25 + 7 * 3 = 46 = 46", "right-hand side"),
        ("the answer is 46", "no equation"),
    ):
        verdict = judged(wrong)
        assert verdict.reward == 0.0 and reason in verdict.reason, wrong


def test_a_row_without_numbers_and_a_target_is_an_error():
    with pytest.raises(RewardError, match="nums and target"):
        Equation()(Problem("p", "?", "3", {}), Completion((), (), "1", "stop"))
