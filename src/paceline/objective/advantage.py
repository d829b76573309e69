"""The advantage of each row, or of each token: from the columns of a round to its advantages.

Letters: B rows of the round, T the longest completion, K rows of one group, N tokens of the round.

Everything is computed in float64 from `Round.returns`, which are the rewards unless a KL penalty
was taken from them. The group-relative ones return exact zeros for a group whose returns are all
equal (a group of one included), and so does a scaled one for a round without any difference: such
rows carry no signal and may be dropped before the forward pass. Rounding alone (0.1 less the mean
of three times 0.1) would leave 1e-17 instead.

Every row takes part in these statistics, also one that was masked for being cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round

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


@dataclass(frozen=True, slots=True)
class Reward:
    """r itself: REINFORCE without a baseline (Williams, 1992)."""

    def describe(self) -> str:
        return "each reward counts as it is"

    def __call__(self, round: Round) -> Tensor:
        return _returns(round)


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
        _check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return "each reward counts by its distance from its group’s mean, in standard deviations"

    def __call__(self, round: Round) -> Tensor:
        return _by_group(
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
        return _by_group(round, lambda r_K, _: r_K - r_K.mean())


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """r − mean of the group's others (RLOO; Ahmadian et al., arXiv 2402.14740).

    Example: rewards 1, 0, 0 give 1, −0.5, −0.5. A group of one has no others and gives 0.
    """

    def describe(self) -> str:
        return "each reward counts by its distance from the mean of the others in its group"

    def __call__(self, round: Round) -> Tensor:
        return _by_group(round, lambda r_K, _: r_K - (r_K.sum() - r_K) / (len(r_K) - 1))


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
        return _by_group(round, lambda r_K, n_K: r_K - (n_K * r_K).sum() / n_K.sum().clamp(min=1))


@dataclass(frozen=True, slots=True)
class BatchZScore:
    """(r − mean) / (std + eps) over all rows of the round, whatever their group."""

    ddof: int = 0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return "each reward counts by its distance from the round’s mean, scaled by its spread"

    def __call__(self, round: Round) -> Tensor:
        return _standardise(_returns(round), self.ddof, self.eps)


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
        _check_scale(self, self.ddof, self.eps)

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
        _check_scale(self, self.ddof, self.eps)

    def describe(self) -> str:
        return "each token counts by what its completion still earned after it"

    def __call__(self, round: Round) -> Tensor:
        mask_BT = sampled_tokens(round)
        r_BT = torch.tensor(round.rewards, dtype=torch.float64).unsqueeze(-1).expand(mask_BT.shape)
        if round.penalty is not None:
            p_BT = _pad(round.penalty, round) * mask_BT
            r_BT = r_BT - p_BT.flip(-1).cumsum(-1).flip(-1)
        scaled_BT = torch.zeros_like(r_BT)
        scaled_BT[mask_BT] = _standardise(r_BT[mask_BT], self.ddof, self.eps)
        return scaled_BT


@dataclass(frozen=True, slots=True)
class Gae:
    """[B, T] generalised advantage estimation (Schulman et al., arXiv 1506.02438, eq. 16).

    δ_t = r_t + gamma·V_{t+1} − V_t, A_t = δ_t + gamma·lam·A_{t+1}. The reward stands on the last
    token, less each token's own penalty; the value after the last token is 0, also where a
    completion was cut. Tokens that the model did not sample are stepped over.

    Standardising the result over the batch is common and in no paper's equation; it is left out.

    Raises ValueError where the round has no values.
    """

    gamma: float = 1.0
    lam: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.gamma <= 1 and 0 <= self.lam <= 1):
            raise ConfigError(
                f"Gae needs 0 < gamma ≤ 1 and 0 ≤ lam ≤ 1, not {self.gamma} and {self.lam}."
            )

    @property
    def needs_values(self) -> bool:
        return True

    def describe(self) -> str:
        return "each token counts by what it earned beyond the critic’s forecast"

    def __call__(self, round: Round) -> Tensor:
        if round.values is None:
            raise ValueError("Gae needs a critic: Round.values is None.")
        mask_BT = sampled_tokens(round)
        values_BT = _pad(round.values, round)
        r_BT = torch.zeros_like(values_BT)
        if round.penalty is not None:
            r_BT = -_pad(round.penalty, round)
        a_BT = torch.zeros_like(values_BT)
        # From the last token back. Until a row's last sampled token is met, what follows it is the
        # reward, so it enters as the "next value" without discount.
        next_value_B = torch.tensor(round.rewards, dtype=torch.float64)
        next_a_B, discount_B = torch.zeros_like(next_value_B), torch.ones_like(next_value_B)
        for t in reversed(range(values_BT.shape[1])):
            m_B = mask_BT[:, t]
            delta_B = r_BT[:, t] + discount_B * next_value_B - values_BT[:, t]
            a_BT[:, t] = torch.where(m_B, delta_B + self.gamma * self.lam * next_a_B, 0.0)
            next_a_B = torch.where(m_B, a_BT[:, t], next_a_B)
            next_value_B = torch.where(m_B, values_BT[:, t], next_value_B)
            discount_B = torch.where(m_B, self.gamma, discount_B)
        return a_BT


def sampled_tokens(round: Round) -> Tensor:
    """[B, T] bool: the tokens that the model itself sampled, False beyond a row's end."""
    mask_BT = torch.zeros(len(round.rollouts), max(round.lengths, default=0), dtype=torch.bool)
    for i, rollout in enumerate(round.rollouts):
        sampled = rollout.completion.sampled
        length = len(rollout.completion.token_ids)
        mask_BT[i, :length] = True if sampled is None else torch.as_tensor(sampled).bool()
    return mask_BT


