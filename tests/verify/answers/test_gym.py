"""Answers that reasoning-gym scores."""

import pytest

from paceline.tasks import ReasoningGym
from paceline.types import Completion
from paceline.verify.answers.gym import GymAnswer

pytest.importorskip("reasoning_gym")


def test_an_answer_that_merely_contains_the_right_one_is_not_paid():
    # The usual scorer pays len(right) / len(said) for it, which a list of guesses collects.
    problem = ReasoningGym(dataset="leg_counting", problems=5, heldout=2).load().train[0]
    text = f"<answer>{problem.answer} or 9999</answer>"
    said = Completion((), (), text, "stop")
    assert GymAnswer("leg_counting")(problem, said).reward == 0.0
    assert 0 < GymAnswer("leg_counting", strict=False)(problem, said).reward < 1
