"""Attention over the packed layout: each prompt once, its completions behind it.

A completion's token sees the prefix, its prompt and its own completion up to itself. So the work
falls into causal blocks (the prefix, every prompt and every completion by itself) and crossings
(the completions of a prompt onto the prompt, everything onto the prefix), which `merged.py` puts
together on the CPU. On a GPU one kernel call takes all pieces (`varlen.py`).

Legend: N flat tokens, H query heads, G key and value heads, D head size; b sequences of a block,
T tokens of its longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ...layout import Packed
from .hook import AttentionParams
from .masked import masked_attention
from .merged import merged_attention
from .varlen import Owners, Sequences, flex_attention, kernel_takes, varlen_attention

SHORTEST_SHARE = 0.75
"""Length of a block's shortest sequence as a share of its longest, at least: the rest is
padding."""


@dataclass(frozen=True, slots=True)
class Block:
    """Sequences of similar length, side by side, each attending to itself causally."""

    place_bT: Tensor
    """Flat positions; an arbitrary one where there is no token."""
    real_bT: Tensor


@dataclass(frozen=True, slots=True)
class Crossing:
    """All completions of one prompt, onto that prompt; or everything after the prefix, onto the
    prefix."""

    queries: slice
    keys: slice


class PackedAttention:
    """The attention of a packed batch: an AttentionFn."""

    def __init__(self, packed: Packed) -> None:
        self.packed = packed
        self.device = packed.ids_N.device
        self._flex_masks: dict[int | None, Any] = {}

    def __call__(
        self,
        layer: int,
        query_NHD: Tensor,
        key_NGD: Tensor,
        value_NGD: Tensor,
        params: AttentionParams,
    ) -> Tensor:
        if kernel_takes(query_NHD):
            if params.cap is not None:
                mask = self.flex_mask(params.window)
                return flex_attention(query_NHD, key_NGD, value_NGD, mask, params)
            return varlen_attention(query_NHD, key_NGD, value_NGD, self.sequences, params)
        binds = params.window is not None and params.window <= self._last_position
        if binds or params.cap is not None or self.device.type != "cpu":
            return masked_attention(query_NHD, key_NGD, value_NGD, self.packed, params)
        return merged_attention(
            query_NHD, key_NGD, value_NGD, self.blocks, self.crossings, params.scale
        )

    @cached_property
    def sequences(self) -> Sequences:
        return Sequences.of(self.packed)

    def flex_mask(self, window: int | None) -> Any:
        """The mask of all layers with this window."""
        if window not in self._flex_masks:
            self._flex_masks[window] = Owners.of(self.packed).block_mask(window)
        return self._flex_masks[window]

    @cached_property
    def _last_position(self) -> int:
        return int(self.packed.position_N.max())

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every piece, sorted into blocks by length."""
        sequences = [(piece.start, piece.length) for piece in self.packed.pieces]
        sequences.sort(key=lambda s: (-s[1], s[0]))
        blocks, begin = [], 0
        for i in range(1, len(sequences) + 1):
            if i == len(sequences) or sequences[i][1] < SHORTEST_SHARE * sequences[begin][1]:
                blocks.append(self._block(sequences[begin:i]))
                begin = i
        return tuple(blocks)

    def _block(self, sequences: Sequence[tuple[int, int]]) -> Block:
        start_b1, length_b1 = torch.tensor(sequences)[:, :, None].unbind(1)
        step_T = torch.arange(sequences[0][1])
        real_bT = step_T < length_b1
        place_bT = torch.where(real_bT, start_b1 + step_T, 0)
        return Block(place_bT.to(self.device), real_bT.to(self.device))

    @cached_property
    def crossings(self) -> tuple[Crossing, ...]:
        prefix, last = self.packed.prefix, len(self.packed.ids_N)
        crossings = [Crossing(slice(prefix, last), slice(0, prefix))] if prefix else []
        for span in self.packed.spans:
            behind = span.start + span.prompt
            if span.end > behind:
                crossings.append(Crossing(slice(behind, span.end), slice(span.start, behind)))
        return tuple(crossings)
