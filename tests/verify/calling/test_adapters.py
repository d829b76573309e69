"""Functions of other trainers as verifiers: what each is given, and what its answer means."""

import math
import pickle
from fractions import Fraction
from typing import Any

import pytest

from paceline.errors import RewardError
from paceline.types import Completion, Problem
from paceline.verify import FromColumns, FromScore, adapt, judge

PROBLEM = Problem("p7", "What is 47 + 56?", "103", {"a": 47, "solution": "one hundred"})
COMPLETION = Completion((5, 6, 2), (-0.1, -0.2, -0.3), "It is 103", "stop")


def returns(value: Any) -> Any:
    def my_reward(problem: Problem, completion: Completion) -> Any:
        return value

    return my_reward


def test_a_reward_of_lists_gets_lists_of_one_and_its_columns_by_name() -> None:
    seen: dict[str, Any] = {}

    def reward(completions: list[str], solution: list[str], **columns: Any) -> list[float]:
        seen.update(columns, completions=completions, solution=solution)
        return [0.5]

    assert judge(adapt(reward), PROBLEM, COMPLETION).reward == 0.5
    assert seen == {
        "completions": ["It is 103"],
        "solution": ["one hundred"],
        "prompts": ["What is 47 + 56?"],
        "completion_ids": [[5, 6, 2]],
        "answer": ["103"],
        "a": [47],
    }


def test_a_reward_of_lists_without_kwargs_gets_only_what_it_names() -> None:
    def reward(completions: list[str], answer: list[str]) -> list[float]:
        return [float(a in c) for c, a in zip(completions, answer, strict=True)]

    assert judge(adapt(reward), PROBLEM, COMPLETION).reward == 1.0


def test_a_reward_of_lists_gets_a_column_as_it_is() -> None:
    def reward(completions: list[str], answer: list[int]) -> list[float]:
        return [float(answer == [103])]

    problem = Problem("p", "?", "103", {"answer": 103})  # As rows with whole numbers give it.
    assert judge(adapt(reward), problem, COMPLETION).reward == 1.0


def test_where_the_prompt_is_messages_so_is_the_completion() -> None:
    def reward(prompts: Any, completions: Any) -> list[float]:
        assert prompts == [[{"role": "user", "content": "hello"}]]
        return [float(completions == [[{"role": "assistant", "content": "It is 103"}]])]

    problem = Problem("p", ({"role": "user", "content": "hello"},))
    assert judge(adapt(reward), problem, COMPLETION).reward == 1.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [([], "a list of 0"), ([1.0, 1.0], "a list of 2"), (1.0, "one float"), ("1", "a str of 1")],
)
def test_a_reward_of_lists_must_return_one_number_for_one_completion(
    value: Any, shown: str
) -> None:
    def reward(completions: list[str]) -> Any:
        return value

    with pytest.raises(RewardError, match=f"problem p7 it returned {shown}"):
        judge(adapt(reward), PROBLEM, COMPLETION)


def test_a_reward_of_lists_may_not_return_none_for_a_completion() -> None:
    def reward(completions: list[str]) -> Any:
        return [None]

    with pytest.raises(RewardError, match=r"'reward' .* returned None for problem p7"):
        judge(adapt(reward), PROBLEM, COMPLETION)


def test_a_missing_column_is_named() -> None:
    def reward(completions: list[str], ground_truth: list[str]) -> list[float]:
        return [1.0]

    with pytest.raises(RewardError) as refused:
        judge(adapt(reward), PROBLEM, COMPLETION)
    assert str(refused.value) == (
        "The reward 'reward' (test_adapters.py) wants the column 'ground_truth', but problem p7 "
        "has [answer, a, solution]."
    )


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None
) -> Any:
    return {"score": 0.5, "acc": ground_truth in solution_str, "source": data_source}


def test_a_compute_score_gets_its_four_arguments() -> None:
    problem = Problem("p", "?", "103", {"data_source": "sums", "extra_info": {"index": 3}})
    verdict = judge(adapt(compute_score), problem, COMPLETION)
    assert (verdict.reward, dict(verdict.parts), verdict.correct) == (0.5, {"acc": 1.0}, True)

    def second(data_source: str, solution_str: str, ground_truth: str, extra_info: Any) -> float:
        return 1.0 if (data_source, extra_info) == ("sums", {"index": 3}) else 0.0

    assert judge(adapt(second), problem, COMPLETION).reward == 1.0


def test_a_dictionary_without_a_score_is_refused() -> None:
    def score(solution_str: str, **rest: Any) -> Any:
        return {"reward": 1.0}

    with pytest.raises(RewardError, match=r"without 'score' for problem p7; it has \[reward\]"):
        judge(adapt(score), PROBLEM, COMPLETION)


def test_adapters_are_values() -> None:
    assert FromScore(compute_score) == adapt(compute_score)
    assert pickle.loads(pickle.dumps(FromColumns(math.fsum))) == FromColumns(math.fsum)
    assert judge(returns(Fraction(1, 2)), PROBLEM, COMPLETION).reward == 0.5
