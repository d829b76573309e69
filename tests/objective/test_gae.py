"""Advantages of a critic against numbers worked by hand. Letters: B rows, T tokens."""

import math

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import (
    Gae,
    LengthAdaptive,
    Objective,
    Reward,
    Sum,
    Whiten,
    discount_of,
    named,
)
from tests.helpers.rounds import make_round

NAN = math.nan


def exactly(actual, *expected):
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_gae_by_hand():
    # gamma 0.5, lam 0.5; row 0: V = 1, 2, 3, r = 4 on the last token:
    #   δ2 = 4 − 3 = 1              A2 = 1
    #   δ1 = 0.5·3 − 2 = −0.5       A1 = −0.5 + 0.25·1 = −0.25
    #   δ0 = 0.5·2 − 1 = 0          A0 = 0 + 0.25·(−0.25) = −0.0625
    # row 1: V = 1, r = 0: A0 = −1
    round = make_round([[4, 0]], lengths=[[3, 1]], values=((1, 2, 3), (1,)))
    a_BT = Gae(0.5, 0.5)(round)
    exactly(a_BT[0], -0.0625, -0.25, 1)
    exactly(a_BT[1], -1, 0, 0)


def test_gae_at_gamma_and_lam_1_is_the_return_to_go_less_the_value():
    # penalties 0.1, 0.2, r = 1: returns to go 0.7, 0.8; values 0.5, 0.5
    round = make_round([[1]], values=((0.5, 0.5),), penalty=((0.1, 0.2),))
    exactly(Gae()(round)[0], 0.2, 0.3)


def test_gae_steps_over_tokens_that_the_model_did_not_sample():
    # As if the row were V = 1, 2 with r = 4: A1 = 4 − 2, A0 = 0.5·2 − 1 + 0.25·2
    round = make_round(
        [[4]],
        lengths=[[4]],
        sampled=[(True, False, True, False)],
        values=((1, 77, 2, 77),),
        penalty=((0, 77, 0, 77),),
    )
    exactly(Gae(0.5, 0.5)(round)[0], 0.5, 0, 2, 0)


def test_gae_without_a_critic_says_so():
    with pytest.raises(ValueError, match="critic"):
        Gae()(make_round([[1, 0]]))


def test_gae_outside_its_range_is_refused():
    with pytest.raises(ConfigError, match="gamma"):
        Gae(1.1, 1.0)
    with pytest.raises(ConfigError, match="lam"):
        Gae(1.0, -0.1)


# Three sampled tokens with V = 0.5, 0.25, 0.75 and a reward of 1, gamma 1, and a tool's turn of two
# tokens behind the first of them. δ2 = 1 − 0.75, δ1 = 0.75 − 0.25, δ0 = 0.25 − 0.5.
@pytest.mark.parametrize(
    ("lam", "expected"),
    [
        (0.0, (-0.25, 0.5, 0.25)),
        # A1 = 0.5 + 0.25/2, A0 = −0.25 + 0.625/2
        (0.5, (0.0625, 0.625, 0.25)),
        # the return less V
        (1.0, (0.5, 0.75, 0.25)),
    ],
)
@pytest.mark.parametrize("garbage", [77.0, NAN, math.inf])
def test_three_tokens_by_hand_around_a_tools_turn(lam, expected, garbage):
    round = make_round(
        [[1, 0]],
        lengths=[[5, 1]],
        sampled=[(True, False, False, True, True), (True,)],
        values=((0.5, garbage, garbage, 0.25, 0.75), (0.0,)),
        penalty=((0, garbage, garbage, 0, 0), (0,)),
    )
    first, second, third = expected
    exactly(Gae(1.0, lam)(round)[0], first, 0, 0, second, third)


def test_the_reward_stands_on_the_last_sampled_token_also_of_a_row_that_ends_in_a_tools_turn():
    # As V = 0.5 alone with r = 1, whatever the critic says behind it.
    round = make_round([[1]], [[2]], sampled=[(True, False)], values=((0.5, 9.0),))
    for lam in (0.0, 0.5, 1.0):
        exactly(Gae(1.0, lam)(round)[0], 0.5, 0)


