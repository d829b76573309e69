"""Surrogates against numbers worked by hand, value and gradient."""

import math

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import Clip, ClipDetached, DualClip, LogProb, Plain, SoftGate

ALL = [Plain(), LogProb(), Clip(0.2), DualClip(0.2), ClipDetached(0.5), SoftGate(1.0, 1.05)]


def check(surrogate, ratios, advantage, gains, slopes, clipped=None):
    """The gain of each ratio, its gradient by the log-ratio, and which are reported as clipped."""
    log_ratio_BT = torch.tensor([ratios], dtype=torch.float64).log().requires_grad_()
    advantage_BT = torch.full_like(log_ratio_BT, advantage)
    gain_BT = surrogate(log_ratio_BT, advantage_BT)
    assert_close(gain_BT, torch.tensor([gains], dtype=torch.float64), rtol=0, atol=1e-12)
    (slope_BT,) = torch.autograd.grad(gain_BT.sum(), log_ratio_BT)
    assert_close(slope_BT, torch.tensor([slopes], dtype=torch.float64), rtol=0, atol=1e-12)
    if clipped is not None:
        assert surrogate.clipped(log_ratio_BT, advantage_BT).int().tolist() == [clipped]


def test_plain():
    # r·A, whose gradient by log r is r·A again
    check(Plain(), [0.5, 1, 3], -2.0, [-1, -2, -6], [-1, -2, -6])


def test_log_prob():
    check(LogProb(), [0.5, 1, 3], 2.0, [-2 * math.log(2), 0, 2 * math.log(3)], [2, 2, 2])


def test_clip_stops_upwards_for_a_positive_advantage():
    # The upper bound is 1.3; below the lower one nothing is clipped.
    check(Clip(0.2, 0.3), [0.5, 1, 1.25, 2], 2.0, [1, 2, 2.5, 2.6], [1, 2, 2.5, 0], [0, 0, 0, 1])


def test_clip_stops_downwards_for_a_negative_advantage():
    # The lower bound is 0.8; above the upper one the loss keeps growing.
    check(
        Clip(0.2, 0.3),
        [0.5, 0.9, 1, 2],
        -2.0,
        [-1.6, -1.8, -2, -4],
        [0, -1.8, -2, -4],
        [1, 0, 0, 0],
    )


def test_clip_with_one_width_has_it_on_both_sides():
    assert Clip(0.2) == Clip(0.2, 0.2) == Clip(low=0.2, high=0.2)
    assert repr(Clip(0.2)) == "Clip(low=0.2, high=0.2)"
    assert Clip(0.2) != Clip(0.2, 0.28)


def test_dual_clip_is_clip_but_for_the_floor():
    up = [0.5, 1, 1.1, 2]
    check(DualClip(0.2, 0.2, 3.0), up, 2.0, [1, 2, 2.2, 2.4], [1, 2, 2.2, 0], [0, 0, 0, 1])
    # −2·5 would be −10; the floor holds it at −2·3, without a gradient.
    check(
        DualClip(0.2, 0.2, 3.0),
        [0.5, 1, 2, 5],
        -2.0,
        [-1.6, -2, -4, -6],
        [0, -2, -4, 0],
        [1, 0, 0, 1],
    )


def test_clip_detached_keeps_every_gradient_and_caps_its_weight():
    # Weights min(r, 1.5): 0.5, 1, 1.5. The gain is weight·A·log r, the gradient weight·A.
    gains = [0.5 * 2 * math.log(0.5), 0, 1.5 * 2 * math.log(3)]
    check(ClipDetached(0.5), [0.5, 1, 3], 2.0, gains, [1, 2, 3], [0, 0, 1])


def test_soft_gate():
    # (4/τ)·σ(τ(r−1))·A with τ = 2 upwards and 1 downwards; σ' = σ(1−σ), and d/d log r adds r.
    def sigma(x):
        return 1 / (1 + math.exp(-x))

    s = sigma(2 * 0.5)
    check(SoftGate(2.0, 1.0), [1, 1.5], 3.0, [3, 3 * 2 * s], [3, 3 * 4 * s * (1 - s) * 1.5])
    s = sigma(0.5)
    check(SoftGate(2.0, 1.0), [1, 1.5], -3.0, [-6, -3 * 4 * s], [-3, -3 * 4 * s * (1 - s) * 1.5])


@pytest.mark.parametrize("surrogate", ALL, ids=repr)
@pytest.mark.parametrize("advantage", [1.5, -0.5])
def test_at_ratio_1_every_surrogate_has_the_gradient_of_the_score_function(surrogate, advantage):
    log_ratio_BT = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    gain_BT = surrogate(log_ratio_BT, torch.tensor([[advantage]], dtype=torch.float64))
    (slope_BT,) = torch.autograd.grad(gain_BT.sum(), log_ratio_BT)
    assert_close(slope_BT.item(), advantage)


@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_without_an_advantage_there_is_neither_gain_nor_gradient(surrogate):
    check(surrogate, [0.1, 1, 9], 0.0, [0, 0, 0], [0, 0, 0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Clip(1.0),
        lambda: Clip(-0.1),
        lambda: Clip(0.2, -0.1),
        lambda: Clip(0.2, math.inf),
        lambda: DualClip(1.5),
        lambda: DualClip(0.2, 0.2, 1.0),
        lambda: ClipDetached(-0.5),
        lambda: ClipDetached(math.inf),
        lambda: SoftGate(0.0, 1.0),
        lambda: SoftGate(1.0, -1.0),
    ],
)
def test_ranges_that_are_mistakes_are_refused(make):
    with pytest.raises(ConfigError, match="needs"):
        make()
