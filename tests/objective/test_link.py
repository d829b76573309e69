"""From the difference of a pair to its loss, by hand. Letters: B rows, P pairs."""

import math

import mpmath
import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import Hinge, Logistic, Odds, Squared
from paceline.objective.link import log1mexp

LN2 = math.log(2)


def of(link, *u, beta=1.0):
    return link(torch.tensor(u, dtype=torch.float64), beta).tolist()


def log_sigma(u):
    return -math.log1p(math.exp(-u))


def test_logistic():
    assert of(Logistic(), 0.0, 2.0, -2.0) == pytest.approx(
        [LN2, -log_sigma(2.0), -log_sigma(-2.0)], rel=1e-12
    )


def test_logistic_smoothed_takes_a_share_of_the_labels_for_wrong():
    expected = -0.9 * log_sigma(2.0) - 0.1 * log_sigma(-2.0)
    assert of(Logistic(0.1), 2.0, 0.0) == pytest.approx([expected, LN2], rel=1e-12)


def test_robust_is_unbiased_under_wrong_labels():
    robust = Logistic(0.1, robust=True)
    expected = (-0.9 * log_sigma(2.0) + 0.1 * log_sigma(-2.0)) / 0.8
    assert of(robust, 2.0, 0.0) == pytest.approx([expected, LN2], rel=1e-12)
    # What it is made for: the mean over labels of which a tenth is wrong is the loss without any.
    right, wrong = of(robust, 2.0, -2.0)
    assert 0.9 * right + 0.1 * wrong == pytest.approx(of(Logistic(), 2.0)[0], rel=1e-12)


def test_squared_is_the_distance_from_one_over_2_beta():
    # β = 0.1: Δ = 0 is 5 away, Δ = 5 (u = 0.5) at it, Δ = 8 (u = 0.8) 3 beyond
    assert of(Squared(), 0.0, 0.5, 0.8, beta=0.1) == pytest.approx([25, 0, 9], rel=1e-12)


def test_hinge_is_open_below_1():
    assert of(Hinge(), 0.25, 1.0, 3.0, -1.0) == [0.75, 0, 0, 2]


def test_odds_of_a_half_and_of_nine_tenths():
    x_B = Odds(0.1).compared(torch.tensor([0.5, 0.9], dtype=torch.float64).log())
    assert_close(x_B, torch.tensor([0.0, math.log(9)], dtype=torch.float64))
    assert of(Odds(0.1), 0.0) == pytest.approx([0.1 * LN2])
    logp_B = torch.tensor([-1.0, -2.0])
    for link in (Logistic(), Squared(), Hinge()):
        assert link.compared(logp_B) is logp_B


@pytest.mark.parametrize("x", [-1e-9, -1e-6, -0.1, -LN2, -0.7, -3.0, -40.0, -700.0])
def test_log1mexp_to_full_precision(x):
    x_B = torch.tensor([x], dtype=torch.float64).requires_grad_()
    y_B = log1mexp(x_B)
    (slope_B,) = torch.autograd.grad(y_B.sum(), x_B)
    mpmath.mp.dps = 60
    e = mpmath.exp(mpmath.mpf(x))
    assert y_B.item() == pytest.approx(float(mpmath.log(1 - e)), rel=1e-14)
    assert slope_B.item() == pytest.approx(float(-e / (1 - e)), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("x", [0.0, -1e-30, -1e-9])
def test_log1mexp_of_a_sure_token_is_finite_and_so_is_its_gradient(x, dtype):
    x_B = torch.tensor([x], dtype=dtype).requires_grad_()
    y_B = log1mexp(x_B)
    (slope_B,) = torch.autograd.grad(y_B.sum(), x_B)
    assert math.isfinite(y_B.item()) and math.isfinite(slope_B.item()) and y_B.item() < -20


def test_impossible_links_are_refused():
    for smoothing in (-0.1, 0.5, math.nan):
        with pytest.raises(ConfigError, match="smoothing"):
            Logistic(smoothing)
    for weight in (0.0, -1.0, math.inf):
        with pytest.raises(ConfigError, match="weight above 0"):
            Odds(weight)


def test_they_describe_themselves():
    said = [one.describe() for one in (Logistic(), Logistic(0.1), Logistic(0.1, True), Squared(),
                                       Hinge(), Odds(0.1))]  # fmt: skip
    assert said[1] == "the likelihood of the preference, smoothed for 10 % wrong labels"
    assert said[2] == "the likelihood of the preference, robust to 10 % wrong labels"
    assert len(set(said)) == 6
