"""How far the policy has moved from a reference, one number a token.

Letters: B rows, T completion tokens. d = log π_ref − log π throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["k1", "k2", "k3"]
Where = Literal["loss", "reward"]


@dataclass(frozen=True, slots=True)
class KL:
    """KL(π ‖ π_ref), estimated from the sampled tokens alone (Schulman, "Approximating KL
    divergence", 2020, http://joschu.net/blog/kl-approx.html).

    | form | value | note |
    |---|---|---|
    | k1 | −d | unbiased, noisy, negative half of the time; the usual one in the reward |
    | k2 | d²/2 | biased as a value; in the loss its gradient is that of the KL (on-policy) |
    | k3 | e^d − d − 1 | unbiased, never negative; DeepSeekMath eq. 4, the usual one in the loss |

    In the loss, k3 is taken as DeepSeekMath prints it: on samples of the anchor and without a
    ratio in front. (DeepSeek-V3.2, arXiv 2512.02556, multiplies by the ratio; that is left out.)

    Example: KL(0.04) is the penalty of DeepSeekMath; KL(0.01, "k1", "reward") that of PPO.

    Raises ConfigError for k1 in the loss: ∇(−d) = ∇ log π, whose expectation is zero, so the
    term would add noise and no pull towards the reference.
    """

    coef: float
    """The weight β of the penalty, above 0."""
    form: Form = "k3"
    where: Where = "loss"
    """"loss": a term of the loss, with a gradient. "reward": taken from each token's reward."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.coef) and self.coef > 0):
            raise ConfigError(
                f"KL needs a weight above 0, not {self.coef}; for no KL, use kl=None."
            )
        if self.form not in get_args(Form):
            raise ConfigError(f"KL has the forms k1, k2 and k3, not '{self.form}'.")
        if self.where not in get_args(Where):
            raise ConfigError(f"KL stands in the 'loss' or the 'reward', not in '{self.where}'.")
        if self.form == "k1" and self.where == "loss":
            raise ConfigError(
                "KL form k1 in the loss has an expected gradient of zero; "
                "use k2 or k3 in the loss, or k1 in the reward."
            )

    def __call__(self, logp_BT: Tensor, ref_BT: Tensor) -> Tensor:
        """[B, T] the estimate of each token, not yet weighted by `coef`."""
        if self.form == "k1":
            return logp_BT - ref_BT
        if self.form == "k2":
            return (logp_BT - ref_BT).square() / 2
        return k3(logp_BT, ref_BT)


def k3(logp_BT: Tensor, ref_BT: Tensor) -> Tensor:
    """[B, T] e^d − d − 1, DeepSeekMath (arXiv 2402.03300) eq. 4."""
    d_BT = ref_BT - logp_BT
    # expm1 keeps the digits that e^d − 1 would cancel while the policy is near its reference.
    return d_BT.expm1() - d_BT
