"""The nouns that every room shares, and the protocols of those who judge."""

import dataclasses

import pytest

from paceline import types
from paceline.types import (
    BatchVerifier,
    Completion,
    Composed,
    Problem,
    Prompt,
    Round,
    Verdict,
    Verifier,
)
from paceline.verify import LastNumber, Weighted, judge
from tests.helpers.rounds import group_of


def test_records_are_frozen_and_slotted():
    records = [kind for kind in vars(types).values() if dataclasses.is_dataclass(kind)]
    assert len(records) == 8
    for kind in records:
        assert kind.__dataclass_params__.frozen and "__slots__" in vars(kind), kind


def test_a_problem_is_named_with_its_row_which_makes_no_other_problem():
    problem = Problem("3f9a", "What is 47 + 56?", "103", row="row 17")
    assert problem.name == "3f9a (row 17)" and problem == Problem("3f9a", problem.prompt, "103")
    assert Problem("3f9a", "?").name == "3f9a"


def test_a_problem_of_several_turns_is_told_whole_or_by_its_last():
    turns = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"})
    problem = Problem("p", turns)
    assert (problem.text, problem.question) == ("Be brief.\n1 + 1?", "1 + 1?")
    plain = Problem("p", "1 + 1?")
    assert plain.text == plain.question == "1 + 1?"


def test_a_prompt_is_as_long_as_its_tokens():
    assert len(Prompt((1, 36, 47, 2))) == 4


def test_a_turn_begins_with_what_the_prompt_opened():
    answer = Completion((5,), (-0.1,), "so 103</think>", "stop", opened="<think>\n")
    assert answer.turn == "<think>\nso 103</think>"
    for opened in ("", None):
        assert dataclasses.replace(answer, opened=opened).turn == answer.text


@pytest.mark.parametrize(
    ("reward", "correct", "solved"),
    [
        (1.0, None, True), (1.2, None, True), (0.99, None, False), (0.0, True, True),
        (1.0, False, False),
    ],
)  # fmt: skip
def test_what_is_solved_is_what_the_verifier_says_or_a_full_reward(reward, correct, solved):
    assert Verdict(reward, correct=correct).solved is solved


def rows(*rewards: float, tokens: int = 2):
    return [((7,) * tokens, (-0.5,) * tokens, reward) for reward in rewards]


def test_a_group_has_signal_where_rewards_differ():
    group = group_of((5, 6), rows(0.0, 1.0))
    assert group.prompt_ids == (5, 6) and group.rewards == (0.0, 1.0) and group.has_signal
    assert not group_of((5,), rows(1.0, 1.0, 1.0)).has_signal


def test_the_columns_of_a_round_run_over_all_rollouts_in_order():
    first, second = group_of((5,), rows(1.0, 2.0)), group_of((6,), rows(3.0, tokens=4), draw=1)
    round = Round(0, (first, second))
    assert round.rollouts == (*first.rollouts, *second.rollouts)
    assert round.rewards == (1.0, 2.0, 3.0) == round.returns
    assert (round.group_of, round.lengths) == ((0, 0, 1), (2, 2, 4))
    # 2 − (0.25 + 0.5), and a penalty that is negative.
    held = dataclasses.replace(round, penalty=((0.0, 0.0), (0.25, 0.5), (-1.0, 0.0, 0.0, 0.0)))
    assert held.returns == (1.0, 1.25, 4.0) and held.rewards == round.rewards


def test_a_function_is_a_verifier_and_one_of_many_completions_is_another():
    class Many:
        def batch(self, problems, completions):
            return [0.0] * len(completions)

    def mine(problem, completion):
        return 1.0

    assert isinstance(mine, Verifier) and not isinstance(mine, BatchVerifier)
    assert isinstance(Many(), BatchVerifier) and not isinstance(Many(), Verifier)
    assert isinstance(LastNumber(), Verifier) and not isinstance(LastNumber(), Composed)
    assert isinstance(Weighted((("answer", LastNumber(), 1.0),)), Composed)


class Mean:
    """The example of `Composed`: of two, the second is asked where the first is satisfied."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    @property
    def verifiers(self):
        return self.first, self.second

    def asking(self):
        first = yield self.first
        if not first.solved:
            return first
        second = yield self.second
        return Verdict((first.reward + second.reward) / 2)


def test_one_made_of_others_says_which_to_ask():
    asked = []

    def half(problem, completion):
        asked.append(completion.text)
        return 0.5

    both = Mean(LastNumber(), half)
    problem = Problem("p", "?", "42")
    assert isinstance(both, Composed)
    right, wrong = (Completion((), (), text, "stop") for text in ("42", "41"))
    assert judge(both, problem, right).reward == 0.75
    assert judge(both, problem, wrong).reward == 0.0 and asked == ["42"]
