"""Attention in parts, merged by log-sum-exp, with an exact gradient.

Each query's softmax runs over the keys of one block and of the crossings that it is in. A part
gives its output o_j and log-sum-exp l_j; merged, l = log Σ exp l_j and o = Σ exp(l_j − l) o_j.

The gradient needs no derivative of the log-sum-exps: that of attention over all keys,
dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)) with P = exp(S − l), splits over the keys, so each part's backward
kernel is right for its own keys when it is given the merged o and l instead of its own (the same
recomputation as in FlashAttention, arXiv 2205.14135, appendix B.4).

Legend: N flat tokens, H query heads, G key and value heads, D head size; b sequences of a block, T
tokens of its longest; S the queries of a crossing, P its keys: those of a prompt, or of the words
that all prompts begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import kernels

if TYPE_CHECKING:
    from .packed import Block, Crossing


def merged_attention(
    query_NHD: Tensor,
    key_NGD: Tensor,
    value_NGD: Tensor,
    blocks: Sequence[Block],
    crossings: Sequence[Crossing],
    scale: float,
) -> Tensor:
    """[N, H, D] attention of a packed batch. Blocks hold every token once; G divides H."""
    return _Merged.apply(query_NHD, key_NGD, value_NGD, blocks, crossings, scale)  # type: ignore[no-any-return]


class _Merged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query_NHD, key_NGD, value_NGD, blocks, crossings, scale):  # type: ignore[override]
        out_NHD = torch.empty_like(query_NHD, memory_format=torch.contiguous_format)
        exact = torch.promote_types(query_NHD.dtype, torch.float32)
        lse_NH = query_NHD.new_empty(query_NHD.shape[:2], dtype=exact)
        for block in blocks:
            q_bHTD, k_bGTD, v_bGTD = (
                x[block.place_bT].transpose(1, 2) for x in (query_NHD, key_NGD, value_NGD)
            )
            out_bHTD, lse_bHT = kernels.forward(q_bHTD, k_bGTD, v_bGTD, causal=True, scale=scale)
            place_K = block.place_bT[block.real_bT]
            out_NHD[place_K] = out_bHTD.transpose(1, 2)[block.real_bT]
            lse_NH[place_K] = lse_bHT.transpose(1, 2)[block.real_bT]
        for c in crossings:
            out_1HSD, lse_1HS = kernels.forward(
                _one(query_NHD[c.queries]),
                _one(key_NGD[c.keys]),
                _one(value_NGD[c.keys]),
                causal=False,
                scale=scale,
            )
            _merge(out_NHD[c.queries], lse_NH[c.queries], out_1HSD[0], lse_1HS[0])
        ctx.save_for_backward(query_NHD, key_NGD, value_NGD, out_NHD, lse_NH)
        ctx.blocks, ctx.crossings, ctx.scale = blocks, crossings, scale
        return out_NHD

    @staticmethod
    def backward(ctx, grad_NHD):  # type: ignore[override]
        query_NHD, key_NGD, value_NGD, out_NHD, lse_NH = ctx.saved_tensors
        grads = tuple(torch.empty_like(x) for x in (query_NHD, key_NGD, value_NGD))
        for block in ctx.blocks:
            # Where there is no token the incoming gradient is 0 and exp(S − l) is too, with l = ∞.
            pad_b1T1 = ~block.real_bT[:, None, :, None]
            q_bHTD, k_bGTD, v_bGTD, out_bHTD, grad_bHTD = (
                x[block.place_bT].transpose(1, 2)
                for x in (query_NHD, key_NGD, value_NGD, out_NHD, grad_NHD)
            )
            lse_bHT = lse_NH[block.place_bT].masked_fill_(~block.real_bT[..., None], float("inf"))
            gradients = kernels.backward(
                grad_bHTD.masked_fill_(pad_b1T1, 0.0),
                q_bHTD,
                k_bGTD,
                v_bGTD,
                out_bHTD,
                lse_bHT.transpose(1, 2),
                causal=True,
                scale=ctx.scale,
            )
            place_K = block.place_bT[block.real_bT]
            for total, fresh in zip(grads, gradients, strict=True):
                total[place_K] = fresh.transpose(1, 2)[block.real_bT].to(total.dtype)
        for c in ctx.crossings:
            gradients = kernels.backward(
                _one(grad_NHD[c.queries]),
                _one(query_NHD[c.queries]),
                _one(key_NGD[c.keys]),
                _one(value_NGD[c.keys]),
                _one(out_NHD[c.queries]),
                lse_NH[c.queries].T[None],
                causal=False,
                scale=ctx.scale,
            )
            where = (c.queries, c.keys, c.keys)
            for total, place, fresh in zip(grads, where, gradients, strict=True):
                total[place] += fresh[0].transpose(0, 1)
        return *grads, None, None, None


def _one(x_SHD: Tensor) -> Tensor:
    """[1, H, S, D]: a batch of one sequence, as the kernels want it; a view."""
    return x_SHD.transpose(0, 1)[None]


def _merge(out_SHD: Tensor, lse_SH: Tensor, other_HSD: Tensor, other_HS: Tensor) -> None:
    """Merge another part's output into this one's, in place."""
    other_SH = other_HS.T
    total_SH = torch.logaddexp(lse_SH, other_SH)
    mine_SH1 = (lse_SH - total_SH).exp_()[..., None]
    theirs_SH1 = (other_SH - total_SH).exp_()[..., None]
    out_SHD.copy_(out_SHD * mine_SH1 + other_HSD.transpose(0, 1) * theirs_SH1)
    lse_SH.copy_(total_SH)
