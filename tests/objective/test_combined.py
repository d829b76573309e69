"""Advantages made of others, against plain loops. Letters: B rows, T tokens."""

import copy
import math
import pickle
import statistics
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

import paceline.objective as room
from paceline.errors import ConfigError
from paceline.objective import (
    Center,
    Gae,
    Liked,
    LogProb,
    Objective,
    PerToken,
    Reward,
    Scores,
    SequenceRatio,
    Sum,
    Teacher,
    Tokens,
    Whiten,
    ZScore,
)
from tests.helpers.rounds import make_round

COLUMNS = {
    "values": ((0.25, 99.0, 0.5), (0.75,), (0.0, 0.1)),
    "ref": ((-1.0, 99.0, -2.0), (-0.5,), (-1.5, -3.0)),
    "anchor": ((-2.0, 99.0, -1.0), (-0.5,), (-1.0, -1.0)),
}


def a_round(**changes):
    """Rewards 1, 0 and 1; the second token of the first row is a tool's."""
    sampled = [(True, False, True), (True,), (True, True)]
    return make_round([[1, 0], [1]], [[3, 1], [2]], sampled=sampled, **{**COLUMNS, **changes})


def close(actual, expected):
    assert_close(actual, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


# Whiten ---------------------------------------------------------------------------------------


def test_whitened_over_the_sampled_tokens_with_the_populations_deviation():
    # r − V: 0.75, 0.5 | −0.75 | 1, 0.9
    a = [0.75, 0.5, -0.75, 1.0, 0.9]
    mean, s = statistics.mean(a), statistics.pstdev(a)
    w = [(x - mean) / (s + 1e-8) for x in a]
    close(Whiten(Gae())(a_round()), [[w[0], 0, w[1]], [w[2], 0, 0], [w[3], w[4], 0]])


def test_one_advantage_a_row_is_whitened_by_its_tokens():
    # Rewards 1, 1 | 0 | 1, 1 by token: mean 4/5, deviation 2/5
    up, down = 0.5, -2.0
    close(Whiten(Reward(), eps=0.0)(a_round()), [[up, 0, up], [down, 0, 0], [up, up, 0]])


def test_advantages_without_a_difference_whiten_to_exact_zeros():
    round = make_round([[0.3, 0.3]], values=((0.1, 0.1), (0.1, 0.1)))
    assert not Whiten(Gae())(round).any()


def test_whitening_has_an_eps_that_is_a_scale():
    for eps in (-1.0, math.nan):
        with pytest.raises(ConfigError, match="Whiten needs an eps"):
            Whiten(Gae(), eps)


# Liked ----------------------------------------------------------------------------------------


def test_solved_rows_get_mu_times_their_share_more():
    # 5 sampled tokens, 4 of them in solved rows: 0.1·5/4 on each of those
    close(Liked(Reward(), 0.1)(a_round()), [1.125, 0, 1.125])
    plus = 0.125
    a_BT = Liked(Gae(), 0.1)(a_round())
    close(a_BT, [[0.75 + plus, 0, 0.5 + plus], [-0.75, 0, 0], [1 + plus, 0.9 + plus, 0]])


def test_rows_that_do_not_train_are_in_neither_count():
    # The first row is masked: 3 tokens train, 2 of them in a solved row.
    round = a_round()
    first = round.groups[0]
    masked = replace(first, rollouts=(replace(first.rollouts[0], masked=True), first.rollouts[1]))
    round = replace(round, groups=(masked, round.groups[1]))
    close(Liked(Reward(), 0.1)(round)[1:], [0, 1 + 0.1 * 3 / 2])


def test_a_round_without_a_solved_row_adds_nothing():
    round = make_round([[0.5, 0]])
    assert Liked(Center())(round).tolist() == Center()(round).tolist()


def test_its_gradient_at_ratio_1_is_that_of_the_likelihood_of_solved_rows():
    # −μ/N⁺ Σ log π over the tokens of solved rows, added to the loss of the inner advantage.
    round, mu = a_round(), 0.3
    mask_BT = torch.tensor([[1, 0, 1], [1, 0, 0], [1, 1, 0]]).bool()
    logp_BT = torch.full((3, 3), -1.0, dtype=torch.float64).requires_grad_()

    def gradient(advantage):
        objective = Objective(advantage=advantage, surrogate=LogProb(), weight=PerToken())
        tokens = Tokens(
            mask_BT=mask_BT,
            anchor_BT=None,
            old_BT=None,
            ref_BT=None,
            advantage_BT=objective.advantages(round, torch.float64),
            weight_BT=objective.weights(mask_BT, torch.tensor([0, 0, 1]), torch.float64),
        )
        loss = objective.value(Scores(logp_BT, torch.zeros_like(logp_BT)), tokens)
        return torch.autograd.grad(loss, logp_BT)[0]

    expected_BT = gradient(Gae())
    for i, t in ((0, 0), (0, 2), (2, 0), (2, 1)):
        expected_BT[i, t] -= mu / 4
    assert_close(gradient(Liked(Gae(), mu)), expected_BT, rtol=1e-10, atol=1e-12)


def test_a_weight_that_is_none_is_refused():
    for mu in (0.0, -0.1, math.inf):
        with pytest.raises(ConfigError, match="weight above 0"):
            Liked(Gae(), mu)


# Sum ------------------------------------------------------------------------------------------


def test_sums_by_row_and_by_token():
    assert Sum(Reward(), Center())(a_round()).tolist() == [1.5, -0.5, 1]
    # log π_teacher − log π_anchor: 1, −1 | 0 | −0.5, −2; plus the rewards
    close(Sum(Teacher(), Reward())(a_round()), [[2, 0, 0], [0, 0, 0], [0.5, -1, 0]])
    close(Sum(Reward())(a_round()), [1, 0, 1])


def test_a_sum_is_a_value():
    value = Sum(Teacher(), Whiten(Gae(1.0, 0.5)))
    assert repr(value) == f"Sum(Teacher(), {Whiten(Gae(1.0, 0.5))!r})"
    assert eval(repr(value), vars(room)) == value == Sum(parts=value.parts)
    assert value != Sum(Whiten(Gae(1.0, 0.5)), Teacher())
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value) == replace(value)
    assert len({value, Sum(*value.parts)}) == 1
    with pytest.raises(AttributeError):
        value.parts = ()


