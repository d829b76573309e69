"""Attention over the packed layout against one dense softmax with a mask. N tokens, H query heads,
G key and value heads, D head size."""

import pytest
import torch

from paceline.layout import Packed, TokenRows
from paceline.model.attention import AttentionParams, PackedAttention, kernels
from paceline.model.attention.varlen import Owners, Sequences, flex_attention

ROWS = TokenRows(
    prompts=((1,) * 7, (1,) * 7, (2,) * 3, (3,), (1,) * 7, (2,) * 3, (4,) * 12),
    completions=((1,) * 5, (1,) * 9, (1,) * 2, (1,), (1,) * 1, (1,) * 30, (1,) * 4),
)
"""Ragged: two completions of one token (nothing on the axis), a group of one, a prompt of one."""

BEGUN = TokenRows(tuple((9,) * 6 + p for p in ROWS.prompts), ROWS.completions)
"""The same prompts behind six tokens that all begin with."""

both = pytest.mark.parametrize("rows", [ROWS, BEGUN], ids=["apart", "one-beginning"])


def sees(packed: Packed, window: int | None) -> torch.Tensor:
    """[N, N] from the meaning of the layout, token by token."""
    owner = dict.fromkeys(range(packed.prefix), (-1, None))
    allowed = torch.zeros(len(packed.ids_N), len(packed.ids_N), dtype=torch.bool)
    for s, span in enumerate(packed.spans):
        for i in range(span.start, span.start + span.prompt):
            owner[i] = (s, None)
        for c, (start, length) in enumerate(zip(span.starts, span.lengths, strict=True)):
            for i in range(start, start + length):
                owner[i] = (s, c)
    position = packed.position_N.tolist()
    for q, (span_q, completion_q) in owner.items():
        for k, (span_k, completion_k) in owner.items():
            related = span_k in (-1, span_q) and completion_k in (None, completion_q)
            back = position[q] - position[k]
            allowed[q, k] = related and back >= 0 and (window is None or back < window)
    return allowed


def dense(query_NHD, key_NGD, value_NGD, packed: Packed, params: AttentionParams) -> torch.Tensor:
    repeat = query_NHD.shape[1] // key_NGD.shape[1]
    key_NHD, value_NHD = (x.repeat_interleave(repeat, 1) for x in (key_NGD, value_NGD))
    scores_HNN = torch.einsum("nhd,mhd->hnm", query_NHD, key_NHD) * params.scale
    if params.cap is not None:
        scores_HNN = params.cap * torch.tanh(scores_HNN / params.cap)
    probability = scores_HNN.masked_fill(~sees(packed, params.window), float("-inf")).softmax(-1)
    return torch.einsum("hnm,mhd->nhd", probability, value_NHD)


def inputs(packed: Packed, dtype=torch.float64, heads=6, shared=2, size=8):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(len(packed.ids_N), h, size, generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for h in (heads, shared, shared)
    ]


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


@both
@pytest.mark.parametrize("window", [None, 4])
def test_the_sequences_of_the_gpu_kernel_mean_the_same(rows, window):
    # The kernel itself needs a GPU; what it is told does not. Each sequence is computed as it
    # would: queries at the end of their keys, and window − 1 tokens before the query.
    packed = Packed.of(rows)
    query, key, value = (x.detach() for x in inputs(packed, heads=2, shared=2))
    sequences = Sequences.of(packed)
    q_ends, k_ends = sequences.query_ends.tolist(), sequences.key_ends.tolist()
    pieces = []
    for q0, q1, k0, k1 in zip(q_ends, q_ends[1:], k_ends, k_ends[1:], strict=False):
        keys = sequences.keys_K[k0:k1]
        back = torch.arange(k1 - k0 - (q1 - q0), k1 - k0)[:, None] - torch.arange(k1 - k0)
        seen = (back >= 0) & (back <= (10**6 if window is None else window - 1))
        scores = torch.einsum("nhd,mhd->hnm", query[q0:q1], key[keys]) * 0.3
        p = scores.masked_fill(~seen, float("-inf")).softmax(-1)
        pieces.append(torch.einsum("hnm,mhd->nhd", p, value[keys]))
    theirs = dense(query, key, value, packed, AttentionParams(0.3, window))
    torch.testing.assert_close(torch.cat(pieces), theirs, rtol=1e-6, atol=1e-7)
    assert sequences.longest_query == 29 and sequences.longest_key == packed.prefix + 32


@both
@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_reads_the_same_layout(rows):
    packed, params = Packed.of(rows), AttentionParams(0.3, window=9, cap=0.8)
    leaves = [x.detach().float() for x in inputs(packed)]
    ours = flex_attention(*leaves, Owners.of(packed).block_mask(params.window), params)
    torch.testing.assert_close(ours, dense(*leaves, packed, params), rtol=1e-4, atol=1e-5)
