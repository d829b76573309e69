"""Attention by one dense softmax with a mask, to which every other way of computing it is held.
N tokens, H query heads, G key and value heads, D head size."""

import pytest
import torch

from paceline.layout import Packed, TokenRows
from paceline.model.attention import AttentionParams

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
