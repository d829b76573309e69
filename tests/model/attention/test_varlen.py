"""What the GPU's kernels are told of the packed layout; the kernels themselves need a GPU."""

import pytest
import torch

from paceline.layout import Packed, TokenRows
from paceline.model.attention import AttentionParams
from paceline.model.attention.varlen import Owners, Sequences, flex_attention, kernel_takes
from tests.helpers.attention import both, dense, inputs, sees

SMALL = Packed.of(TokenRows(prompts=((5, 6), (5, 6), (8,)), completions=((1, 2), (1,), (1, 2, 3))))
"""[5 6 | 1] [8 | 1 2]: the second completion of 5 6 has nothing on the axis."""


def test_each_piece_gets_its_keys_by_hand():
    made = Sequences.of(SMALL)
    # Pieces: 5 6; then 1 behind them; 8; then 1 2 behind it.
    assert made.query_ends.tolist() == [0, 2, 3, 4, 6]
    assert made.key_ends.tolist() == [0, 2, 5, 6, 9]
    assert made.keys_K.tolist() == [0, 1, 0, 1, 2, 3, 3, 4, 5]
    assert (made.longest_query, made.longest_key) == (2, 3)
    assert made.query_ends.dtype == made.key_ends.dtype == torch.int32


def test_each_token_has_its_owner_by_hand():
    owners = Owners.of(SMALL)
    assert owners.span_N.tolist() == [0, 0, 0, 1, 1, 1]
    assert owners.completion_N.tolist() == [-1, -1, 0, -1, 0, 0]
    assert owners.position_N.tolist() == [0, 1, 2, 0, 1, 2]


@both
@pytest.mark.parametrize("window", [None, 4])
def test_the_mask_of_flex_attention_is_that_of_the_layout(rows, window):
    packed = Packed.of(rows)
    every = torch.arange(len(packed.ids_N))
    mask = Owners.of(packed).sees(window)
    zero = torch.tensor(0)
    assert torch.equal(mask(zero, zero, every[:, None], every[None]), sees(packed, window))


def test_on_a_cpu_no_kernel_is_taken():
    for dtype in (torch.float32, torch.bfloat16):
        assert not kernel_takes(torch.zeros(3, 2, 8, dtype=dtype))


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
