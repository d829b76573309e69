"""Corrections against numbers worked by hand."""

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import Band, Truncate

# π_anchor/π_old is 0.25, 0.5, 1, 3, 8.
DIFFERENCE_BT = torch.tensor([[0.25, 0.5, 1, 3, 8]], dtype=torch.float64).log()
MASK_BT = torch.ones(1, 5).bool()


def test_truncate_caps_from_above_only():
    factor_BT = Truncate(2.0)(DIFFERENCE_BT, MASK_BT)
    assert_close(factor_BT, torch.tensor([[0.25, 0.5, 1, 2, 2]]).double())


def test_band_leaves_out_what_lies_outside():
    factor_BT = Band(0.4, 5.0)(DIFFERENCE_BT, MASK_BT)
    assert_close(factor_BT, torch.tensor([[0, 0.5, 1, 3, 0]]).double())


@pytest.mark.parametrize("correction", [Truncate(), Band()], ids=repr)
def test_corrections_carry_no_gradient(correction):
    difference_BT = DIFFERENCE_BT.clone().requires_grad_()
    assert not correction(difference_BT, MASK_BT).requires_grad


@pytest.mark.parametrize(
    "make", [lambda: Truncate(0.9), lambda: Band(1.0, 5.0), lambda: Band(0.5, 1.0)]
)
def test_ranges_without_1_are_refused(make):
    with pytest.raises(ConfigError, match="agree"):
        make()
