"""A critic's loss and targets, by hand and against loops. Letters: B rows, T tokens."""

import math
import statistics
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import (
    Gae,
    LengthAdaptive,
    PerSequence,
    PerToken,
    Targets,
    Tokens,
    ValueLoss,
    ValueMetrics,
    ppo,
    value_targets,
)
from tests.helpers.rounds import make_round


def tokens(weight_BT, mask_BT):
    blank_BT = torch.full_like(weight_BT, math.nan)
    return Tokens(
        mask_BT=mask_BT, anchor_BT=None, old_BT=None, ref_BT=None,
        advantage_BT=blank_BT, weight_BT=weight_BT,
    )  # fmt: skip


def a_part(seed=0, weight=None):
    """v (with gradient), tokens and targets of five ragged rows."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([4, 1, 3, 2, 6])
    mask_BT = torch.arange(6) < lengths[:, None]
    mask_BT[4, 2] = False  # a tool's
    then_BT, noise_BT, target_BT = torch.randn(3, 5, 6, generator=generator, dtype=torch.float64)
    value_BT = (then_BT + noise_BT).requires_grad_()
    weight_BT = (weight or PerToken())(mask_BT, torch.tensor([0, 0, 1, 1, 2]))
    return value_BT, tokens(weight_BT, mask_BT), Targets(then_BT, target_BT)


def loop(value_BT, given, targets, clip):
    total = 0.0
    for i, row in enumerate(given.mask_BT.tolist()):
        for t, trains in enumerate(row):
            if trains:
                v, V, R = value_BT[i, t], targets.value_BT[i, t].item(), targets.target_BT[i, t]
                worst = (v - R) ** 2
                if clip is not None:
                    near = V + min(max((v - V).item(), -clip), clip) if abs(v - V) > clip else v
                    worst = max(worst, (near - R) ** 2)
                total = total + given.weight_BT[i, t] * worst / 2
    return total


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weight", [PerToken(), PerSequence()], ids=repr)
@pytest.mark.parametrize("clip", [None, 0.2, 1.0])
def test_loss_and_gradient_are_those_of_the_loop(clip, weight, seed):
    value_BT, given, targets = a_part(seed, weight)
    expected = loop(value_BT, given, targets, clip)
    (expected_BT,) = torch.autograd.grad(expected, value_BT)
    loss, metrics = ValueLoss(clip)(value_BT, given, targets)
    (slope_BT,) = torch.autograd.grad(loss, value_BT)
    assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    assert_close(slope_BT, expected_BT, rtol=1e-12, atol=1e-12)
    assert metrics.loss == loss.item() and metrics.tokens == 4 + 1 + 3 + 2 + 5


def test_the_clip_by_hand():
    # V = 0, R = 1, clip 0.2. v = 0.5 has gone beyond 0.2 towards R: (0.2 − 1)² = 0.64 is the larger
    # one, and has no gradient. v = −0.5 has gone the wrong way: (−1.5)² = 2.25 counts, slope −1.5.
    mask_BT, weight_BT = torch.ones(1, 2).bool(), torch.ones(1, 2)
    targets = Targets(torch.zeros(1, 2), torch.ones(1, 2))
    value_BT = torch.tensor([[0.5, -0.5]], requires_grad=True)
    loss, _ = ValueLoss(0.2)(value_BT, tokens(weight_BT, mask_BT), targets)
    assert loss.item() == pytest.approx((0.64 + 2.25) / 2)
    assert torch.autograd.grad(loss, value_BT)[0].tolist() == [[0, -1.5]]
    # Without a clip each pulls.
    loss, _ = ValueLoss()(value_BT, tokens(weight_BT, mask_BT), targets)
    assert loss.item() == pytest.approx((0.25 + 2.25) / 2)
    assert torch.autograd.grad(loss, value_BT)[0].tolist() == [[-0.5, -1.5]]


@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf, 1e30])
@pytest.mark.parametrize("clip", [None, 0.2])
def test_what_stands_outside_the_mask_never_matters(clip, garbage):
    value_BT, given, targets = a_part()
    clean = ValueLoss(clip)(value_BT, given, targets)
    (clean_BT,) = torch.autograd.grad(clean[0], value_BT)

    def spoilt(x_BT):
        return x_BT.detach().masked_fill(~given.mask_BT, garbage)

    dirty_BT = spoilt(value_BT).requires_grad_()
    loss, metrics = ValueLoss(clip)(
        dirty_BT,
        replace(given, weight_BT=spoilt(given.weight_BT)),
        Targets(spoilt(targets.value_BT), spoilt(targets.target_BT)),
    )
    (slope_BT,) = torch.autograd.grad(loss, dirty_BT)
    assert loss.item() == clean[0].item() and metrics == clean[1]
    assert torch.equal(slope_BT, clean_BT) and not slope_BT[~given.mask_BT].any()


# Targets --------------------------------------------------------------------------------------


def test_with_lam_1_the_target_is_the_return_from_the_token_on():
    round = make_round(
        [[1, 0.5]], [[3, 2]],
        sampled=[(True, False, True), (True, True)],
        values=((9.0, math.nan, -2.0), (0.3, 0.4)),
        penalty=((0.1, math.nan, 0.2), (0.0, 0.25)),
    )  # fmt: skip
    expected_BT = torch.tensor([[0.7, 0, 0.8], [0.25, 0.25, 0]], dtype=torch.float64)
    assert_close(value_targets(round), expected_BT)


def test_with_lam_0_the_target_is_the_next_value():
    round = make_round([[1]], [[3]], values=((0.25, 0.5, 0.75),))
    assert value_targets(round, 1.0, 0.0).tolist() == [[0.5, 0.75, 1]]
    # and with a discount: 0.5·0.5, 0.5·0.75, and the reward, which comes with the last token
    assert value_targets(round, 0.5, 0.0).tolist() == [[0.25, 0.375, 1]]


@pytest.mark.parametrize("lam", [0.3, LengthAdaptive(0.5)], ids=repr)
def test_the_target_is_the_advantage_by_its_own_lam_plus_the_value(lam):
    round = make_round([[1, 0]], [[3, 1]], values=((0.25, 0.5, 0.75), (0.5,)))
    values_BT = torch.tensor([[0.25, 0.5, 0.75], [0.5, 0, 0]], dtype=torch.float64)
    expected_BT = Gae(0.9, lam)(round) + values_BT
    assert_close(value_targets(round, 0.9, lam), expected_BT)


def test_kl_in_the_reward_is_in_the_target():
    round = make_round([[1]], values=((0.0, 0.0),), anchor=((-1.0, -2.0),), ref=((-1.5, -1.0),))
    # k1 = log π − log π_ref: 0.5 and −1, times 0.1. To go: 1 − 0.05 + 0.1 and 1 + 0.1
    expected_BT = torch.tensor([[1.05, 1.1]], dtype=torch.float64)
    objective = ppo(kl=0.1)
    assert_close(value_targets(objective.penalised(round)), expected_BT)
    assert_close(value_targets(round), torch.ones(1, 2).double())
    assert ppo().penalised(round) is round


def test_targets_without_a_critic_say_so():
    with pytest.raises(ValueError, match="critic"):
        value_targets(make_round([[1]]))


def test_targets_are_taken_cut_and_moved_like_tokens():
    targets = Targets(torch.arange(6.0).view(3, 2), torch.arange(6.0).view(3, 2) + 10)
    for index in ([2, 0], torch.tensor([2, 0])):
        some = targets.rows(index)
        assert some.value_BT.tolist() == [[4, 5], [0, 1]]
        assert some.target_BT.tolist() == [[14, 15], [10, 11]]
    assert targets.rows(slice(1, 2)).value_BT.tolist() == [[2, 3]]
    assert targets.cut(1).target_BT.tolist() == [[10], [12], [14]]
    moved = targets.to("meta")
    assert moved.value_BT.device.type == moved.target_BT.device.type == "meta"


# Metrics --------------------------------------------------------------------------------------


def test_explained_variance_against_a_loop():
    value_BT, given, targets = a_part()
    metrics = ValueLoss()(value_BT, given, targets)[1]
    V, R = (x_BT[given.mask_BT].tolist() for x_BT in (targets.value_BT, targets.target_BT))
    errors = [r - v for r, v in zip(R, V, strict=True)]
    assert metrics.explained_variance == pytest.approx(
        1 - statistics.pvariance(errors) / statistics.pvariance(R)
    )
    assert metrics.value == pytest.approx(statistics.mean(V))
    assert metrics.target == pytest.approx(statistics.mean(R))


def test_metrics_add_over_micro_batches():
    value_BT, given, targets = a_part()
    loss = ValueLoss(0.2)
    whole = loss(value_BT, given, targets)[1]
    summed = ValueMetrics.zero()
    for rows in ([4, 1], [0], [2, 3]):
        summed += loss(value_BT[rows], given.rows(rows), targets.rows(rows))[1]
    assert summed.tokens == whole.tokens and summed.loss == pytest.approx(whole.loss)
    assert summed.explained_variance == pytest.approx(whole.explained_variance)
    assert whole + ValueMetrics.zero() == whole


@pytest.mark.parametrize(
    ("values", "explained"),
    [((1.0, 0.0, 1.0), 1.0), ((0.4, 0.4, 0.4), 0.0), ((0.0, 1.0, 0.0), -3.0)],
)
def test_explained_variance_of_a_critic_that_knows_all_nothing_and_the_contrary(values, explained):
    mask_BT = torch.ones(1, 3).bool()
    targets = Targets(torch.tensor([values]), torch.tensor([[1.0, 0.0, 1.0]]))
    metrics = ValueLoss()(torch.zeros(1, 3), tokens(torch.ones(1, 3), mask_BT), targets)[1]
    assert metrics.explained_variance == pytest.approx(explained, abs=1e-6)


@pytest.mark.parametrize("target", [0.0, 0.1, 1e6])
def test_equal_targets_have_no_variance_to_explain(target):
    mask_BT = torch.ones(1, 3).bool()
    targets = Targets(torch.randn(1, 3), torch.full((1, 3), target))
    metrics = ValueLoss()(torch.zeros(1, 3), tokens(torch.ones(1, 3), mask_BT), targets)[1]
    assert metrics.explained_variance is None
    zero = ValueMetrics.zero()
    assert (zero.explained_variance, zero.value, zero.target) == (None, None, None)


def test_a_clip_that_is_none_is_refused():
    for clip in (0.0, -0.2, math.inf):
        with pytest.raises(ConfigError, match="clip above 0"):
            ValueLoss(clip)
