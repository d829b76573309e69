"""Attention over the packed layout against one dense softmax with a mask. N tokens, H query heads,
G key and value heads, D head size."""

import pytest
import torch

from paceline.layout import Packed
from paceline.model.attention import AttentionParams, PackedAttention, kernels
from tests.helpers.attention import both, dense, inputs


@both
@pytest.mark.parametrize(
    ("short", "medium"),
    [(0, 0), (0, 10**6), (10**6, 0)],
    ids=["kernel", "exact-kernel", "products"],
)
@pytest.mark.parametrize(
    "params",
    [
        AttentionParams(0.3),
        AttentionParams(0.3, window=100),
        AttentionParams(0.3, window=4),
        AttentionParams(0.3, cap=1.5),
        AttentionParams(0.3, 9, 0.8),
    ],
    ids=["plain", "loose-window", "window", "cap", "both"],
)
def test_output_and_gradients_equal_dense_attention(rows, params, short, medium, monkeypatch):
    monkeypatch.setattr(kernels, "SHORT_KEYS", short)
    monkeypatch.setattr(kernels, "MEDIUM_KEYS", medium)
    packed = Packed.of(rows)
    leaves = inputs(packed)
    ours = PackedAttention(packed)(0, *leaves, params)
    theirs = dense(*leaves, packed, params)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    pull = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad(ours, leaves, pull),
        torch.autograd.grad(theirs, leaves, pull),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@both
@pytest.mark.parametrize(
    ("short", "medium"),
    [(0, 0), (0, 10**6), (10**6, 0)],
    ids=["kernel", "exact-kernel", "products"],
)
def test_in_bf16_it_is_as_near_as_bf16_allows(rows, short, medium, monkeypatch):
    monkeypatch.setattr(kernels, "SHORT_KEYS", short)
    monkeypatch.setattr(kernels, "MEDIUM_KEYS", medium)
    packed = Packed.of(rows)
    leaves = inputs(packed, torch.bfloat16)
    exact = [x.detach().double().requires_grad_() for x in leaves]
    ours, theirs = (
        PackedAttention(packed)(0, *leaves, AttentionParams(0.3)),
        dense(*exact, packed, AttentionParams(0.3)),
    )
    pull = torch.randn_like(theirs)
    pairs = zip(
        [ours, *torch.autograd.grad(ours, leaves, pull.bfloat16())],
        [theirs, *torch.autograd.grad(theirs, exact, pull)],
        strict=True,
    )
    for a, b in pairs:
        assert ((a.double() - b).norm() / b.norm()).item() < 0.01


@both
def test_blocks_hold_every_token_once_and_little_padding(rows):
    attention = PackedAttention(Packed.of(rows))
    places = torch.cat([b.place_bT[b.real_bT] for b in attention.blocks])
    assert sorted(places.tolist()) == list(range(len(attention.packed.ids_N)))
    for block in attention.blocks:
        assert block.real_bT.sum(1).min() >= 0.75 * block.real_bT.shape[1]


@both
def test_a_token_is_blind_to_other_completions_and_to_other_prompts(rows):
    # Changing another completion's keys and values changes nothing, to the bit.
    packed = Packed.of(rows)
    query, key, value = (x.detach() for x in inputs(packed))
    before = PackedAttention(packed)(0, query, key, value, AttentionParams(0.3))
    span = packed.spans[0]
    mine = slice(span.starts[0], span.starts[0] + span.lengths[0])
    key[mine], value[mine] = 9.0, -9.0
    after = PackedAttention(packed)(0, query, key, value, AttentionParams(0.3))
    changed = (before != after).any(-1).any(-1).nonzero()[:, 0].tolist()
    assert changed and set(changed) <= set(range(mine.start, mine.stop))
