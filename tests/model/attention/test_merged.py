"""Attention in parts equals attention over all keys. N tokens, H heads, D head size."""

import pytest
import torch

from paceline.model.attention import kernels
from paceline.model.attention.merged import merged_attention
from paceline.model.attention.packed import Block, Crossing

PROMPT, COMPLETIONS = slice(0, 4), slice(4, 9)
BLOCKS = (
    Block(torch.tensor([[0, 1, 2, 3]]), torch.ones(1, 4, dtype=torch.bool)),
    # Completions of three tokens and of two; the last place of the second is padding.
    Block(torch.tensor([[4, 5, 6], [7, 8, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()),
)
CROSSINGS = (Crossing(COMPLETIONS, PROMPT),)


def seen() -> torch.Tensor:
    """[9, 9] from the meaning: a completion sees the prompt and itself, up to each token."""
    mask_NN = torch.ones(9, 9).tril().bool()
    mask_NN[7:, 4:7] = False
    return mask_NN


def leaves(spread=1.0):
    generator = torch.Generator().manual_seed(0)
    return [
        (spread * torch.randn(9, heads, 8, generator=generator, dtype=torch.float64))
        .requires_grad_()
        for heads in (4, 2, 2)
    ]  # fmt: skip


def whole(query_NHD, key_NGD, value_NGD, scale):
    key_NHD, value_NHD = (x.repeat_interleave(2, 1) for x in (key_NGD, value_NGD))
    scores_HNN = torch.einsum("nhd,mhd->hnm", query_NHD, key_NHD) * scale
    p_HNN = scores_HNN.masked_fill(~seen(), float("-inf")).softmax(-1)
    return torch.einsum("hnm,mhd->nhd", p_HNN, value_NHD)


@pytest.mark.parametrize("short", [0, 10**6], ids=["kernel", "products"])
@pytest.mark.parametrize("spread", [1.0, 30.0], ids=["even", "sharp"])
def test_parts_are_merged_to_the_whole_and_so_are_gradients(short, spread, monkeypatch):
    # Sharp: the products reach hundreds, so that one part's keys outweigh the other's by e^100.
    monkeypatch.setattr(kernels, "SHORT_KEYS", short)
    inputs = leaves(spread)
    ours = merged_attention(*inputs, BLOCKS, CROSSINGS, 0.3)
    theirs = whole(*inputs, 0.3)
    torch.testing.assert_close(ours, theirs)
    pull = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1)).double()
    for a, b in zip(
        torch.autograd.grad(ours, inputs, pull),
        torch.autograd.grad(theirs, inputs, pull),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_without_the_crossing_a_completion_sees_itself_alone():
    query, key, value = (x.detach() for x in leaves())
    alone = merged_attention(query, key, value, BLOCKS, (), 0.3)
    # The first token of each completion has one key: its own value.
    for first in (4, 7):
        torch.testing.assert_close(alone[first], value[first].repeat_interleave(2, 0))


def test_padding_changes_nothing():
    inputs = [x.detach() for x in leaves()]
    before = merged_attention(*inputs, BLOCKS, CROSSINGS, 0.3)
    padded = (BLOCKS[0], Block(torch.tensor([[4, 5, 6], [7, 8, 3]]), BLOCKS[1].real_bT))
    assert torch.equal(merged_attention(*inputs, padded, CROSSINGS, 0.3), before)