def test_a_sum_of_nothing_and_classes_instead_of_values_are_refused():
    with pytest.raises(ConfigError, match="at least one"):
        Sum()
    for make in (lambda: Sum(Gae), lambda: Whiten(Gae), lambda: Liked(Gae)):
        with pytest.raises(ConfigError, match=r"give a value: Gae\(\.\.\.\)"):
            make()


# All ------------------------------------------------------------------------------------------


def test_what_the_parts_need_is_passed_on():
    for inner, values, reference in ((Gae(), True, False), (Teacher(), False, True),
                                     (Center(), False, False)):  # fmt: skip
        for advantage in (Whiten(inner), Liked(inner), Sum(Center(), inner), Whiten(Sum(inner))):
            objective = Objective(advantage=advantage)
            assert objective.needs_values == values
            assert objective.needs_reference == reference
            assert objective.needs_anchor_for_advantages == reference
            assert objective.drops_signalless != values


def test_one_advantage_a_token_is_refused_where_a_row_has_one_ratio():
    for advantage in (Whiten(ZScore()), Liked(Gae()), Sum(ZScore(), Teacher()), Teacher()):
        with pytest.raises(ConfigError, match="gives one a token"):
            Objective(advantage=advantage, ratio=SequenceRatio())
    for advantage in (Liked(ZScore()), Sum(ZScore(), Center())):
        assert Objective(advantage=advantage, ratio=SequenceRatio())


def test_they_describe_themselves_by_their_parts():
    inner = Gae().describe()
    assert Whiten(Gae()).describe() == f"{inner}, standardised over the round’s tokens"
    assert Liked(Gae()).describe() == f"{inner}, and solved ones count 0.1 more on average"
    assert Sum(Teacher(), Gae()).describe() == f"{Teacher().describe()}, plus {inner}"
