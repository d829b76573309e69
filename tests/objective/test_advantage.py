"""Advantages against numbers worked by hand. Letters: B rows, T tokens."""

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import (
    BatchZScore,
    Center,
    GroupThenBatch,
    LeaveOneOut,
    LengthWeighted,
    ReturnToGo,
    Reward,
    ZScore,
)
from tests.helpers.rounds import make_round

GROUP_RELATIVE = [ZScore(), Center(), LeaveOneOut(), LengthWeighted(), GroupThenBatch()]


def exactly(actual, *expected):
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_reward_is_the_reward():
    exactly(Reward()(make_round([[1, 0], [0.5]])), 1, 0, 0.5)


def test_zscore_of_1_2_3_is_minus_1_0_1():
    # mean 2, sample standard deviation 1
    exactly(ZScore(eps=0.0)(make_round([[1, 2, 3]])), -1, 0, 1)
    # and with eps = 1e-4: ∓1/1.0001
    exactly(ZScore()(make_round([[1, 2, 3]])), -1 / 1.0001, 0, 1 / 1.0001)


def test_zscore_ddof_0_takes_the_population_deviation():
    # rewards 1, 0, 0, 0: mean 1/4, population variance 3/16, deviation √3/4
    s = 3**0.5 / 4
    exactly(ZScore(ddof=0, eps=0.0)(make_round([[1, 0, 0, 0]])), 0.75 / s, *([-0.25 / s] * 3))


def test_center_over_ragged_groups():
    # means 2/4, 5/2
    exactly(Center()(make_round([[1, 0, 0, 1], [2, 3]])), 0.5, -0.5, -0.5, 0.5, -0.5, 0.5)


def test_leave_one_out():
    # 1 − 0; 0 − 1/2; 0 − 1/2 | 4 − 2; 2 − 4
    exactly(LeaveOneOut()(make_round([[1, 0, 0], [4, 2]])), 1, -0.5, -0.5, 2, -2)


def test_length_weighted_baseline_counts_tokens():
    # 30 tokens with reward 1 and 10 with 0: baseline 30/40
    round = make_round([[1, 0]], lengths=[[30, 10]])
    exactly(LengthWeighted()(round), 0.25, -0.75)


def test_length_weighted_counts_only_tokens_that_the_model_sampled():
    # 1 of the first row's 3 tokens was sampled, and 3 of the second's: baseline 1/4
    round = make_round(
        [[1, 0]], lengths=[[3, 3]], sampled=[(True, False, False), (True, True, True)]
    )
    exactly(LengthWeighted()(round), 0.75, -0.25)


def test_batch_zscore_ignores_groups():
    # rewards 0, 0, 3, 3: mean 1.5, population deviation 1.5
    exactly(BatchZScore(eps=0.0)(make_round([[0, 0, 3], [3]])), -1, -1, 1, 1)
    # sample deviation: √(4·2.25/3) = √3
    a = 1.5 / 3**0.5
    exactly(BatchZScore(ddof=1, eps=0.0)(make_round([[0, 0, 3], [3]])), -a, -a, a, a)


def test_group_then_batch():
    # centred: −1, 1 | −2, 2 ; population variance (1+1+4+4)/4 = 2.5
    s = 2.5**0.5
    exactly(GroupThenBatch(eps=0.0)(make_round([[0, 2], [0, 4]])), -1 / s, 1 / s, -2 / s, 2 / s)


@pytest.mark.parametrize("advantage", GROUP_RELATIVE, ids=repr)
def test_equal_rewards_are_exactly_zero_and_the_rest_is_not(advantage):
    # 0.1 less the mean of three times 0.1 is 1.4e-17 in floating point
    a_B = advantage(make_round([[0.1, 0.1, 0.1], [1, 0], [0.7]]))
    assert a_B.tolist()[:3] == [0, 0, 0]
    assert a_B[3] > 0 > a_B[4]
    assert a_B[5] == 0  # a group of one


@pytest.mark.parametrize("advantage", [*GROUP_RELATIVE, BatchZScore()], ids=repr)
def test_a_round_without_any_difference_is_exactly_zero(advantage):
    assert advantage(make_round([[0.1, 0.1, 0.1], [0.1]])).tolist() == [0, 0, 0, 0]
    assert advantage(make_round([[0.3]])).tolist() == [0]


def test_group_relative_advantages_follow_the_returns_not_the_rewards():
    # equal rewards of 1; penalties of 0.5 and 0 in all: returns 0.5 and 1
    round = make_round([[1, 1]], penalty=((0.25, 0.25), (0.1, -0.1)))
    exactly(Center()(round), -0.25, 0.25)


def test_return_to_go_takes_the_penalties_from_the_token_on():
    # Row 0: r = 1, penalties 0.1, 0.3  -> 0.6, 0.7 ; row 1: r = 0, penalty 0.2 -> -0.2
    round = make_round([[1, 0]], lengths=[[2, 1]], penalty=((0.1, 0.3), (0.2,)))
    a_BT = ReturnToGo(eps=0.0)(round)
    mean = (0.6 + 0.7 - 0.2) / 3
    s = (((0.6 - mean) ** 2 + (0.7 - mean) ** 2 + (-0.2 - mean) ** 2) / 3) ** 0.5
    exactly(a_BT[0], (0.6 - mean) / s, (0.7 - mean) / s)
    exactly(a_BT[1], (-0.2 - mean) / s, 0)


def test_return_to_go_weighs_rows_by_their_tokens():
    # Three tokens of 1 and one of 0: mean 3/4, deviation √3/4
    round = make_round([[1, 0]], lengths=[[3, 1]])
    up, down = 0.25 / (3**0.5 / 4), -0.75 / (3**0.5 / 4)
    a_BT = ReturnToGo(eps=0.0)(round)
    exactly(a_BT[0], up, up, up)
    exactly(a_BT[1], down, 0, 0)


def test_return_to_go_leaves_out_tokens_that_the_model_did_not_sample():
    # The middle token is a tool's, whatever its penalty. Sampled are 1, 1 and 0, 0: mean 1/2 and
    # deviation 1/2.
    round = make_round(
        [[1, 0]],
        lengths=[[3, 2]],
        sampled=[(True, False, True), (True, True)],
        penalty=((0, 77, 0), (0, 0)),
    )
    a_BT = ReturnToGo(eps=0.0)(round)
    exactly(a_BT[0], 1, 0, 1)
    exactly(a_BT[1], -1, -1, 0)


def test_an_empty_round_has_no_advantages():
    for advantage in [*GROUP_RELATIVE, Reward(), BatchZScore()]:
        assert advantage(make_round([])).tolist() == []


@pytest.mark.parametrize("make", [ZScore, BatchZScore, GroupThenBatch, ReturnToGo])
def test_impossible_scales_are_refused(make):
    with pytest.raises(ConfigError, match="ddof 0"):
        make(ddof=2)
    with pytest.raises(ConfigError, match="eps"):
        make(eps=-1e-4)
