"""Groups of given completions, made by hand: as a round, as tensors, and as plain lists.

Letters: B rows, T tokens, padded to the right. All in float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from torch import Tensor

from paceline.objective import Tokens
from paceline.types import Round, Verdict
from tests.helpers.rounds import make_round

PAIR_LENGTHS = [[5, 2], [1, 4], [3, 3], [2, 6]]
PAIR_REWARDS = [[1.0, 0.0], [0.0, 1.0], [0.25, -2.0], [0.5, 0.75]]
SKIPPED = ((0, 3), (5, 1), (7, 0))
"""Tokens (row, place) that are another turn's and train in no loss, in rows of more than one."""


@dataclass
class GivenRow:
    """One completion as plain numbers: its scores are scalars with gradient."""

    reward: float
    margin: float
    logp: list[Tensor]
    """log π of the tokens that train."""
    ref: list[float]


def given_part(
    rewards: Sequence[Sequence[float]] = PAIR_REWARDS,
    lengths: Sequence[Sequence[int]] = PAIR_LENGTHS,
    margins: Sequence[float] | None = None,
    seed: int = 0,
) -> SimpleNamespace:
    """round, mask_BT, logp_BT (with gradient), ref_BT, score_B (with gradient), and `groups`: the
    same as lists of `GivenRow`."""
    generator = torch.Generator().manual_seed(seed)
    flat = [n for group in lengths for n in group]
    B, T = len(flat), max(flat)
    mask_BT = torch.arange(T) < torch.tensor(flat).unsqueeze(-1)
    for i, t in SKIPPED:
        if i < B and t < flat[i] and flat[i] > 1:
            mask_BT[i, t] = False

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    ref_BT = -noise(B, T).abs() - 0.05
    logp_BT = (ref_BT + 0.3 * noise(B, T)).clamp(max=-0.01).requires_grad_()
    score_B = noise(B).requires_grad_()
    margins = margins or [0.0] * B
    sampled = [mask_BT[i, :n].tolist() for i, n in enumerate(flat)]
    round = with_margins(make_round(rewards, lengths, sampled), margins)
    groups, i = [], 0
    for group in rewards:
        groups.append([])
        for reward in group:
            own = mask_BT[i].nonzero()[:, 0].tolist()
            row = GivenRow(
                reward, margins[i], [logp_BT[i, t] for t in own], [ref_BT[i, t].item() for t in own]
            )
            groups[-1].append(row)
            i += 1
    return SimpleNamespace(
        round=round, mask_BT=mask_BT, logp_BT=logp_BT, ref_BT=ref_BT, score_B=score_B, groups=groups
    )


def with_margins(round: Round, margins: Sequence[float]) -> Round:
    """The round whose verdicts have these parts "margin", where they are not 0."""
    rest = iter(margins)
    groups = []
    for group in round.groups:
        rollouts = tuple(
            replace(r, verdict=Verdict(r.verdict.reward, {"margin": m} if m else {}))
            for r, m in zip(group.rollouts, rest, strict=False)
        )
        groups.append(replace(group, rollouts=rollouts))
    return replace(round, groups=tuple(groups))


def tokens_of_part(criterion, part: SimpleNamespace, **changes) -> Tokens:
    """The part as a batch makes it of the round, weighed in float64."""
    group_B = torch.tensor(part.round.group_of)
    advantage_B = criterion.advantages(part.round, torch.float64)
    tokens = Tokens(
        mask_BT=part.mask_BT,
        anchor_BT=None,
        old_BT=None,
        ref_BT=part.ref_BT if criterion.needs_reference else None,
        advantage_BT=advantage_B[:, None].expand(part.mask_BT.shape),
        weight_BT=criterion.weights(part.mask_BT, group_B, torch.float64),
        group_B=group_B,
    )
    return replace(tokens, **changes)
