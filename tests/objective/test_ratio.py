"""Ratios against numbers worked by hand. Letters: B rows, T tokens."""

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import GeometricRatio, SequenceRatio, TokenRatio

MASK_BT = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0]]).bool()
LOG_RATIO_BT = torch.tensor([[0.9, 0.2, -0.8], [0.7, 0, 0], [0, 0, 0]], dtype=torch.float64)
UP_BT = torch.ones(3, 3, dtype=torch.float64)


def test_token_ratio_changes_nothing():
    assert_close(TokenRatio()(LOG_RATIO_BT, MASK_BT, UP_BT), LOG_RATIO_BT, rtol=0, atol=0)


def test_sequence_ratio_shares_the_mean_of_a_rows_own_tokens():
    # (0.9 + 0.2 − 0.8)/3 = 0.1; 0.7/1; nothing for a row without tokens, and no NaN
    shared_BT = SequenceRatio()(LOG_RATIO_BT, MASK_BT, UP_BT)
    assert_close(shared_BT, torch.tensor([[0.1] * 3, [0.7, 0, 0], [0] * 3]).double())


def test_sequence_ratio_gives_every_token_the_gradient_of_all():
    log_ratio_BT = LOG_RATIO_BT.clone().requires_grad_()
    shared_BT = SequenceRatio()(log_ratio_BT, MASK_BT, UP_BT)
    shared_BT[0, 0].backward()
    # One entry of the mean depends on each of the row's three tokens by 1/3.
    assert_close(log_ratio_BT.grad, torch.tensor([[1 / 3] * 3, [0] * 3, [0] * 3]).double())


def test_geometric_ratio_bounds_by_the_sign_of_the_advantage():
    ratio = GeometricRatio(0.4, 0.5)
    # Upwards, 0.9 is bounded to 0.5 and −0.8 stays: (0.5 + 0.2 − 0.8)/3 = −1/30; 0.7 becomes 0.5.
    up_BT = ratio(LOG_RATIO_BT, MASK_BT, UP_BT)
    assert_close(up_BT, torch.tensor([[-1 / 30] * 3, [0.5, 0, 0], [0] * 3]).double())
    # Downwards, 0.9 stays and −0.8 is bounded to −0.4: (0.9 + 0.2 − 0.4)/3 = 7/30; 0.7 stays.
    down_BT = ratio(LOG_RATIO_BT, MASK_BT, -UP_BT)
    assert_close(down_BT, torch.tensor([[7 / 30] * 3, [0.7, 0, 0], [0] * 3]).double())


def test_geometric_ratio_takes_the_gradient_from_bounded_tokens_and_reports_them():
    ratio = GeometricRatio(0.4, 0.5)
    log_ratio_BT = LOG_RATIO_BT.clone().requires_grad_()
    ratio(log_ratio_BT, MASK_BT, UP_BT)[0, 0].backward()
    assert_close(log_ratio_BT.grad[0], torch.tensor([0, 1 / 3, 1 / 3]).double())
    assert ratio.clipped(LOG_RATIO_BT, UP_BT).int().tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert ratio.clipped(LOG_RATIO_BT, -UP_BT).int().tolist() == [[0, 0, 1], [0] * 3, [0] * 3]
    assert not ratio.clipped(LOG_RATIO_BT, 0 * UP_BT).any()


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.4), (0.4, -0.1), (float("nan"), 0.4)])
def test_geometric_ratio_needs_widths_above_0(low, high):
    with pytest.raises(ConfigError, match="log-widths"):
        GeometricRatio(low, high)
