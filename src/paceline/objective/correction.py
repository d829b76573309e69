"""Factors for an engine whose probabilities are not the trainer's.

Letters: B rows, T completion tokens. Both take log π_anchor − log π_old, that is the trainer's
log-probability at the start of the round less the engine's at sampling, and multiply the gain of
the token. They carry no gradient, and are 1 where engine and trainer agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError
from ..lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class Correction(Protocol):
    """A function that gives a factor: (anchor − old as [B, T], mask_BT) -> factor_BT."""

    def __call__(self, difference_BT: Tensor, mask_BT: Tensor, /) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Truncate:
    """min(π_anchor/π_old, cap) of each token: truncated importance sampling (TIS; Yao et al., "Your
    efficient RL framework secretly brings you off-policy RL training", 2025,
    https://fengyao.notion.site/off-policy-rl).

    A cap of 2 is usual. One ratio for the whole row would be unbiased; it is left out because its
    variance grows with the length.
    """

    cap: float = 2.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cap) and self.cap >= 1):
            raise ConfigError(
                f"Truncate needs a cap of at least 1, not {self.cap}: below 1 it would shrink the "
                "tokens on which engine and trainer agree."
            )

    def describe(self) -> str:
        return f"by each token’s ratio, at most {self.cap:g}"

    def __call__(self, difference_BT: Tensor, mask_BT: Tensor) -> Tensor:
        return difference_BT.detach().exp().clamp(max=self.cap)


@dataclass(frozen=True, slots=True)
class Band:
    """π_anchor/π_old where it lies in [low, high], and 0 elsewhere: the tokens on which engine and
    trainer disagree are left out (IcePop; "Every Step Evolves", arXiv 2510.18855).

    The paper has (0.5, 5.0). A token that is left out still counts in the weights' N and T_i.
    """

    low: float = 0.5
    high: float = 5.0

    def __post_init__(self) -> None:
        if not (0 <= self.low < 1 < self.high and math.isfinite(self.high)):
            raise ConfigError(
                f"Band needs 0 ≤ low < 1 < high, not ({self.low}, {self.high}): a ratio of 1 means "
                "that engine and trainer agree."
            )

    def describe(self) -> str:
        return f"by each token’s ratio, tokens outside {self.low:g}–{self.high:g} left out"

    def __call__(self, difference_BT: Tensor, mask_BT: Tensor) -> Tensor:
        ratio_BT = difference_BT.detach().exp()
        inside_BT = (ratio_BT >= self.low) & (ratio_BT <= self.high)
        return torch.where(inside_BT, ratio_BT, 0.0)
