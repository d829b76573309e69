"""The effects of an objective on each completion and token of a part: push, ratio, clip.

Legend: B rows, T completion tokens (the longest row's).
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...batch import Batch, Micro
from ...objective import Objective, Scores, Tokens
from ...objective.ratio import largest_ratio, ratio_of
from ...training import Learner
from .record import Effect

Scored = dict[tuple[int, tuple[int, ...]], list[Scores]]
"""The policy's scores of rows, pack by pack, by the limit of a pack and the batch's rows."""


def effects(
    learner: Learner, objective: Objective, batch: Batch, scored: Scored
) -> tuple[Effect, ...]:
    """The effects of an objective on each of the rows, in the round's order."""
    key = learner.tokens_per_forward, batch.index
    if key not in scored:
        scored[key] = [_score(learner, micro) for _, micro in _packs(learner, batch)]
    found = []
    for (pack, micro), scores in zip(_packs(learner, batch), scored[key], strict=True):
        made = _PackEffects.of(objective, scores, micro.tokens)
        lengths = [len(c) for c in micro.rows.completions]
        for place, (i, length) in enumerate(zip(pack, lengths, strict=True)):
            found.append(made.effect(place, batch.index[i], length))
    return tuple(sorted(_shared(found), key=lambda e: e.row))


def _shared(found: Sequence[Effect]) -> Iterator[Effect]:
    """The weights as shares; one that is not finite is NaN, and takes from no other."""
    total = sum(e.weight for e in found if math.isfinite(e.weight))
    for e in found:
        share = e.weight / total if total else 0.0
        yield replace(e, weight=share if math.isfinite(e.weight) else math.nan)


def _packs(learner: Learner, batch: Batch) -> Iterator[tuple[list[int], Micro]]:
    """The batch's micro-batches, each with the places of its rows."""
    limit, layout = learner.tokens_per_forward, learner.policy.layout
    return zip(learner.packs(batch.rows), batch.micro(limit, layout), strict=True)


def _score(learner: Learner, micro: Micro) -> Scores:
    """The same scores as in the update: the same rows, in the same pack."""
    scores = learner.policy.score(micro.rows, learner.temperature)
    return Scores(scores.logp_BT.cpu(), scores.entropy_BT.cpu())


def pushes(objective: Objective, scores: Scores, tokens: Tokens) -> Tensor:
    """[B, T] −d loss / d log π of each token, at these scores; 0 where the mask is False.

    An entropy term acts through the whole distribution, and so is not in it.
    """
    with torch.enable_grad():
        logp_BT = scores.logp_BT.detach().requires_grad_()
        loss = objective.value(Scores(logp_BT, scores.entropy_BT.detach()), tokens)
        (slope_BT,) = torch.autograd.grad(loss, logp_BT, allow_unused=True)
    return torch.zeros_like(logp_BT) if slope_BT is None else -slope_BT


@dataclass(frozen=True, slots=True)
class _PackEffects:
    """The effects of an objective on the tokens of a pack; all tensors are [B, T]."""

    tokens: Tokens
    logp_BT: Tensor
    anchor_BT: Tensor
    moved_BT: Tensor
    push_BT: Tensor
    clipped_BT: Tensor

    @classmethod
    def of(cls, objective: Objective, scores: Scores, tokens: Tokens) -> "_PackEffects":
        logp_BT, mask_BT = scores.logp_BT, tokens.mask_BT.bool()
        anchor_BT = logp_BT if tokens.anchor_BT is None else tokens.anchor_BT
        moved_BT = torch.where(mask_BT, logp_BT - anchor_BT, 0.0)
        push_BT, clipped_BT = pushes(objective, scores, tokens), objective.clipped(scores, tokens)
        clipped_BT = torch.zeros_like(mask_BT) if clipped_BT is None else clipped_BT
        return cls(tokens, logp_BT, anchor_BT, moved_BT, push_BT, clipped_BT)

    def effect(self, place: int, row: int, length: int) -> Effect:
        """The effect on one row; its weight is Σ |push|, not yet a share."""

        def floats(x_BT: Tensor) -> array:
            return array("f", x_BT[place, :length].tolist())

        real_T = self.tokens.mask_BT[place, :length].bool()
        moved_T = self.moved_BT[place, :length][real_T]
        advantage_T, push_T = floats(self.tokens.advantage_BT), floats(self.push_BT)
        return Effect(
            row=row,
            advantage=sum(advantage_T) / length,
            weight=sum(map(abs, push_T)),
            push=sum(push_T),
            ratio=ratio_of(moved_T.mean().item()) if len(moved_T) else 1.0,
            ratio_max=largest_ratio(moved_T),
            clipped=int(self.clipped_BT[place].sum()),
            logp_T=floats(self.logp_BT),
            anchor_T=floats(self.anchor_BT),
            ratio_T=floats(self.moved_BT.exp()),
            advantage_T=advantage_T,
            push_T=push_T,
            clipped_T=tuple(self.clipped_BT[place, :length].tolist()),
        )
