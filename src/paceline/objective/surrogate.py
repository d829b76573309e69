"""The gain of each token: a function of its log-ratio and its advantage, elementwise.

Letters: B rows, T completion tokens. A is the advantage, r = exp(log-ratio) the ratio. Every gain
here is zero where A is zero, and its gradient at r = 1 is A·∇log π, whatever the surrogate: they
differ only once the policy has moved away from its anchor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import ConfigError
from ..lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class Surrogate(Protocol):
    """A function that gives the gain: (log_ratio_BT, advantage_BT) -> gain_BT."""

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor, /) -> Tensor: ...


@runtime_checkable
class Clipping(Protocol):
    """A surrogate or ratio with this method also reports which tokens it bounded."""

    def clipped(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Plain:
    """r·A: the importance-weighted gain, without any bound."""

    def describe(self) -> str:
        return "no clip"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return log_ratio_BT.exp() * advantage_BT


@dataclass(frozen=True, slots=True)
class LogProb:
    """A·log π, the score function of REINFORCE (Williams, 1992): no ratio in the gradient.

    The value is A·(log π − log π_anchor): less a constant, so that it is 0 before the update.
    """

    def describe(self) -> str:
        return "no ratio in the gradient"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return log_ratio_BT * advantage_BT


@dataclass(frozen=True, slots=True)
class Clip:
    """min(r·A, clip(r, 1 − low, 1 + high)·A): PPO's (arXiv 1707.06347, eq. 7), with the two widths
    apart as in DAPO (arXiv 2503.14476). `high=None` means the same as `low`, and becomes it.

    Example: Clip(0.2) is Clip(0.2, 0.2); at A = 1 a ratio of 1.5 gains 1.2 and has no gradient.
    """

    low: float
    high: float | None = None

    def __post_init__(self) -> None:
        if self.high is None:
            # Written out, so that equal behaviour compares equal and prints alike.
            object.__setattr__(self, "high", self.low)
        _check_widths("Clip", *self.widths)

    @property
    def widths(self) -> tuple[float, float]:
        return self.low, self.low if self.high is None else self.high

    def describe(self) -> str:
        return f"clipped to {_range(self.low, self.high)}"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        return _clip_gain(log_ratio_BT.exp(), advantage_BT, *self.widths)

    def clipped(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        """[B, T] bool: the tokens whose gradient the clip takes away."""
        return _clip_bites(log_ratio_BT.exp(), advantage_BT, *self.widths)


@dataclass(frozen=True, slots=True)
class DualClip:
    """Clip, and for A < 0 never below floor·A (Ye et al., arXiv 1912.09729).

    Without the floor a token of negative advantage whose ratio has grown large is pushed down
    without limit, because PPO's minimum leaves that side open. The paper has floor = 3.
    """

    low: float
    high: float | None = None
    floor: float = 3.0

    def __post_init__(self) -> None:
        if self.high is None:
            object.__setattr__(self, "high", self.low)
        _check_widths("DualClip", *self.widths)
        if not (math.isfinite(self.floor) and self.floor > 1):
            raise ConfigError(f"DualClip needs a floor above 1, not {self.floor}.")

    @property
    def widths(self) -> tuple[float, float]:
        return self.low, self.low if self.high is None else self.high

    def describe(self) -> str:
        clipped = f"clipped to {_range(self.low, self.high)}"
        return f"{clipped}, and at {self.floor:g} for advantages below 0"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        gain_BT = _clip_gain(log_ratio_BT.exp(), advantage_BT, *self.widths)
        floored_BT = torch.maximum(gain_BT, self.floor * advantage_BT)
        return torch.where(advantage_BT < 0, floored_BT, gain_BT)

    def clipped(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        """[B, T] bool: the tokens whose gradient the clip or the floor takes away."""
        ratio_BT = log_ratio_BT.exp()
        floored_BT = (advantage_BT < 0) & (ratio_BT > self.floor)
        return floored_BT | _clip_bites(ratio_BT, advantage_BT, *self.widths)


@dataclass(frozen=True, slots=True)
class ClipDetached:
    """sg(min(r, 1 + high))·A·log π: the ratio is a bounded weight, and no token loses its gradient
    (CISPO, MiniMax-M1, arXiv 2506.13585, eq. 4; sg stops the gradient).

    The cap is 1 + high, as the paper writes it; others give the cap itself: ClipDetached(4.0) is
    their 5. There is no lower bound, as in the paper's runs. The value is less the constant
    sg(min(r, 1 + high))·A·log π_anchor.
    """

    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high) and self.high >= 0):
            raise ConfigError(f"ClipDetached needs a width of at least 0, not {self.high}.")

    def describe(self) -> str:
        return f"a ratio of at most {1 + self.high:g} as a weight, and a gradient for every token"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        weight_BT = log_ratio_BT.detach().exp().clamp(max=1 + self.high)
        return weight_BT * advantage_BT * log_ratio_BT

    def clipped(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        """[B, T] bool: the tokens whose weight is at the cap."""
        return (advantage_BT != 0) & (log_ratio_BT.exp() > 1 + self.high)


@dataclass(frozen=True, slots=True)
class SoftGate:
    """(4/τ)·σ(τ(r − 1))·A with τ = up for A > 0 and τ = down otherwise (SAPO, arXiv 2511.20347).

    The gradient fades smoothly with the distance from r = 1, the faster the larger τ; the factor
    4/τ makes it A·∇log π at r = 1. The value there is 2A/τ, not A.
    """

    up: float
    down: float

    def __post_init__(self) -> None:
        if not (self.up > 0 and self.down > 0 and math.isfinite(self.up + self.down)):
            raise ConfigError(
                f"SoftGate needs temperatures above 0, not up={self.up}, down={self.down}."
            )

    def describe(self) -> str:
        return "a soft gate instead of a clip"

    def __call__(self, log_ratio_BT: Tensor, advantage_BT: Tensor) -> Tensor:
        ratio_BT = log_ratio_BT.exp()
        up_BT = torch.sigmoid(self.up * (ratio_BT - 1)) * (4 / self.up)
        down_BT = torch.sigmoid(self.down * (ratio_BT - 1)) * (4 / self.down)
        return torch.where(advantage_BT > 0, up_BT, down_BT) * advantage_BT


def _range(low: float, high: float | None) -> str:
    """Example: 0.8–1.28"""
    return f"{1 - low:g}–{1 + (low if high is None else high):g}"


def _check_widths(name: str, low: float, high: float) -> None:
    if not 0 <= low < 1:
        raise ConfigError(
            f"{name} needs 0 ≤ low < 1, not {low}: a ratio is never below 0, so that "
            "a width of 1 or more would bound nothing; use Plain() for no bound."
        )
    if not (math.isfinite(high) and high >= 0):
        raise ConfigError(f"{name} needs a finite high of at least 0, not {high}.")


def _clip_gain(ratio_BT: Tensor, advantage_BT: Tensor, low: float, high: float) -> Tensor:
    clipped_BT = ratio_BT.clamp(1 - low, 1 + high)
    return torch.minimum(ratio_BT * advantage_BT, clipped_BT * advantage_BT)


def _clip_bites(ratio_BT: Tensor, advantage_BT: Tensor, low: float, high: float) -> Tensor:
    above_BT = (advantage_BT > 0) & (ratio_BT > 1 + high)
    return above_BT | ((advantage_BT < 0) & (ratio_BT < 1 - low))
