"""Losses of pairs: two completions of one problem, one preferred to the other.

Letters: B rows, T completion tokens, P pairs. w is the preferred row, l the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .compared import ComparesGivenRows
from .link import Link, Logistic, Odds
from .pair_metrics import PairMetrics
from .parts import capitalised, check_part, description_of
from .records import Metrics, Scores, Tokens, kept

if TYPE_CHECKING:
    from torch import Tensor

Length = Literal["sum", "mean"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference(ComparesGivenRows):
    """The loss of DPO and its kin, as a value.

    x = Σ_t (log π − log π_ref) over a row's mask, or their mean with `length="mean"`, or of log π
    alone with `reference=False`. Then

        loss = 1/P Σ_pairs link(beta·(x_w − x_l) − margin) + likelihood · nll_w

    over the P pairs of the part, nll_w the mean of −log π over w's tokens. Rewards decide which row
    of a group is preferred, and by nothing but their order. A pair of which a row has no token in
    the mask counts in P and gives nothing.

    Example: Preference(link=Logistic(), beta=0.1) is DPO.

    Raises ConfigError for mixtures that are mistakes.
    """

    link: Link = Logistic()  # noqa: RUF009  (frozen, and safe to share)
    """From beta·Δ − margin to the loss of a pair."""
    beta: float = 0.1
    """Against a reference: how strongly the policy is held to it, the larger the more."""
    length: Length = "sum"
    """"sum" or "mean" of the tokens' log-probabilities."""
    reference: bool = True
    """True if log-probabilities are less those of the reference."""
    margin: float = 0.0
    """γ, by which the preferred row should be ahead in beta·Δ."""
    likelihood: float = 0.0
    """The weight of the preferred row's mean negative log-likelihood."""

    def __post_init__(self) -> None:
        check_part("link", self.link)
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise ConfigError(f"Preference needs a beta above 0, not {self.beta}.")
        if self.length not in get_args(Length):
            raise ConfigError(f"Preference takes the 'sum' or the 'mean', not {self.length!r}.")
        if not math.isfinite(self.margin):
            raise ConfigError(f"Preference needs a finite margin, not {self.margin}.")
        if not (math.isfinite(self.likelihood) and self.likelihood >= 0):
            raise ConfigError(
                f"Preference needs a likelihood weight of at least 0, not {self.likelihood}."
            )
        if isinstance(self.link, Odds) and (self.reference or self.length == "sum"):
            raise ConfigError(
                "Odds are those of a mean probability of the policy alone; "
                "use length='mean' and reference=False."
            )

    def __call__(self, scores: Scores, tokens: Tokens) -> tuple[Tensor, Metrics]:
        """The loss of these pairs, and what was measured of them.

        The loss has a gradient with respect to the log-probabilities only. Raises ValueError where
        a group has parted, or where the reference is missing.
        """
        loss, pairs = self._paired(scores, tokens)
        with torch.no_grad():
            measured = Metrics.of(scores, tokens.mask_BT.bool())
            return loss, replace(measured, loss=loss.item(), pairs=pairs)

    def value(self, scores: Scores, tokens: Tokens) -> Tensor:
        """The loss of these pairs; shares of a part's pairs add up to the part's."""
        return self._paired(scores, tokens)[0]

    def _paired(self, scores: Scores, tokens: Tokens) -> tuple[Tensor, PairMetrics]:
        mask_BT = tokens.mask_BT.bool()
        logp_BT = kept(scores.logp_BT, mask_BT)
        tokens_B, x_B = mask_BT.sum(-1), self._compared(logp_BT, tokens)
        w_P, l_P = pairs_of(tokens)
        u_P = self.beta * (x_B[w_P] - x_B[l_P]) - self.margin
        nll_B = -logp_BT.sum(-1)
        loss_P = self.link(u_P, self.beta)
        if self.likelihood:
            loss_P = loss_P + self.likelihood * nll_B[w_P] / tokens_B[w_P]
        # A row's tokens have one weight, its pair's share.
        share_B = kept(tokens.weight_BT, mask_BT).amax(-1)
        reward_B = self.beta * x_B.detach()
        measured = compared_pairs(reward_B, tokens_B, w_P, l_P)
        nll_sum, nll_tokens = nll_B.detach()[w_P].sum().item(), measured.chosen_tokens
        return (share_B[w_P] * loss_P).sum(), replace(
            measured, nll_sum=nll_sum, nll_tokens=nll_tokens
        )

    def rewards(self, scores: Scores, tokens: Tokens) -> Tensor:
        """[B] the implicit reward of each row, beta·x: the row of a pair with the higher one is the
        one that the policy prefers."""
        return self.beta * self._compared(kept(scores.logp_BT, tokens.mask_BT.bool()), tokens)

    def _compared(self, logp_BT: Tensor, tokens: Tokens) -> Tensor:
        """[B] x of each row."""
        sum_B = (logp_BT - self._reference(logp_BT, tokens)).sum(-1)
        if self.length == "mean":
            sum_B = sum_B / tokens.mask_BT.bool().sum(-1).clamp(min=1)
        return self.link.compared(sum_B)

    def _reference(self, logp_BT: Tensor, tokens: Tokens) -> Tensor:
        """[B, T] what is taken from each log-probability."""
        if not self.reference:
            return torch.zeros_like(logp_BT)
        # Two passes over equal weights differ by their rounding: then the loss were not log 2.
        if tokens.at_reference:
            return logp_BT.detach()
        if tokens.ref_BT is None:
            raise ValueError("This loss needs the reference: Tokens.ref_BT is None.")
        return kept(tokens.ref_BT, tokens.mask_BT.bool())

    def advantages(self, round: Round, dtype: torch.dtype | None = None) -> Tensor:
        """[B] 1 for the preferred row of each group, −1 for the other; float32 if `dtype` is None.

        Raises ValueError for a group that is no pair: of another size, or with equal rewards.
        """
        signs = []
        for group in round.groups:
            if len(group.rollouts) != 2 or not group.has_signal:
                raise ValueError(
                    f"A preference is between two completions with different rewards, but problem "
                    f"{group.problem.name} has {len(group.rollouts)} with the rewards "
                    f"{', '.join(f'{r:g}' for r in group.rewards)}."
                )
            first, second = group.rewards
            signs += [1.0, -1.0] if first > second else [-1.0, 1.0]
        return torch.tensor(signs, dtype=dtype or torch.float32)

    def weights(self, mask_BT: Tensor, group_B: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """[B, T] 1 / pairs of the part at every token of the mask: the pair's whole share, on each
        of its tokens. Lengths have no part in it: the loss itself takes the sum or the mean.
        """
        pairs = max(len(torch.unique(group_B)), 1)
        return mask_BT.to(dtype or torch.float32) / pairs

    @property
    def needs_reference(self) -> bool:
        """True if the reference's log-probabilities are taken from the policy's."""
        return self.reference

    @property
    def of_scores(self) -> bool:
        """False: log-probabilities are compared."""
        return False

    @property
    def tokenwise(self) -> bool:
        """False: a token's gradient depends on both rows' scores."""
        return False

    @property
    def reads_ratios_only(self) -> bool:
        """False: there is no anchor."""
        return False

    def describe(self) -> str:
        """All parts in one sentence, for those who do not read formulas.

        Example: "The likelihood of the preference; log-probabilities are summed over a completion,
        less the reference’s; beta 0.1."
        """
        said = [capitalised(description_of(self.link))]
        how = "summed over" if self.length == "sum" else "averaged over"
        less = ", less the reference’s" if self.reference else ", without a reference"
        said += [f"log-probabilities are {how} a completion{less}", f"beta {self.beta:g}"]
        if self.margin:
            said.append(f"margin {self.margin:g}")
        if self.likelihood:
            said.append(f"likelihood of the preferred completion {self.likelihood:g}")
        return f"{'; '.join(said)}."


def pairs_of(tokens: Tokens) -> tuple[Tensor, Tensor]:
    """[P] the preferred rows and [P] the others, by group and the sign of the advantage. A group of
    which a row has no token in the mask is left out.

    Raises ValueError where not both rows of every group are there.
    """
    if tokens.group_B is None:
        raise ValueError("A loss of pairs needs to know the groups: Tokens.group_B is None.")
    mask_BT = tokens.mask_BT.bool()
    sign_B = kept(tokens.advantage_BT, mask_BT).sum(-1).sign()
    sizes_G = torch.unique(tokens.group_B, return_counts=True)[1]
    if (sizes_G != 2).any():
        raise ValueError(
            "A loss of pairs needs both rows of every group, but a group has "
            f"{int(sizes_G[sizes_G != 2][0])}: do not split groups."
        )
    rows_P2 = torch.argsort(tokens.group_B, stable=True).view(-1, 2)
    rows_P2 = rows_P2[sign_B[rows_P2].prod(-1) < 0]
    first_P = sign_B[rows_P2[:, 0]] > 0
    w_P = torch.where(first_P, rows_P2[:, 0], rows_P2[:, 1])
    return w_P, torch.where(first_P, rows_P2[:, 1], rows_P2[:, 0])


def compared_pairs(reward_B: Tensor, tokens_B: Tensor, w_P: Tensor, l_P: Tensor) -> PairMetrics:
    """The record of these pairs, by their rows' rewards and numbers of tokens."""
    chosen_P, rejected_P = reward_B[w_P], reward_B[l_P]
    ties = int((chosen_P == rejected_P).sum())
    return PairMetrics(
        pairs=len(w_P),
        chosen_sum=chosen_P.sum().item(),
        rejected_sum=rejected_P.sum().item(),
        right=int((chosen_P > rejected_P).sum()) + ties / 2,
        chosen_tokens=int(tokens_B[w_P].sum()),
        rejected_tokens=int(tokens_B[l_P].sum()),
    )
