"""The way from a part of a Round to the tensors that the policy and the loss read: weighed, masked
and split here, shifted and laid out in `layout.py`, and nowhere else. Nothing downstream slices
`[:, 1:]` or compares a token with the pad.

Legend: B rows, T completion tokens (the longest row's).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import rng
from .layout import PACKED, Layout, TokenRows, pad
from .objective import Criterion, Targets, Tokens
from .types import Rollout, Round

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Micro:
    """The rows of one forward and backward pass."""

    rows: TokenRows
    tokens: Tokens
    targets: Targets | None = None
    """The numbers that a critic learns; None for a batch that has no critic."""
    recompute: bool = False
    """True if the backward pass computes each layer again, because the memory that all layers need
    for so many rows is not there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one optimizer step that carry signal, weighed among all rows of their part."""

    rows: TokenRows
    tokens: Tokens
    index: tuple[int, ...]
    """The indices of the rows in the round."""
    part_rows: int
    """Number of rows of the part, before those without signal were dropped."""
    targets: Targets | None = None
    """The numbers that a critic learns of these rows."""
    whole_groups: bool = False
    """True if no micro-batch may part a group."""

    @classmethod
    def of(
        cls,
        round: Round,
        part: Sequence[int],
        loss: Criterion,
        *,
        anchored: bool = True,
        at_reference: bool = False,
    ) -> "Batch":
        """Weigh all rows, then drop those that carry no gradient.

        Args:
            round: a scored round, with the columns that the loss needs.
            part: the indices of the part's groups in the round.
            anchored: False if the round has one part: the policy's own log-probability is the
                anchor then, even if the round holds one (for KL in the reward).
            at_reference: True if the policy is the reference, weight for weight: no KL then.
        """
        chosen, group_of, every = set(part), round.group_of, round.rollouts
        index = [i for i, g in enumerate(group_of) if g in chosen]
        rollouts = [every[i] for i in index]
        width = max(len(r.completion.token_ids) for r in rollouts)
        advantage_BT = _token_advantages(loss, round, index, width)
        sampled = [
            [float(not r.masked)] * len(r.completion.token_ids)
            if r.completion.sampled is None
            else [float(s and not r.masked) for s in r.completion.sampled]
            for r in rollouts
        ]
        mask_BT = pad(sampled, width, torch.float32)
        group_B = torch.tensor([group_of[i] for i in index])
        tokens = Tokens(
            mask_BT=mask_BT,
            anchor_BT=_column(round.anchor if anchored else None, index, width),
            old_BT=_sampled_at(rollouts, width),
            ref_BT=_column(round.ref, index, width),
            advantage_BT=advantage_BT,
            weight_BT=loss.weights(mask_BT, group_B),
            at_reference=at_reference,
            group_B=group_B,
        )
        rows = TokenRows.of(round).take(index)
        keep = list(range(len(index)))
        if loss.drops_signalless:
            keep = (advantage_BT * mask_BT).any(1).nonzero()[:, 0].tolist()
        return cls(
            rows.take(keep),
            tokens.rows(torch.tensor(keep, dtype=torch.long)),
            tuple(index[i] for i in keep),
            len(index),
            whole_groups=loss.whole_groups,
        )

    def micro(
        self,
        tokens_per_forward: int,
        layout: Layout = PACKED,
        device: torch.device | str = "cpu",
    ) -> Iterator[Micro]:
        """The batch in pieces that fit into memory; losses and gradients add up to the whole's."""
        packs = self.rows.packs(tokens_per_forward, layout, whole=self.whole_groups)
        for pack in packs:
            rows, index = self.rows.take(pack), torch.tensor(pack)
            width = max(len(c) for c in rows.completions)
            tokens = self.tokens.rows(index).cut(width).to(device)
            targets = self.targets
            if targets is not None:
                targets = targets.rows(index).cut(width).to(device)
            too_many = layout.size(rows) > tokens_per_forward
            yield Micro(rows, tokens, targets, recompute=too_many and layout.deep > 1)


def parts_of(round: Round, seed: int, part: int, minibatches: int) -> list[int]:
    """The groups of the round's part number `part`: epoch part // minibatches, its share of a
    permutation hashed from (seed, "parts", round, epoch). Groups stay whole; shares differ by at
    most one group."""
    epoch, share = divmod(part, minibatches)
    count = len(round.groups)
    order = rng.permutation(rng.key(seed, "parts", round.index, epoch), count)
    return order[share * count // minibatches : (share + 1) * count // minibatches]


def _token_advantages(loss: Criterion, round: Round, index: Sequence[int], width: int) -> Tensor:
    """[B, T] advantages of the part's rows, from statistics of the whole round."""
    advantage = loss.advantages(round)[list(index)]
    if advantage.ndim == 1:
        return advantage[:, None].expand(-1, width).float()
    return advantage[:, :width].float()


def _sampled_at(rollouts: Sequence[Rollout], width: int) -> Tensor | None:
    """[B, T] the engine's log-probabilities; None where no engine sampled the rows."""
    columns = [r.completion.logprobs for r in rollouts]
    return pad(columns, width, torch.float32) if any(columns) else None


def _column(column: tuple[Floats, ...] | None, index: Sequence[int], width: int) -> Tensor | None:
    return None if column is None else pad([column[i] for i in index], width, torch.float32)
