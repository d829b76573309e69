"""Advantages from the rewards alone, and the protocol of all advantages.

Letters: B rows of the round, T the longest completion, K rows of one group, N tokens of the round.

Everything is computed in float64 from `Round.returns`, which are the rewards unless a KL penalty
was taken from them. The group-relative ones return exact zeros for a group whose returns are all
equal (a group of one included), and so does a scaled one for a round without any difference: such
rows carry no signal and may be dropped before the forward pass. Rounding alone (0.1 less the mean
of three times 0.1) would leave 1e-17 instead.

Every row takes part in these statistics, also one that was masked for being cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..lazy import torch
from ..types import Round
from .columns import by_group, check_scale, padded, returns_of, sampled_tokens, standardised

if TYPE_CHECKING:
    from torch import Tensor


class Advantage(Protocol):
    """A function that gives the advantages: Round -> [B], or [B, T] for per-token credit, padded
    with zeros."""

    def __call__(self, round: Round, /) -> Tensor: ...


@runtime_checkable
class ReadsValues(Protocol):
    """The protocol of an advantage that needs `Round.values`, and so a critic."""

    @property
    def needs_values(self) -> bool: ...


@runtime_checkable
class ReadsReference(Protocol):
    """The protocol of an advantage that needs `Round.ref` and `Round.anchor`: the log-probabilities
    of a reference model and the policy's own at the start of the round."""

    @property
    def needs_reference(self) -> bool: ...


@runtime_checkable
class ByToken(Protocol):
    """The protocol of an advantage that can differ from token to token of one row."""

    @property
    def by_token(self) -> bool: ...


def reads_values(part: object) -> bool:
    """True if this advantage needs a critic."""
    return isinstance(part, ReadsValues) and part.needs_values


def reads_reference(part: object) -> bool:
    """True if this advantage needs a reference model, and the policy's own log-probabilities."""
    return isinstance(part, ReadsReference) and part.needs_reference


def is_by_token(part: object) -> bool:
    """True if this advantage can differ within a row."""
    return isinstance(part, ByToken) and part.by_token


@dataclass(frozen=True, slots=True)
class Reward:
    """r itself: REINFORCE without a baseline (Williams, 1992)."""

    def describe(self) -> str:
        return "each reward counts as it is"

    def __call__(self, round: Round) -> Tensor:
        return returns_of(round)


@dataclass(frozen=True, slots=True)
class ZScore:
    """(r − mean) / (std + eps) within the group (DeepSeekMath, arXiv 2402.03300, §4.1.2).

    Example: rewards 1, 2, 3 give −1, 0, 1 (with ddof = 1, and to eps).
    """

    ddof: int = 1
    """1 for the sample standard deviation, 0 for the population's. The paper does not say; TRL and
    verl take 1, others 0, which makes groups of 8 differ by 7 %."""
    eps: float = 1e-4
    """Added to the deviation. From 1e-8 to 1e-4 elsewhere; it matters where rewards differ by
    little more than that."""

    def __post_init__(self) -> None:
        check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return "each reward counts by its distance from its group’s mean, in standard deviations"

    def __call__(self, round: Round) -> Tensor:
        return by_group(
            round, lambda r_K, _: (r_K - r_K.mean()) / (r_K.std(correction=self.ddof) + self.eps)
        )


@dataclass(frozen=True, slots=True)
class Center:
    """r − mean within the group (Dr.GRPO, arXiv 2503.20783): hard and easy problems are not scaled
    up, as dividing by their small deviation would.

    Example: rewards 1, 0, 0, 0 give 0.75, −0.25, −0.25, −0.25.
    """

    def describe(self) -> str:
        return "each reward counts by its distance from its group’s mean"

    def __call__(self, round: Round) -> Tensor:
        return by_group(round, lambda r_K, _: r_K - r_K.mean())


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """r − mean of the group's others (RLOO; Ahmadian et al., arXiv 2402.14740).

    Example: rewards 1, 0, 0 give 1, −0.5, −0.5. A group of one has no others and gives 0.
    """

    def describe(self) -> str:
        return "each reward counts by its distance from the mean of the others in its group"

    def __call__(self, round: Round) -> Tensor:
        return by_group(round, lambda r_K, _: r_K - (r_K.sum() - r_K) / (len(r_K) - 1))


@dataclass(frozen=True, slots=True)
class LengthWeighted:
    """r − Σ n·r / Σ n within the group, n the row's tokens (OPO, arXiv 2505.23585).

    The baseline of least variance where the squared norm of a row's gradient grows with its
    length, as it does under SequenceSum.

    Example: rewards 1, 0 of 30 and 10 tokens give 0.25, −0.75.
    """

    def describe(self) -> str:
        return "each reward counts by its distance from its group’s length-weighted mean"

    def __call__(self, round: Round) -> Tensor:
        return by_group(round, lambda r_K, n_K: r_K - (n_K * r_K).sum() / n_K.sum().clamp(min=1))


@dataclass(frozen=True, slots=True)
class BatchZScore:
    """(r − mean) / (std + eps) over all rows of the round, whatever their group."""

    ddof: int = 0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return "each reward counts by its distance from the round’s mean, scaled by its spread"

    def __call__(self, round: Round) -> Tensor:
        return standardised(returns_of(round), self.ddof, self.eps)


@dataclass(frozen=True, slots=True)
class GroupThenBatch:
    """r − mean of the group, divided by (std + eps) of these differences over the round
    (the variant with baseline of REINFORCE++, arXiv 2501.03262).

    The mean over the round is not subtracted a second time: it is 0 already, and subtracting its
    rounding would cost the exact zeros.
    """

    ddof: int = 0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return (
            "each reward counts by its distance from its group’s mean, scaled by the round’s spread"
        )

    def __call__(self, round: Round) -> Tensor:
        a_B = Center()(round)
        return a_B / (a_B.std(correction=self.ddof) + self.eps) if a_B.any() else a_B


@dataclass(frozen=True, slots=True)
class ReturnToGo:
    """[B, T] the reward less the penalties from the token on, standardised over the tokens of the
    round (REINFORCE++, arXiv 2501.03262, with its discount of 1).

    R_it = r_i − Σ_{s ≥ t} penalty_is, then (R − mean) / (std + eps) over all N tokens. Without a
    penalty in the round every token of a row has the row's reward.
    """

    ddof: int = 0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check_scale(self, self.ddof, self.eps)

    @property
    def by_token(self) -> bool:
        return True

    def describe(self) -> str:
        return "each token counts by what its completion still earned after it"

    def __call__(self, round: Round) -> Tensor:
        mask_BT = sampled_tokens(round)
        r_BT = torch.tensor(round.rewards, dtype=torch.float64).unsqueeze(-1).expand(mask_BT.shape)
        if round.penalty is not None:
            p_BT = padded(round.penalty, round) * mask_BT
            r_BT = r_BT - p_BT.flip(-1).cumsum(-1).flip(-1)
        scaled_BT = torch.zeros_like(r_BT)
        scaled_BT[mask_BT] = standardised(r_BT[mask_BT], self.ddof, self.eps)
        return scaled_BT
