"""The loss of a reward model: completions of one problem in the order that their rewards give.

Letters: B rows, T completion tokens, P pairs. s is the number that the model gives to a row; w is
the row with the higher reward of a pair, l the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Group, Round
from .compared import ComparesGivenRows
from .preference import compared_pairs
from .records import Metrics, Tokens, kept

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = "margin"
"""The part of a verdict that says by how much its completion is better."""
WIDEST = 1000.0
"""The largest margin: in float32 a larger one would no longer be told from the next place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking(ComparesGivenRows):
    """Bradley and Terry's loss over all pairs of a group whose rewards differ:

        −log σ(s_w − s_l − margin·m_w) + centre·(s_w + s_l)²

    mean over the pairs of a group, then over the groups of the part (InstructGPT, arXiv 2203.02155,
    eq. 1). m_w is the part "margin" of the better row's verdict, 0 where it has none (Llama 2,
    arXiv 2307.09288, eq. 2). A row without a token in the mask is left out; a group without any
    pair counts among the groups and gives nothing.

    Example: Ranking(centre=0.01) holds the level of the scores near 0.
    """

    margin: float = 1.0
    """The weight of the rows' own margins: 1 takes them as they are, 0 leaves them out."""
    centre: float = 0.0
    """The weight of the pull of (s_w + s_l) towards 0 (arXiv 2312.09244, eq. 2): differences alone
    leave the level free to drift."""

    def __post_init__(self) -> None:
        for name in ("margin", "centre"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(
                    f"Ranking needs a {name} of at least 0, not {getattr(self, name)}."
                )

    def __call__(self, score_B: Tensor, tokens: Tokens) -> tuple[Tensor, Metrics]:
        """The loss of these rows, and what was measured of them: `Metrics.pairs` holds the scores.

        Args:
            score_B: s of each row, with gradient. Any number where a row has no token in the mask.
            tokens: whole groups; of them the mask, the weights, the advantages and groups are read.
        """
        w_P, l_P = self._pairs(tokens)
        tokens_B = tokens.mask_BT.bool().sum(-1)
        loss = self._loss(score_B, tokens, w_P, l_P)
        with torch.no_grad():
            pairs = compared_pairs(score_B.detach(), tokens_B, w_P, l_P)
            return loss, Metrics(tokens=int(tokens_B.sum()), loss=loss.item(), pairs=pairs)

    def value(self, score_B: Tensor, tokens: Tokens) -> Tensor:
        """The loss of these rows; shares of a part's groups add up to the part's."""
        return self._loss(score_B, tokens, *self._pairs(tokens))

    def _pairs(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """[P] the better and [P] the worse rows of all pairs of one group."""
        if tokens.group_B is None:
            raise ValueError("A ranking needs to know the groups: Tokens.group_B is None.")
        place_B = _read(tokens).floor()
        same_BB = tokens.group_B[:, None] == tokens.group_B
        has_B = place_B > 0  # 0 stands for a row without a token
        better_BB = same_BB & (place_B[:, None] > place_B) & has_B[:, None] & has_B
        w_P, l_P = better_BB.nonzero().T
        return w_P, l_P

    def _loss(self, score_B: Tensor, tokens: Tokens, w_P: Tensor, l_P: Tensor) -> Tensor:
        rest_P = _read(tokens)[w_P].frac()
        margin_P = self.margin * rest_P / (1 - rest_P)
        s_w_P, s_l_P = score_B[w_P], score_B[l_P]
        loss_P = -torch.nn.functional.logsigmoid(s_w_P - s_l_P - margin_P)
        loss_P = loss_P + self.centre * (s_w_P + s_l_P).square()
        share_P = kept(tokens.weight_BT, tokens.mask_BT.bool()).amax(-1)[w_P]
        group_P = tokens.group_B[w_P] if tokens.group_B is not None else w_P
        _, place_P, pairs_G = torch.unique(group_P, return_inverse=True, return_counts=True)
        return (share_P * loss_P / pairs_G[place_P]).sum()

    def advantages(self, round: Round, dtype: torch.dtype | None = None) -> Tensor:
        """[B] each row's place in its group plus its margin, in one number; float32 if None.

        The whole part is the place: 1 for the lowest reward of the group, equal rewards sharing
        one. The rest is m / (1 + m), m the row's margin, which is below 1 for every m ≥ 0.

        Example: rewards 0.2, 0.7, 0.7 with the margins 0, 1, 0 give 1, 2.5, 2.

        Raises ValueError for a reward that is not finite, and for a margin below 0 or above 1000.
        """
        places = [place for group in round.groups for place in _places(group)]
        return torch.tensor(places, dtype=dtype or torch.float32)

    def weights(self, mask_BT: Tensor, group_B: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """[B, T] 1 / groups of the part at every token of the mask: the group's whole share. The
        loss itself divides it by the pairs of the group, all of which are there."""
        groups = max(len(torch.unique(group_B)), 1)
        return mask_BT.to(dtype or torch.float32) / groups

    @property
    def of_scores(self) -> bool:
        """True: a reward model is what learns."""
        return True

    def describe(self) -> str:
        """All parts in one sentence, for those who do not read formulas.

        Example: "The likelihood of every pair of a group; margins as the rows have them."
        """
        said = ["The likelihood of every pair of a group"]
        if self.margin:
            times = "" if self.margin == 1 else f", times {self.margin:g}"
            said.append(f"margins as the rows have them{times}")
        if self.centre:
            said.append(f"scores drawn to 0 by {self.centre:g}")
        return f"{'; '.join(said)}."


def _read(tokens: Tokens) -> Tensor:
    """[B] each row's advantage, 0 where it has no token in the mask."""
    return kept(tokens.advantage_BT, tokens.mask_BT.bool()).amax(-1)


def _places(group: Group) -> list[float]:
    found = []
    levels = sorted(set(group.rewards))
    for rollout in group.rollouts:
        reward, margin = rollout.verdict.reward, rollout.verdict.parts.get(MARGIN, 0.0)
        if not (math.isfinite(reward) and 0 <= margin <= WIDEST):
            raise ValueError(
                f"A ranking needs finite rewards and margins from 0 to {WIDEST:g}, but problem "
                f"{group.problem.name} has a row of {reward:g} with the margin {margin:g}."
            )
        found.append(1 + levels.index(reward) + margin / (1 + margin))
    return found
