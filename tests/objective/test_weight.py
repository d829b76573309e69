"""Weights against numbers worked by hand. Letters: B rows, T tokens."""

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import PerConstant, PerPromptToken, PerSequence, PerToken, SequenceSum

# Rows of 3, 1, 0 and 2 tokens, the third masked as a whole: B = 4, N = 6. Two groups of two rows.
MASK_BT = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]]).bool()
GROUP_B = torch.tensor([7, 7, 3, 3])
ALL = [PerToken(), PerPromptToken(), PerSequence(), PerConstant(5), SequenceSum()]


def by_row(weight, shares):
    """Every token of the mask has its row's share, every other place 0."""
    expected_BT = torch.tensor(shares, dtype=torch.float64).unsqueeze(-1) * MASK_BT
    assert_close(weight(MASK_BT, GROUP_B), expected_BT, rtol=0, atol=1e-15)


def test_per_token_divides_by_all_tokens():
    by_row(PerToken(), [1 / 6, 1 / 6, 0, 1 / 6])


def test_per_prompt_token_divides_by_the_problems_tokens_and_then_by_the_problems():
    # Four tokens in the first problem, two in the second, two problems.
    by_row(PerPromptToken(), [1 / 8, 1 / 8, 0, 1 / 4])


def test_per_sequence_divides_by_the_rows_tokens_and_then_by_all_rows():
    # The masked row counts in B = 4.
    by_row(PerSequence(), [1 / 12, 1 / 4, 0, 1 / 8])


def test_per_constant_divides_by_the_constant_and_all_rows():
    by_row(PerConstant(5), [1 / 20, 1 / 20, 0, 1 / 20])


def test_sequence_sum_divides_by_all_rows():
    by_row(SequenceSum(), [1 / 4, 1 / 4, 0, 1 / 4])


def test_a_group_without_a_token_still_counts_as_a_problem():
    mask_BT = torch.tensor([[1, 1], [0, 0]]).bool()
    weight_BT = PerPromptToken()(mask_BT, torch.tensor([0, 1]))
    assert weight_BT.tolist() == [[0.25, 0.25], [0, 0]]


@pytest.mark.parametrize("weight", ALL, ids=repr)
def test_a_part_without_tokens_weighs_nothing(weight):
    assert weight(torch.zeros(2, 3).bool(), torch.tensor([0, 1])).tolist() == [[0] * 3] * 2
    assert weight(torch.zeros(0, 3).bool(), torch.zeros(0).long()).shape == (0, 3)


@pytest.mark.parametrize("weight", ALL, ids=repr)
def test_the_padded_width_changes_no_weight(weight):
    wider_BT = torch.nn.functional.pad(MASK_BT, (0, 4))
    assert_close(weight(wider_BT, GROUP_B)[:, :3], weight(MASK_BT, GROUP_B), rtol=0, atol=0)


def test_a_constant_that_was_left_open_is_refused_when_used():
    with pytest.raises(ConfigError, match="resolved"):
        PerConstant()(MASK_BT, GROUP_B)


def test_a_constant_below_1_is_refused():
    with pytest.raises(ConfigError, match="at least 1"):
        PerConstant(0)
