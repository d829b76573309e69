"""Attention by plain products, for windows that bind and soft-caps."""

import math

import pytest
import torch

from paceline.layout import Packed, TokenRows
from paceline.model.attention import AttentionParams
from paceline.model.attention.masked import masked_attention
from tests.helpers.attention import both, dense, inputs

ONE = Packed.of(TokenRows(prompts=((5, 6),), completions=((7, 8),)))
"""[5 6 | 7]: three tokens that see what stands before them."""


def attend(params: AttentionParams) -> list[float]:
    """What the last token reads of values 0, 4 and 16, by keys with products 0, 0 and ln 2."""
    query = torch.ones(3, 1, 1)
    key = torch.tensor([0.0, 0.0, math.log(2)])[:, None, None]
    value = torch.tensor([0.0, 4.0, 16.0])[:, None, None]
    return masked_attention(query, key, value, ONE, params)[:, 0, 0].tolist()


def test_by_hand():
    # Weights 1; 1/2 and 1/2; 1/4, 1/4 and 1/2.
    assert attend(AttentionParams(1.0)) == pytest.approx([0.0, 2.0, 1 + 8])
    # Twice the scale makes the last product ln 4: 1/6, 1/6 and 4/6.
    assert attend(AttentionParams(2.0))[2] == pytest.approx(4 / 6 + 64 / 6)


def test_a_window_counts_the_token_itself():
    # Of two tokens the last is left out: 1/3 and 2/3.
    assert attend(AttentionParams(1.0, window=2)) == pytest.approx([0.0, 2.0, 4 / 3 + 32 / 3])
    assert attend(AttentionParams(1.0, window=1)) == pytest.approx([0.0, 4.0, 16.0])


def test_a_cap_bounds_the_products():
    # A cap of 1e-6 leaves all products at 0: the mean.
    assert attend(AttentionParams(1.0, cap=1e-6))[2] == pytest.approx(20 / 3, rel=1e-4)
    capped = math.exp(0.5 * math.tanh(math.log(2) / 0.5))
    share = 1 / (2 + capped)
    assert attend(AttentionParams(1.0, cap=0.5))[2] == pytest.approx(share * (4 + 16 * capped))


@both
@pytest.mark.parametrize("params", [AttentionParams(0.3), AttentionParams(0.3, 5, 0.8)])
def test_values_and_gradients_equal_dense_attention(rows, params):
    packed = Packed.of(rows)
    leaves = inputs(packed)
    ours, theirs = (
        masked_attention(*leaves, packed, params), dense(*leaves, packed, params)
    )  # fmt: skip
    torch.testing.assert_close(ours, theirs)
    pull = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1)).double()
    for a, b in zip(
        torch.autograd.grad(ours, leaves, pull),
        torch.autograd.grad(theirs, leaves, pull),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
