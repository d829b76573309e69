"""From each token's log-ratio to the one that the surrogate sees.

Letters: B rows, T completion tokens. A log-ratio is log π − log π_anchor; it is 0 where the mask is
False. A ratio may be shared by all tokens of a row, so rows must come whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError
from ..lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

MOST_NATS = 700.0
"""The largest log-ratio that is reported as a ratio: e^700 is near the largest number of a
double."""


class Ratio(Protocol):
    """A function that changes log-ratios: (log_ratio_BT, mask_BT, advantage_BT) -> log_ratio_BT."""

    def __call__(
        self, log_ratio_BT: Tensor, mask_BT: Tensor, advantage_BT: Tensor, /
    ) -> Tensor: ...


def ratio_of(nats: float) -> float:
    """e^nats, between e^−700 and e^700: beyond these nothing could write it down.

    In fp32 it would be infinite from 88.8 nats on, just where it has to be seen.
    """
    return math.exp(min(max(nats, -MOST_NATS), MOST_NATS))


def largest_ratio(log_ratio: Tensor) -> float:
    """The largest max(r, 1/r), as `ratio_of`; 1 without any."""
    return ratio_of(log_ratio.abs().max().item()) if log_ratio.numel() else 1.0


@dataclass(frozen=True, slots=True)
class TokenRatio:
    """Each token's own ratio, as PPO has it (Schulman et al., arXiv 1707.06347)."""

    def describe(self) -> str:
        return "one ratio for each token"

    def __call__(self, log_ratio_BT: Tensor, mask_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return log_ratio_BT


@dataclass(frozen=True, slots=True)
class SequenceRatio:
    """The mean of the row's log-ratios, shared by all its tokens (GSPO, arXiv 2507.18071, eq. 7).

    Example: log-ratios (0.2, 0.4, masked) become (0.3, 0.3, 0).
    """

    def describe(self) -> str:
        return "one ratio for each whole completion"

    def __call__(self, log_ratio_BT: Tensor, mask_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return _shared_mean(log_ratio_BT, mask_BT)


@dataclass(frozen=True, slots=True)
class GeometricRatio:
    """Each log-ratio bounded on the side that the advantage pushes to, then the row's mean
    (GMPO, arXiv 2507.20673, Algorithm 1).

    A positive advantage bounds from above by `high`, a negative one from below by −`low`; the
    other side stays open, as in PPO's minimum. The bounds are widths of the *log*-ratio.

    Example: low = high = 0.4 is the paper's range (e^−0.4, e^0.4).
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (self.low > 0 and self.high > 0) or math.isnan(self.low + self.high):
            raise ConfigError(
                f"GeometricRatio needs log-widths above 0, not low={self.low}, high={self.high}."
            )

    def describe(self) -> str:
        return "one ratio for each completion, the geometric mean over its tokens"

    def __call__(self, log_ratio_BT: Tensor, mask_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        bounded_BT = torch.where(
            advantage_BT > 0, log_ratio_BT.clamp(max=self.high), log_ratio_BT.clamp(min=-self.low)
        )
        return _shared_mean(bounded_BT, mask_BT)

    def clipped(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        """[B, T] bool: the tokens at a bound, which have no gradient."""
        above_BT = (advantage_BT > 0) & (log_ratio_BT > self.high)
        return above_BT | ((advantage_BT < 0) & (log_ratio_BT < -self.low))


def _shared_mean(x_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """[B, T] the mean of each row's masked entries at its masked places, 0 elsewhere."""
    m_BT = mask_BT.to(x_BT.dtype)
    # A row without any token has the mean 0, not 0/0.
    mean_B1 = (x_BT * m_BT).sum(-1, keepdim=True) / m_BT.sum(-1, keepdim=True).clamp(min=1)
    return mean_B1 * m_BT
