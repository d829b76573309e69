"""Rewards by name: gold answers of each form earn the full marks that the table says."""

from typing import Any

import pytest

from paceline.tasks import REWARDS
from paceline.tasks.rewards import NamedReward, in_form
from paceline.types import Completion, Problem
from paceline.verify import judge

ANSWERS = {"number": "7", "expression": "\\frac{1}{2}", "text": "B", "anything": "x"}


@pytest.mark.parametrize("name", [name for name, reward in REWARDS.items() if reward.gold])
def test_a_gold_answer_earns_full_marks_and_another_one_does_not(name: str) -> None:
    reward: NamedReward = REWARDS[name]
    answer, more = ANSWERS[reward.answer], {"choices": ["a", "b"]}
    problem = Problem("p", "?", answer, more)
    assert reward.gold is not None

    def paid(problem: Problem, text: Any) -> float:
        verifier = reward.make(allow_cut=False)
        return judge(verifier, problem, Completion((), (), text, "stop")).reward

    right = in_form(reward.gold, problem)
    assert paid(problem, right) == pytest.approx(reward.full)
    wrong = in_form(reward.gold, Problem("p", "?", "A" if answer == "B" else "8"))
    assert paid(problem, wrong) < reward.full


def test_a_problem_without_an_answer_has_no_gold_answer() -> None:
    assert in_form("#### {}", Problem("p", "?")) is None
