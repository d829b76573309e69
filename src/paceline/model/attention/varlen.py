"""Attention over the packed layout on a GPU: one kernel call a layer.

Pieces stand in the order of the flat axis, so queries need no gathering; a completion's keys are
the prefix's, its prompt's and its own, gathered. The kernel aligns causality at the ends of queries
and keys, which is what a completion behind its prompt needs. For a soft-cap, which it does not
know, FlexAttention reads the same layout.

Legend: N flat tokens, H query heads, G key and value heads, D head size; K gathered keys.
"""

from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from ...layout import Packed
from .hook import AttentionParams


@dataclass(frozen=True, slots=True)
class Sequences:
    """The places of the queries and keys of each piece."""

    keys_K: Tensor
    """Flat positions of all keys, piece after piece."""
    query_ends: Tensor
    """int32 ends of each piece's queries, starting with 0."""
    key_ends: Tensor
    longest_query: int
    longest_key: int

    @classmethod
    def of(cls, packed: Packed) -> "Sequences":
        keys: list[int] = []
        queries, lengths = [], []
        for piece in packed.pieces:
            seen = [i for run in (*piece.before, piece.own) for i in range(run.start, run.stop)]
            keys += seen
            queries.append(piece.length)
            lengths.append(len(seen))
        device = packed.ids_N.device
        query_ends, key_ends = (
            torch.tensor([0, *accumulate(x)], dtype=torch.int32, device=device)
            for x in (queries, lengths)
        )
        keys_K = torch.tensor(keys, device=device)
        return cls(keys_K, query_ends, key_ends, max(queries), max(lengths))


def kernel_takes(query_NHD: Tensor) -> bool:
    """True if the flash kernels can compute this: half precision, heads of at most 256 in multiples
    of eight, and a GPU from Ampere on. Everything else takes plain products."""
    return (
        query_NHD.device.type == "cuda"
        and query_NHD.dtype.itemsize == 2
        and query_NHD.shape[-1] % 8 == 0
        and query_NHD.shape[-1] <= 256
        and torch.cuda.get_device_capability(query_NHD.device) >= (8, 0)
    )


def varlen_attention(
    query_NHD: Tensor,
    key_NGD: Tensor,
    value_NGD: Tensor,
    sequences: Sequences,
    params: AttentionParams,
) -> Tensor:
    """[N, H, D] attention with gradient, without a soft-cap."""
    from torch.nn.attention.varlen import varlen_attn

    return varlen_attn(  # type: ignore[return-value]
        query_NHD,
        key_NGD[sequences.keys_K],
        value_NGD[sequences.keys_K],
        sequences.query_ends,
        sequences.key_ends,
        sequences.longest_query,
        sequences.longest_key,
        scale=params.scale,
        # The kernel counts the tokens before the query, transformers' window the query too.
        window_size=(-1 if params.window is None else params.window - 1, 0),
        enable_gqa=query_NHD.shape[1] != key_NGD.shape[1],
    )


@dataclass(frozen=True, slots=True)
class Owners:
    """The span of each flat token (−1 for the prefix), and its completion in it (−1 for the
    prompt's tokens)."""

    span_N: Tensor
    completion_N: Tensor
    position_N: Tensor

    @classmethod
    def of(cls, packed: Packed) -> "Owners":
        span, completion = [-1] * packed.prefix, [-1] * packed.prefix
        for s, each in enumerate(packed.spans):
            span += [s] * (each.end - each.start)
            completion += [-1] * each.prompt
            for c, length in enumerate(each.lengths):
                completion += [c] * length
        device = packed.ids_N.device
        return cls(
            torch.tensor(span, device=device),
            torch.tensor(completion, device=device),
            packed.position_N,
        )

    def block_mask(self, window: int | None) -> Any:
        """The mask by blocks; compiled on a GPU, where it would otherwise form all pairs of
        tokens."""
        from torch.nn.attention.flex_attention import create_block_mask

        count, device = len(self.span_N), self.span_N.device
        compiled = device.type == "cuda"
        return create_block_mask(
            self.sees(window), None, None, count, count, device=str(device), _compile=compiled
        )

    def sees(self, window: int | None) -> Any:
        """A FlexAttention mask: (batch, head, query, key) -> True if the query sees the key."""
        span_N, completion_N, position_N = self.span_N, self.completion_N, self.position_N

        def mask(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            back = position_N[query] - position_N[key]
            mine = (completion_N[key] == -1) | (completion_N[key] == completion_N[query])
            related = (span_N[key] == -1) | (span_N[query] == span_N[key]) & mine
            seen = related & (back >= 0)
            return seen if window is None else seen & (back < window)

        return mask


def flex_attention(
    query_NHD: Tensor, key_NGD: Tensor, value_NGD: Tensor, mask: Any, params: AttentionParams
) -> Tensor:
    """[N, H, D] attention with gradient (on a GPU), with a soft-cap.

    Args:
        mask: the mask that Owners.block_mask returned.
    """

    def capped(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return score if params.cap is None else params.cap * torch.tanh(score / params.cap)

    out_1HND = _flex(query_NHD.device.type)(
        *(x.transpose(0, 1)[None] for x in (query_NHD, key_NGD, value_NGD)),
        score_mod=capped,
        block_mask=mask,
        scale=params.scale,
        enable_gqa=query_NHD.shape[1] != key_NGD.shape[1],
    )
    return out_1HND[0].transpose(0, 1)


@cache
def _flex(device: str) -> Any:
    """FlexAttention, compiled on a GPU: uncompiled it forms all products."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True) if device == "cuda" else flex_attention
