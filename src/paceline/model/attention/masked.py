"""Attention over the packed layout for layers with a soft-cap or a window that binds: plain
products and a mask, differentiated by autograd. Slower, on any device.

Legend: N flat tokens, H query heads, G key and value heads, D head size; T query tokens, S key
tokens of one sequence.
"""

import torch
from torch import Tensor

from ...layout import Packed
from .hook import AttentionParams


def masked_attention(
    query_NHD: Tensor, key_NGD: Tensor, value_NGD: Tensor, packed: Packed, params: AttentionParams
) -> Tensor:
    """[N, H, D] attention, piece after piece."""
    outputs = []
    for piece in packed.pieces:
        keys_SGD, values_SGD = (
            torch.cat([x[run] for run in (*piece.before, piece.own)]) for x in (key_NGD, value_NGD)
        )
        outputs.append(_sequence(query_NHD[piece.own], keys_SGD, values_SGD, params))
    return torch.cat(outputs)


def _sequence(
    query_THD: Tensor, key_SGD: Tensor, value_SGD: Tensor, params: AttentionParams
) -> Tensor:
    """[T, H, D] attention of the last T tokens of a sequence of S over all of it, causally."""
    T, S = len(query_THD), len(key_SGD)
    repeat = query_THD.shape[1] // key_SGD.shape[1]
    key_HSD, value_HSD = (
        x.transpose(0, 1).repeat_interleave(repeat, 0) for x in (key_SGD, value_SGD)
    )
    exact = torch.promote_types(query_THD.dtype, torch.float32)
    scores_HTS = (query_THD.transpose(0, 1) @ key_HSD.mT).to(exact) * params.scale
    if params.cap is not None:
        scores_HTS = params.cap * torch.tanh(scores_HTS / params.cap)
    back_TS = torch.arange(S - T, S, device=query_THD.device)[:, None] - torch.arange(
        S, device=query_THD.device
    )
    seen_TS = back_TS >= 0
    if params.window is not None:
        seen_TS &= back_TS < params.window
    probability_HTS = scores_HTS.masked_fill(~seen_TS, float("-inf")).softmax(-1)
    return (probability_HTS.to(value_HSD.dtype) @ value_HSD).transpose(0, 1)
