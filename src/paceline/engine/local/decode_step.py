"""A decode step: one more token of every row, attending to its prompt and to its own tokens.

The two parts are merged by log-sum-exp. The prompt's part is one product for all rows of a group,
instead of one for every row.

Legend: Q prompts, P tokens of the longest; R rows, T own tokens of the longest; K rows of the
largest group; H query heads, G key and value heads, r = H/G query heads on each of them, D head
size, S = K·r queries of a group on one key head.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...model.attention import AttentionParams, kernels
from .kv_cache import KVCache

UNSEEN_MASK = -1e30
"""Added to a product that a query must not see. It is finite, so that a query which sees nothing of
a part gets a log-sum-exp of about -1e30, and merging gives that part no weight."""


@dataclass(frozen=True, slots=True)
class DecodeBatch:
    """The rows and prompts of a decode step by their places in the cache, in Python's numbers.

    Example: rows 0 and 1 have prompt 0, row 2 has prompt 1:
    DecodeBatch.of([4, 2, 7], [9, 12], [0, 0, 1]) has members [[0, 1], [2, 0]] and seats [0, 1, 2].
    """

    own_lengths: list[int]
    """[R] each row's own tokens before this one."""
    prompt_lengths: list[int]
    """[Q] the tokens of each prompt."""
    prompt_of: list[int]
    """[R] the index of each row's prompt."""
    members: list[list[int]]
    """[Q][K] the rows of each prompt; row 0 where there are fewer than of the largest group."""
    seats: list[int]
    """[R] the place of each row in `members`, read row by row."""

    @classmethod
    def of(
        cls, own_lengths: Sequence[int], prompt_lengths: Sequence[int], prompt_of: Sequence[int]
    ) -> "DecodeBatch":
        members: list[list[int]] = [[] for _ in prompt_lengths]
        places = []
        for row, q in enumerate(prompt_of):
            places.append((q, len(members[q])))
            members[q].append(row)
        widest = max(map(len, members))
        return cls(
            list(own_lengths),
            list(prompt_lengths),
            list(prompt_of),
            [[*m, *(0,) * (widest - len(m))] for m in members],
            [q * widest + seat for q, seat in places],
        )

    @property
    def last_position(self) -> int:
        """The largest position of a token that goes through the model now."""
        pairs = zip(self.prompt_of, self.own_lengths, strict=True)
        return max(self.prompt_lengths[q] + n for q, n in pairs)

    def filled_up(self, rows: int, prompts: int, group: int) -> "DecodeBatch":
        """This batch with surplus rows, prompts and seats that are never read, up to these
        numbers."""
        spare, empty = rows - len(self.own_lengths), prompts - len(self.prompt_lengths)
        old = len(self.members[0])
        return DecodeBatch(
            [*self.own_lengths, *(0,) * spare],
            [*self.prompt_lengths, *(1,) * empty],
            [*self.prompt_of, *(0,) * spare],
            [[*m, *(0,) * (group - old)] for m in (*self.members, *([0] * old,) * empty)],
            [*(s // old * group + s % old for s in self.seats), *(0,) * spare],
        )


@dataclass(frozen=True, slots=True)
class BatchTensors:
    """A DecodeBatch on the device, field for field."""

    own_length_R: Tensor
    prompt_length_Q: Tensor
    prompt_of_R: Tensor
    member_QK: Tensor
    seat_R: Tensor

    @classmethod
    def of(cls, batch: DecodeBatch, device: torch.device | str) -> "BatchTensors":
        return cls(*(torch.tensor(x, device=device) for x in _columns(batch)))

    @classmethod
    def blank(cls, R: int, Q: int, K: int, device: torch.device | str) -> "BatchTensors":
        """Tensors of zeros, to be overwritten by `copy_`."""
        shapes = ((R,), (Q,), (R,), (Q, K), (R,))
        return cls(*(torch.zeros(shape, dtype=torch.long, device=device) for shape in shapes))

    def copy_(self, batch: DecodeBatch) -> None:
        """Write a batch of these sizes into the tensors as they lie in memory."""
        own = (
            self.own_length_R, self.prompt_length_Q, self.prompt_of_R, self.member_QK, self.seat_R,
        )  # fmt: skip
        for tensor, column in zip(own, _columns(batch), strict=True):
            tensor.copy_(torch.tensor(column))

    @property
    def position_R(self) -> Tensor:
        """The position of each row's token that goes through the model now."""
        return self.prompt_length_Q[self.prompt_of_R] + self.own_length_R


def _columns(batch: DecodeBatch) -> tuple[list, ...]:
    """A batch's fields in the order of BatchTensors."""
    return batch.own_lengths, batch.prompt_lengths, batch.prompt_of, batch.members, batch.seats


@dataclass(frozen=True, slots=True)
class DecodeStep:
    """One more token of every row: an AttentionFn that writes the token's keys and values into the
    cache, and attends to all of the row's."""

    cache: KVCache
    batch: BatchTensors
    width: int
    """The longest row's own tokens, this one included."""
    longest: int
    """Number of prompt tokens that are looked at."""
    last_position: int
    """The largest position of the tokens that go through the model."""
    own_mask_R11T: Tensor | None
    prompt_mask_Q11P: Tensor | None

    @classmethod
    def of(cls, cache: KVCache, batch: DecodeBatch) -> "DecodeStep":
        """The step of these rows, with masks only where lengths differ."""
        tensors = BatchTensors.of(batch, cache.own_kv[0][0].device)
        width, longest = max(batch.own_lengths) + 1, max(batch.prompt_lengths)
        own_mask = prompt_mask = None
        if min(batch.own_lengths) + 1 != width:
            own_mask = _mask(tensors.own_length_R + 1, width)
        if min(batch.prompt_lengths) != longest:
            prompt_mask = _mask(tensors.prompt_length_Q, longest)
        return cls(cache, tensors, width, longest, batch.last_position, own_mask, prompt_mask)

    @classmethod
    def masked(cls, cache: KVCache, batch: BatchTensors, width: int) -> "DecodeStep":
        """A step that is the same computation for all lengths up to `width`, for a graph."""
        own_mask = _mask(batch.own_length_R + 1, width)
        prompt_mask = _mask(batch.prompt_length_Q, cache.longest)
        return cls(cache, batch, width, cache.longest, sys.maxsize, own_mask, prompt_mask)

    @property
    def position_R(self) -> Tensor:
        return self.batch.position_R

    def __call__(
        self,
        layer: int,
        query_RHD: Tensor,
        key_RGD: Tensor,
        value_RGD: Tensor,
        params: AttentionParams,
    ) -> Tensor:
        R, H, D = query_RHD.shape
        G = key_RGD.shape[1]
        at = self.batch
        row_R = torch.arange(R, device=query_RHD.device)
        own_key, own_value = self.cache.own_kv[layer]
        own_key[row_R, :, at.own_length_R] = key_RGD
        own_value[row_R, :, at.own_length_R] = value_RGD
        Q, K = at.member_QK.shape

        query_RGrD = query_RHD.reshape(R, G, H // G, D)
        own_mask, prompt_mask = self._masks(params, H // G)
        own_key, own_value = (x[:R, :, : self.width] for x in (own_key, own_value))
        mine, mine_lse = attend_part(query_RGrD, own_key, own_value, own_mask, params)
        query_QGKrD = query_RGrD[at.member_QK].transpose(1, 2)
        query_QGSD = query_QGKrD.reshape(Q, G, K * (H // G), D)
        prompt_key, prompt_value = (x[:Q, :, : self.longest] for x in self.cache.prompt_kv[layer])
        theirs, theirs_lse = attend_part(query_QGSD, prompt_key, prompt_value, prompt_mask, params)
        theirs = theirs.reshape(Q, G, K, H // G, -1).transpose(1, 2).reshape(Q * K, H, -1)
        theirs_lse = theirs_lse.reshape(Q, G, K, H // G).transpose(1, 2).reshape(Q * K, H)
        theirs, theirs_lse = theirs[at.seat_R], theirs_lse[at.seat_R]
        mine, mine_lse = mine.reshape(R, H, -1), mine_lse.reshape(R, H)
        share = torch.sigmoid(theirs_lse - mine_lse)[..., None]
        return torch.lerp(mine.to(share.dtype), theirs.to(share.dtype), share).to(query_RHD.dtype)

    def _masks(self, params: AttentionParams, repeat: int) -> tuple[Tensor | None, Tensor | None]:
        if params.window is None or self.last_position < params.window:
            return self.own_mask_R11T, self.prompt_mask_Q11P
        return self._windowed(params.window, repeat)

    def _windowed(self, window: int, repeat: int) -> tuple[Tensor, Tensor]:
        """Masks of a layer whose window binds: a query sees itself and window − 1 tokens before."""
        at, position_R = self.batch, self.position_R
        step_T = torch.arange(self.width, device=at.own_length_R.device)
        back_RT = at.own_length_R[:, None] - step_T
        own_RT = torch.where((back_RT >= 0) & (back_RT < window), 0.0, UNSEEN_MASK)
        step_P = torch.arange(self.longest, device=at.own_length_R.device)
        back_QKP = position_R[at.member_QK][..., None] - step_P
        seen_QKP = (step_P < at.prompt_length_Q[:, None, None]) & (back_QKP < window)
        prompt_QKP = torch.where(seen_QKP, 0.0, UNSEEN_MASK)
        return own_RT[:, None, None], prompt_QKP.repeat_interleave(repeat, 1)[:, None]


def _mask(length_B: Tensor, width: int) -> Tensor:
    """[B, 1, 1, width] 0 for the first tokens, UNSEEN_MASK behind them."""
    seen = torch.arange(width, device=length_B.device) < length_B[:, None]
    return torch.where(seen, 0.0, UNSEEN_MASK)[:, None, None]


def attend_part(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, params: AttentionParams
) -> tuple[Tensor, Tensor]:
    """Attention to some of the keys, and its log-sum-exp.

    Args:
        query: [B, G, S, D]; key, value: [B, G, T, D]; mask: added, [B, 1, 1 or S, T].

    Returns: [B, G, S, D] in the query's dtype and [B, G, S] in fp32 (fp64 for fp64).
    """
    exact = torch.promote_types(query.dtype, torch.float32)
    if query.device.type == "cpu" and params.cap is None:
        mask = None if mask is None else mask.to(exact)
        return kernels.forward(query, key, value, scale=params.scale, mask=mask)
    scores = (query @ key.mT).to(exact) * params.scale
    if params.cap is not None:
        scores = params.cap * torch.tanh(scores / params.cap)
    if mask is not None:
        scores = scores + mask
    lse = scores.logsumexp(-1)
    return (scores - lse[..., None]).exp().to(value.dtype) @ value, lse
