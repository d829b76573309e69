"""Keys and values while decoding: each prompt's once, and each row's own.

A row attends to its prompt and to its own tokens, and the two are merged by log-sum-exp. The
prompt's part is one product for all rows of a group, instead of one for every row.

Legend: Q prompts, P tokens of the longest; R rows, T own tokens of the longest; H query
heads, G key and value heads, r = H/G query heads on each of them, D head size; K rows of the
largest group.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..layout import Packed
from ..model.attention import How, PackedAttention, kernels

FIRST_WIDTH = 64
"""Own tokens that rows have room for at first; doubled when they are used up."""
NEVER = -1e30
"""Added to a product that a query must not see. Finite, so that a query which sees nothing of a
part gets a log-sum-exp of about -1e30, and merging gives that part no weight."""


class Store:
    """Keys and values, [sequences, G, tokens, D] for each layer, of prompts and of rows.

    A layer's are made when its first keys arrive, in their shape: models differ in heads and sizes,
    some from layer to layer.
    """

    def __init__(self, prompts: int, longest: int, rows: int, width: int = 0) -> None:
        self.prompts, self.longest = prompts, longest
        self.rows, self.width = rows, width or FIRST_WIDTH
        self.prompt: list[tuple[Tensor, Tensor]] = []
        """Keys and values of the prompts, by layer."""
        self.own: list[tuple[Tensor, Tensor]] = []

    def keep_prompt(
        self, layer: int, places: slice, begin: int, key_PGD: Tensor, value_PGD: Tensor
    ) -> None:
        """Of these prompts, the tokens from `begin` on."""
        if layer == len(self.prompt):
            self.prompt.append(
                (_room(key_PGD, self.prompts, self.longest),
                 _room(value_PGD, self.prompts, self.longest))
            )  # fmt: skip
            self.own.append(
                (_room(key_PGD, self.rows, self.width), _room(value_PGD, self.rows, self.width))
            )
        for kept, fresh_PGD in zip(self.prompt[layer], (key_PGD, value_PGD), strict=True):
            kept[places, :, begin : begin + len(fresh_PGD)] = fresh_PGD.transpose(0, 1)

    def widen(self, tokens: int) -> None:
        """Make room for rows of so many tokens."""
        if tokens <= self.width:
            return
        old, self.width = self.width, max(tokens, 2 * self.width)
        for layer, pair in enumerate(self.own):
            wider = [_room(x.transpose(1, 2)[0], self.rows, self.width) for x in pair]
            for new, x in zip(wider, pair, strict=True):
                new[:, :, :old] = x
            self.own[layer] = (wider[0], wider[1])

    def holds(self, other: "Store") -> bool:
        """Whether all that fits into the other fits here."""
        mine = (self.prompts, self.longest, self.rows, self.width)
        theirs = (other.prompts, other.longest, other.rows, other.width)
        return all(a >= b for a, b in zip(mine, theirs, strict=True))

    def move_rows(self, to: Sequence[int], of: Sequence[int]) -> None:
        _move(self.own, to, of)

    def move_prompts(self, to: Sequence[int], of: Sequence[int]) -> None:
        _move(self.prompt, to, of)


def _room(like_TGD: Tensor, sequences: int, tokens: int) -> Tensor:
    """[sequences, G, tokens, D] of zeros: what was never written is multiplied by a weight of 0,
    and NaN would survive that."""
    return like_TGD.new_zeros(sequences, like_TGD.shape[1], tokens, like_TGD.shape[2])


def _move(layers: list[tuple[Tensor, Tensor]], to: Sequence[int], of: Sequence[int]) -> None:
    if to:
        for pair in layers:
            for x in pair:
                x[to] = x[of]


class Prefill:
    """Prompts through the model, side by side without padding, their keys and values kept."""

    def __init__(self, store: Store, packed: Packed, first: int) -> None:
        """`first` is the place of the first prompt; the others follow."""
        self.store, self.packed, self.first = store, packed, first
        self.within = PackedAttention(packed)

    def __call__(
        self, layer: int, query_NHD: Tensor, key_NGD: Tensor, value_NGD: Tensor, how: How
    ) -> Tensor:
        prefix, spans = self.packed.prefix, self.packed.spans
        runs = [(slice(self.first, self.first + len(spans)), 0, slice(prefix))] if prefix else []
        for place, span in enumerate(spans, self.first):
            mine = slice(span.start, span.start + span.prompt)
            runs.append((slice(place, place + 1), prefix, mine))
        for places, begin, mine in runs:
            self.store.keep_prompt(layer, places, begin, key_NGD[mine], value_NGD[mine])
        return self.within(layer, query_NHD, key_NGD, value_NGD, how)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who stands where in a decode step, in Python's numbers."""

    lengths: list[int]
    """Of each row: its own tokens before this one."""
    prompts: list[int]
    """Of each prompt: its tokens."""
    prompt_of: list[int]
    """Of each row: the place of its prompt."""
    table: list[list[int]]
    """Of each prompt: its rows; row 0 where there are fewer than of the largest group."""
    seats: list[int]
    """Of each row: where it stands in the table, read flat."""

    @classmethod
    def of(cls, lengths: Sequence[int], prompts: Sequence[int], prompt_of: Sequence[int]) -> "Plan":
        members: list[list[int]] = [[] for _ in prompts]
        places = []
        for row, q in enumerate(prompt_of):
            places.append((q, len(members[q])))
            members[q].append(row)
        widest = max(map(len, members))
        return cls(
            list(lengths),
            list(prompts),
            list(prompt_of),
            [[*m, *(0,) * (widest - len(m))] for m in members],
            [q * widest + seat for q, seat in places],
        )

    @property
    def last(self) -> int:
        """The largest position of a token that goes through the model now."""
        return max(self.prompts[q] + n for q, n in zip(self.prompt_of, self.lengths, strict=True))

    def filled_up(self, rows: int, prompts: int, group: int) -> "Plan":
        """The same with rows, prompts and seats that nobody reads, up to these numbers."""
        spare, empty = rows - len(self.lengths), prompts - len(self.prompts)
        old = len(self.table[0])
        return Plan(
            [*self.lengths, *(0,) * spare],
            [*self.prompts, *(1,) * empty],
            [*self.prompt_of, *(0,) * spare],
            [[*m, *(0,) * (group - old)] for m in (*self.table, *([0] * old,) * empty)],
            [*(s // old * group + s % old for s in self.seats), *(0,) * spare],
        )


@dataclass(frozen=True, slots=True)
class Decode:
    """One more token of every row: an Attending."""

    store: Store
    length_R: Tensor
    """Own tokens before this one."""
    prompt_Q: Tensor
    """Tokens of each prompt."""
    prompt_R: Tensor
    """The place of a row's prompt."""
    rows_QK: Tensor
    """The rows of each prompt; any row where there are fewer."""
    seat_R: Tensor
    """Where a row stands in rows_QK, read flat."""
    width: int
    """The longest row's own tokens, this one included."""
    longest: int
    """Tokens of the prompts that are looked at."""
    last: int
    """The largest position of the tokens that go through the model."""
    own_mask_R11T: Tensor | None
    prompt_mask_Q11P: Tensor | None

    @classmethod
    def of(cls, store: Store, plan: Plan) -> "Decode":
        """The step of these rows, with masks only where lengths differ."""
        device = store.own[0][0].device
        longest = max(plan.prompts)
        length_R, prompt_Q, prompt_R, rows_QK, seat_R = (
            torch.tensor(x, device=device)
            for x in (plan.lengths, plan.prompts, plan.prompt_of, plan.table, plan.seats)
        )
        width = max(plan.lengths) + 1
        return cls(
            store, length_R, prompt_Q, prompt_R, rows_QK, seat_R, width, longest, plan.last,
            None if min(plan.lengths) + 1 == width else _mask(length_R + 1, width),
            None if min(plan.prompts) == longest else _mask(prompt_Q, longest),
        )  # fmt: skip

    @classmethod
    def masked(
        cls,
        store: Store,
        length_R: Tensor,
        prompt_Q: Tensor,
        prompt_R: Tensor,
        rows_QK: Tensor,
        seat_R: Tensor,
        width: int,
    ) -> "Decode":
        """A step that is the same computation for all lengths up to `width`, for a graph."""
        return cls(
            store, length_R, prompt_Q, prompt_R, rows_QK, seat_R, width, store.longest, sys.maxsize,
            _mask(length_R + 1, width), _mask(prompt_Q, store.longest),
        )  # fmt: skip

    @property
    def position_R(self) -> Tensor:
        return self.prompt_Q[self.prompt_R] + self.length_R

    def __call__(
        self, layer: int, query_RHD: Tensor, key_RGD: Tensor, value_RGD: Tensor, how: How
    ) -> Tensor:
        R, H, D = query_RHD.shape
        G = key_RGD.shape[1]
        row_R = torch.arange(R, device=query_RHD.device)
        own_key, own_value = self.store.own[layer]
        own_key[row_R, :, self.length_R] = key_RGD
        own_value[row_R, :, self.length_R] = value_RGD
        Q, K = self.rows_QK.shape

        query_RGrD = query_RHD.reshape(R, G, H // G, D)
        own_mask, prompt_mask = self._masks(how, H // G)
        mine, mine_lse = attend_part(
            query_RGrD, own_key[:R, :, : self.width], own_value[:R, :, : self.width], own_mask, how
        )
        query_QGKrD = query_RGrD[self.rows_QK].transpose(1, 2)
        prompt_key, prompt_value = (x[:Q, :, : self.longest] for x in self.store.prompt[layer])
        theirs, theirs_lse = attend_part(
            query_QGKrD.reshape(Q, G, K * (H // G), D), prompt_key, prompt_value, prompt_mask, how
        )
        theirs = theirs.reshape(Q, G, K, H // G, -1).transpose(1, 2).reshape(Q * K, H, -1)
        theirs_lse = theirs_lse.reshape(Q, G, K, H // G).transpose(1, 2).reshape(Q * K, H)
        theirs, theirs_lse = theirs[self.seat_R], theirs_lse[self.seat_R]
        mine, mine_lse = mine.reshape(R, H, -1), mine_lse.reshape(R, H)
        share = torch.sigmoid(theirs_lse - mine_lse)[..., None]
        return torch.lerp(mine.to(share.dtype), theirs.to(share.dtype), share).to(query_RHD.dtype)

    def _masks(self, how: How, repeat: int) -> tuple[Tensor | None, Tensor | None]:
        if how.window is None or self.last < how.window:
            return self.own_mask_R11T, self.prompt_mask_Q11P
        return self._windowed(how.window, repeat)

    def _windowed(self, window: int, repeat: int) -> tuple[Tensor, Tensor]:
        """Masks of a layer whose window binds: a query sees itself and window − 1 tokens before."""
        position_R, device = self.position_R, self.length_R.device
        step_T = torch.arange(self.width, device=device)
        back_RT = self.length_R[:, None] - step_T
        own_RT = torch.where((back_RT >= 0) & (back_RT < window), 0.0, NEVER)
        step_P = torch.arange(self.longest, device=device)
        back_QKP = position_R[self.rows_QK][..., None] - step_P
        seen_QKP = (step_P < self.prompt_Q[:, None, None]) & (back_QKP < window)
        prompt_QKP = torch.where(seen_QKP, 0.0, NEVER)
        return own_RT[:, None, None], prompt_QKP.repeat_interleave(repeat, 1)[:, None]


def _mask(length_B: Tensor, width: int) -> Tensor:
    """[B, 1, 1, width] 0 for the first tokens, NEVER behind them."""
    seen = torch.arange(width, device=length_B.device) < length_B[:, None]
    return torch.where(seen, 0.0, NEVER)[:, None, None]


def attend_part(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, how: How
) -> tuple[Tensor, Tensor]:
    """Attention to some of the keys, and its log-sum-exp.

    Args:
        query: [B, G, S, D]; key, value: [B, G, T, D]; mask: added, [B, 1, 1 or S, T].

    Returns: [B, G, S, D] in the query's dtype and [B, G, S] in fp32 (fp64 for fp64).
    """
    exact = torch.promote_types(query.dtype, torch.float32)
    if query.device.type == "cpu" and how.cap is None:
        mask = None if mask is None else mask.to(exact)
        return kernels.forward(query, key, value, scale=how.scale, mask=mask)
    scores = (query @ key.mT).to(exact) * how.scale
    if how.cap is not None:
        scores = how.cap * torch.tanh(scores / how.cap)
    if mask is not None:
        scores = scores + mask
    lse = scores.logsumexp(-1)
    return (scores - lse[..., None]).exp().to(value.dtype) @ value, lse