def _returns(round: Round) -> Tensor:
    return torch.tensor(round.returns, dtype=torch.float64)


def _by_group(round: Round, rule: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """[B] rule(returns_K, tokens_K) of each group, or exact zeros where its returns are equal."""
    sizes = [len(group.rollouts) for group in round.groups]
    tokens_B = sampled_tokens(round).sum(-1).double()
    a_B = torch.zeros(len(tokens_B), dtype=torch.float64)
    # The pieces of a_B are views, so that writing to them fills it.
    for a_K, r_K, n_K in zip(
        a_B.split(sizes), _returns(round).split(sizes), tokens_B.split(sizes), strict=True
    ):
        if len(r_K) > 1 and r_K.max() != r_K.min():
            a_K.copy_(rule(r_K, n_K))
    return a_B


def _standardise(x_N: Tensor, ddof: int, eps: float) -> Tensor:
    """[N] (x − mean) / (std + eps), or exact zeros where nothing differs."""
    if len(x_N) < 2 or x_N.max() == x_N.min():
        return torch.zeros_like(x_N)
    return (x_N - x_N.mean()) / (x_N.std(correction=ddof) + eps)


def _pad(rows: Sequence[Sequence[float]], round: Round) -> Tensor:
    """[B, T] a ragged per-token column in float64, zeros beyond each row's end."""
    x_BT = torch.zeros(len(round.rollouts), max(round.lengths, default=0), dtype=torch.float64)
    for i, (row, length) in enumerate(zip(rows, round.lengths, strict=True)):
        if len(row) != length:
            raise ValueError(
                f"Row {i} has {length} tokens but {len(row)} entries in a per-token column."
            )
        x_BT[i, :length] = torch.as_tensor(row, dtype=torch.float64)
    return x_BT


def _check_scale(part: object, ddof: int, eps: float) -> None:
    name = type(part).__name__
    if ddof not in (0, 1):
        raise ConfigError(f"{name} needs ddof 0 (population) or 1 (sample), not {ddof}.")
    if not (math.isfinite(eps) and eps >= 0):
        raise ConfigError(f"{name} needs an eps of at least 0, not {eps}.")
