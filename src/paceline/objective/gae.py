"""Generalised advantage estimation: what a critic's values make of a round.

Letters: B rows of the round, T the longest completion. Everything is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .columns import padded, sampled_tokens

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class LengthAdaptive:
    """λ = 1 − 1/(alpha·T), T the row's sampled tokens: the longer a row, the nearer λ is to 1, so
    that the reward at its end still reaches its beginning (VAPO, arXiv 2504.05118).

    Clamped to [0, 1], which the paper does not write: as printed λ is negative for T < 1/alpha.

    Example: LengthAdaptive(0.05) gives 0 up to 20 tokens, 0.8 for 100 and 0.98 for 1000.
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ConfigError(f"LengthAdaptive needs an alpha above 0, not {self.alpha}.")

    def __call__(self, tokens_B: Tensor) -> Tensor:
        """[B] the λ of rows with so many sampled tokens."""
        return (1 - 1 / (self.alpha * tokens_B.double())).clamp(0, 1)


@dataclass(frozen=True, slots=True)
class Gae:
    """[B, T] generalised advantage estimation (Schulman et al., arXiv 1506.02438, eq. 16).

    δ_t = r_t + gamma·V_{t+1} − V_t, A_t = δ_t + gamma·lam·A_{t+1}. The reward stands on the last
    token, less each token's own penalty; the value after the last token is 0, also where a
    completion was cut. Tokens that the model did not sample are stepped over.

    With lam = 0 this is the one-step error of the critic, with lam = 1 the return less V: the
    former has little variance and the critic's bias, the latter neither. Standardising the result
    over the batch is common and in no paper's equation; `Whiten(Gae())` does it.

    Raises ValueError where the round has no values.
    """

    gamma: float = 1.0
    """The discount of a reward that is one token further away."""
    lam: float | LengthAdaptive = 1.0
    """A number for all rows, or `LengthAdaptive` for one that grows with the row."""

    def __post_init__(self) -> None:
        fixed = isinstance(self.lam, LengthAdaptive) or 0 <= self.lam <= 1
        if not (0 < self.gamma <= 1 and fixed):
            raise ConfigError(
                f"Gae needs 0 < gamma ≤ 1 and 0 ≤ lam ≤ 1, not {self.gamma} and {self.lam}."
            )

    @property
    def needs_values(self) -> bool:
        return True

    @property
    def by_token(self) -> bool:
        return True

    def describe(self) -> str:
        return "each token counts by what it earned beyond the critic’s forecast"

    def __call__(self, round: Round) -> Tensor:
        if round.values is None:
            raise ValueError("Gae needs a critic: Round.values is None.")
        mask_BT = sampled_tokens(round)
        # Whatever a critic says of a token that was not sampled is not read, NaN included.
        values_BT = torch.where(mask_BT, padded(round.values, round), 0.0)
        r_BT = torch.zeros_like(values_BT)
        if round.penalty is not None:
            r_BT = -padded(round.penalty, round)
        decay_B = self.gamma * self._lam(mask_BT.sum(-1))
        a_BT = torch.zeros_like(values_BT)
        # From the last token back. Until a row's last sampled token is met, what follows it is the
        # reward, so it enters as the "next value" without discount.
        next_value_B = torch.tensor(round.rewards, dtype=torch.float64)
        next_a_B, discount_B = torch.zeros_like(next_value_B), torch.ones_like(next_value_B)
        for t in reversed(range(values_BT.shape[1])):
            m_B = mask_BT[:, t]
            delta_B = r_BT[:, t] + discount_B * next_value_B - values_BT[:, t]
            a_BT[:, t] = torch.where(m_B, delta_B + decay_B * next_a_B, 0.0)
            next_a_B = torch.where(m_B, a_BT[:, t], next_a_B)
            next_value_B = torch.where(m_B, values_BT[:, t], next_value_B)
            discount_B = torch.where(m_B, self.gamma, discount_B)
        return a_BT

    def _lam(self, tokens_B: Tensor) -> Tensor:
        if isinstance(self.lam, LengthAdaptive):
            return self.lam(tokens_B)
        return torch.full_like(tokens_B, self.lam, dtype=torch.float64)


def discount_of(part: object) -> float:
    """The gamma of the first `Gae` in an objective or an advantage, however deep it stands; 1 where
    there is none."""
    return next(_discounts(part), 1.0)


def _discounts(part: object) -> Iterator[float]:
    if isinstance(part, Gae):
        yield part.gamma
    elif isinstance(part, tuple):
        for one in part:
            yield from _discounts(one)
    elif is_dataclass(part) and not isinstance(part, type):
        for f in fields(part):
            yield from _discounts(getattr(part, f.name))
