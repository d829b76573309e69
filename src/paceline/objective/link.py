"""From the difference between two completions' log-probabilities to the loss of the pair.

Letters: P pairs, B rows. x is a row's log-probability, less the reference's where there is one;
Δ = x_w − x_l, w the preferred row and l the other; u = β·Δ − γ with the loss's own margin γ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError
from ..lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class Link(Protocol):
    """A function that gives each pair's loss, and the number of a row that it compares."""

    def compared(self, logp_B: Tensor, /) -> Tensor:
        """[B] x of each row, from its log-probability: for most the same."""
        ...

    def __call__(self, u_P: Tensor, beta: float, /) -> Tensor:
        """[P] the loss of each pair, from u = β·Δ − γ."""
        ...


@dataclass(frozen=True, slots=True)
class Logistic:
    """−log σ(u), the negative log-likelihood of the preference under Bradley and Terry (DPO,
    arXiv 2305.18290, eq. 7).

    `smoothing` ε is the share of labels that are taken for wrong: −(1 − ε)·log σ(u) −
    ε·log σ(−u) (cDPO; E. Mitchell, "A note on DPO with noisy preferences and relationship to IPO",
    2023). `robust` is unbiased under such labels instead: (−(1 − ε)·log σ(u) + ε·log σ(−u)) /
    (1 − 2ε) (rDPO, arXiv 2403.00409).

    Example: u = 0 gives log 2 = 0.6931, whatever `smoothing` is.
    """

    smoothing: float = 0.0
    robust: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 0.5:
            raise ConfigError(
                f"Logistic needs 0 ≤ smoothing < 0.5, not {self.smoothing}: at a half the labels "
                "would tell nothing."
            )

    def describe(self) -> str:
        if not self.smoothing:
            return "the likelihood of the preference"
        how = "robust to" if self.robust else "smoothed for"
        return f"the likelihood of the preference, {how} {100 * self.smoothing:g} % wrong labels"

    def compared(self, logp_B: Tensor) -> Tensor:
        """[B] the log-probability itself."""
        return logp_B

    def __call__(self, u_P: Tensor, beta: float) -> Tensor:
        right_P, wrong_P = (-torch.nn.functional.logsigmoid(x_P) for x_P in (u_P, -u_P))
        if self.robust:
            both_P = (1 - self.smoothing) * right_P - self.smoothing * wrong_P
            return both_P / (1 - 2 * self.smoothing)
        return (1 - self.smoothing) * right_P + self.smoothing * wrong_P


@dataclass(frozen=True, slots=True)
class Squared:
    """((u − 1/2) / β)², which without a margin is (Δ − 1/(2β))²: the difference is drawn to 1/(2β)
    and not beyond (IPO, arXiv 2310.12036, eq. 17).

    Example: β = 0.1 and Δ = 0 give 25, Δ = 5 gives 0.
    """

    def describe(self) -> str:
        return "the square of the distance from the wanted difference"

    def compared(self, logp_B: Tensor) -> Tensor:
        """[B] the log-probability itself."""
        return logp_B

    def __call__(self, u_P: Tensor, beta: float) -> Tensor:
        return ((u_P - 0.5) / beta).square()


@dataclass(frozen=True, slots=True)
class Hinge:
    """max(0, 1 − u): a pair that is apart by 1 has no gradient any more (SLiC, arXiv 2305.10425,
    as RSO, arXiv 2309.06657, writes it against a reference).

    Example: u = 0.25 gives 0.75.
    """

    def describe(self) -> str:
        return "a hinge that is open until the two are apart by 1"

    def compared(self, logp_B: Tensor) -> Tensor:
        """[B] the log-probability itself."""
        return logp_B

    def __call__(self, u_P: Tensor, beta: float) -> Tensor:
        return (1 - u_P).clamp(min=0)


@dataclass(frozen=True, slots=True)
class Odds:
    """−weight·log σ(u), where a row is compared by its log odds, log p − log(1 − p), p the
    geometric mean of its tokens' probabilities (ORPO, arXiv 2403.07691, eqs. 6 and 7).

    Example: p = 0.5 has the log odds 0.
    """

    weight: float = 1.0
    """λ of the paper, beside a likelihood of weight 1."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ConfigError(f"Odds needs a weight above 0, not {self.weight}.")

    def describe(self) -> str:
        return f"the likelihood of the preference by log odds, weighted by {self.weight:g}"

    def compared(self, logp_B: Tensor) -> Tensor:
        """[B] the log odds."""
        return logp_B - log1mexp(logp_B)

    def __call__(self, u_P: Tensor, beta: float) -> Tensor:
        return -self.weight * torch.nn.functional.logsigmoid(u_P)


def log1mexp(x: Tensor) -> Tensor:
    """log(1 − e^x) for x ≤ 0, elementwise, to full precision near 0 and far from it (Mächler,
    "Accurately computing log(1 − exp(−|a|))", 2012).

    At 0 itself, where it is −∞, x is taken for the square of the dtype's precision: a sure token
    has a loss and a gradient that can be written down.
    """
    x = x.clamp(max=-(torch.finfo(x.dtype).eps ** 2))
    near = x > -math.log(2)
    # Each branch gets numbers at which the other one's gradient would not be finite either.
    at_near, at_far = torch.where(near, x, -0.1), torch.where(near, -1.0, x)
    return torch.where(near, (-at_near.expm1()).log(), (-at_far.exp()).log1p())