def test_a_short_cut_row_beside_a_long_one_has_its_reward_on_its_own_last_token():
    round = make_round([[1, 1]], [[1, 3]], values=((0.25,), (0.5, 0.5, 0.5)))
    a_BT = Gae(1.0, 0.0)(round)
    exactly(a_BT[0], 0.75, 0, 0)
    exactly(a_BT[1], 0, 0, 0.5)


def test_length_adaptive_by_hand_and_clamped():
    # 1 − 1/(0.05·T): T = 10 would give −1, T = 20 gives 0, T = 40 gives 1/2
    exactly(LengthAdaptive(0.05)(torch.tensor([1, 10, 20, 40, 100])), 0, 0, 0, 0.5, 0.8)


def test_length_adaptive_counts_the_tokens_that_were_sampled():
    # alpha = 1/2: rows of 4 and 2 sampled tokens, λ = 1 − 2/4 and 1 − 2/2.
    round = make_round(
        [[1, 1]],
        [[4, 3]],
        sampled=[(True,) * 4, (True, False, True)],
        values=((0.0,) * 4, (0.0,) * 3),
    )
    a_BT = Gae(1.0, LengthAdaptive(0.5))(round)
    exactly(a_BT[0], 0.125, 0.25, 0.5, 1)
    exactly(a_BT[1], 0, 0, 1, 0)


def test_length_adaptive_of_a_row_without_a_sampled_token():
    round = make_round([[1, 1]], [[1, 1]], sampled=[(False,), (True,)], values=((3.0,), (0.5,)))
    assert Gae(1.0, LengthAdaptive())(round).tolist() == [[0.0], [0.5]]


def test_an_alpha_that_gives_no_lambda_is_refused():
    for alpha in (0.0, -1.0, math.nan):
        with pytest.raises(ConfigError, match="alpha"):
            LengthAdaptive(alpha)


def in_a_loop(row, gamma, lam):
    """A of one row's sampled tokens from (V, penalty) of each and its reward, as eq. 16 has it:
    a sum of the later errors, each discounted by its distance."""
    values, penalties, reward = row
    n = len(values)
    rewards = [-p for p in penalties]
    rewards[-1] += reward
    deltas = [
        rewards[t] + gamma * (values[t + 1] if t + 1 < n else 0.0) - values[t] for t in range(n)
    ]
    return [sum((gamma * lam) ** (s - t) * deltas[s] for s in range(t, n)) for t in range(n)]


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("lam", [0.0, 0.7, 1.0, LengthAdaptive(0.6)], ids=repr)
def test_it_is_the_sum_of_the_later_errors(gamma, lam):
    generator = torch.Generator().manual_seed(7)
    lengths = [4, 1, 6, 3]
    rewards = [0.5, 1.0, -0.25, 0.0]
    values, penalty = (
        tuple(tuple(torch.randn(n, generator=generator).double().tolist()) for n in lengths)
        for _ in range(2)
    )
    # The second token of the first row and the last of the third are a tool's.
    sampled = [[True] * n for n in lengths]
    sampled[0][1] = sampled[2][5] = False
    round = make_round([rewards], [lengths], sampled=sampled, values=values, penalty=penalty)
    a_BT = Gae(gamma, lam)(round)
    for i, n in enumerate(lengths):
        own = [t for t in range(n) if sampled[i][t]]
        fixed = lam if isinstance(lam, float) else max(0.0, 1 - 1 / (0.6 * len(own)))
        row = ([values[i][t] for t in own], [penalty[i][t] for t in own], rewards[i])
        expected = [0.0] * 6
        for t, a in zip(own, in_a_loop(row, gamma, fixed), strict=True):
            expected[t] = a
        exactly(a_BT[i], *expected)


def test_at_lam_1_it_telescopes_to_the_return_less_the_value_whatever_the_critic_says():
    round = make_round([[1, 0]], [[3, 2]], values=((9.0, -4.0, 0.3), (2.0, -1.0)))
    exactly(Gae()(round)[0], -8, 5, 0.7)
    exactly(Gae()(round)[1], -2, 1, 0)


def test_the_discount_of_an_objective_is_that_of_its_gae_however_deep_it_stands():
    assert discount_of(named.ppo(gamma=0.9)) == discount_of(named.vapo(gamma=0.9)) == 0.9
    assert discount_of(Objective(advantage=Sum(Reward(), Whiten(Gae(0.5))))) == 0.5
    assert discount_of(named.grpo()) == discount_of(lambda round: None) == 1.0
