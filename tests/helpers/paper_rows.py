"""Off-policy data twice: as a round with its tensors, and as groups of rows for scalar loops.

Letters: B rows, T tokens. All in float64.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch

from paceline.objective import Tokens
from tests.helpers.rounds import make_round

# Ragged groups; the second has no signal, the fourth is a group of one; one row of the third is
# masked (it was cut, say) and counts in B and in its group's baseline only.
REWARDS = [[1.0, 0.0, 0.25, 1.0], [0.5, 0.5, 0.5], [0.0, 2.0, 1.0], [1.0]]
LENGTHS = [[5, 2, 7, 3], [4, 1, 2], [6, 3, 4], [2]]
MASKED = 8
MAX_TOKENS = 10
BETA = 0.07


@dataclass
class Row:
    """One completion: its reward, its tokens, and whether it trains."""

    r: float
    T: int
    trains: bool
    lp: list
    """Scalars with gradient."""
    anchor: list
    ref: list
    V: list
    """A critic's values."""

    def rho(self, t):
        """The ratio of a token."""
        return torch.exp(self.lp[t] - self.anchor[t])

    def k3(self, t):
        """The KL estimate of a token to the reference."""
        d = self.ref[t] - self.lp[t]
        return torch.exp(d) - d - 1

    def k1_paid(self):
        """β Σ k1 of the row at sampling: what a KL in the reward takes from it."""
        return BETA * sum(a - f for a, f in zip(self.anchor, self.ref, strict=True))


def data(seed=0):
    """Off-policy data: the round, its tensors, and the same as groups of rows."""
    noises = torch.Generator().manual_seed(1000 + seed)
    generator = torch.Generator().manual_seed(seed)
    lengths = [n for group in LENGTHS for n in group]
    B, T = len(lengths), max(lengths)

    def noise(scale):
        return scale * torch.randn(B, T, generator=generator, dtype=torch.float64)

    anchor_BT = -noise(1.0).abs()
    logp_BT = (anchor_BT + noise(0.3)).requires_grad_()
    ref_BT, old_BT = anchor_BT + noise(0.2), anchor_BT + noise(0.05)
    value_BT = torch.randn(B, T, generator=noises, dtype=torch.float64)
    mask_BT = torch.arange(T) < torch.tensor(lengths).unsqueeze(-1)
    mask_BT[MASKED] = False
    round = make_round(
        REWARDS,
        LENGTHS,
        anchor=tuple(tuple(x[:n].tolist()) for x, n in zip(anchor_BT, lengths, strict=True)),
        ref=tuple(tuple(x[:n].tolist()) for x, n in zip(ref_BT, lengths, strict=True)),
        values=tuple(tuple(x[:n].tolist()) for x, n in zip(value_BT, lengths, strict=True)),
    )
    third = round.groups[2]
    rollouts = list(third.rollouts)
    rollouts[MASKED - 7] = replace(rollouts[MASKED - 7], masked=True)
    third = replace(third, rollouts=tuple(rollouts))
    round = replace(round, groups=(*round.groups[:2], third, *round.groups[3:]))
    groups, i = [], 0
    for rewards in REWARDS:
        groups.append([])
        for r in rewards:
            n = lengths[i]
            anchor, ref = anchor_BT[i].tolist()[:n], ref_BT[i].tolist()[:n]
            groups[-1].append(
                Row(r, n, i != MASKED, list(logp_BT[i]), anchor, ref, value_BT[i].tolist()[:n])
            )
            i += 1
    return SimpleNamespace(
        round=round,
        logp_BT=logp_BT,
        anchor_BT=anchor_BT,
        ref_BT=ref_BT,
        old_BT=old_BT,
        mask_BT=mask_BT,
        groups=groups,
    )


def tokens_of(objective, d):
    """The whole round as one part."""
    advantage = objective.advantages(d.round, torch.float64)
    if advantage.ndim == 1:
        advantage = advantage.unsqueeze(-1)
    group_B = torch.tensor(d.round.group_of)
    return Tokens(
        mask_BT=d.mask_BT,
        anchor_BT=d.anchor_BT,
        old_BT=d.old_BT,
        ref_BT=d.ref_BT if objective.needs_reference else None,
        advantage_BT=advantage.expand_as(d.mask_BT),
        weight_BT=objective.weights(d.mask_BT, group_B, torch.float64),
    )
