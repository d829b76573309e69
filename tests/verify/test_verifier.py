"""Calling verifiers, and the adapters for functions of other trainers."""

import math
import pickle
import sys
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem, Verdict
from paceline.verify import FromColumns, FromScore, LastNumber, adapt, judge

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


# -- adapters ----------


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
        "The reward 'reward' (test_verifier.py) wants the column 'ground_truth', but problem p7 "
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


def test_a_plain_function_and_a_verifier_pass_as_they_are() -> None:
    plain, verifier = returns(1.0), LastNumber()
    assert adapt(plain) is plain
    assert adapt(verifier) is verifier


def test_other_signatures_and_classes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'<lambda>' .* takes \(one\), and the names decide "):
        adapt(lambda one: 1.0)
    with pytest.raises(ConfigError, match="'LastNumber' is a class"):
        adapt(LastNumber)


def test_adapters_are_values() -> None:
    assert FromScore(compute_score) == adapt(compute_score)
    assert pickle.loads(pickle.dumps(FromColumns(math.fsum))) == FromColumns(math.fsum)
    assert judge(returns(Fraction(1, 2)), PROBLEM, COMPLETION).reward == 0.5
