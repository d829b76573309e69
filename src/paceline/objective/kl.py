"""The distance of the policy from a reference, one number a token.

Letters: B rows, T completion tokens. d = log π_ref − log π throughout, ρ = π/π_anchor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["k1", "k2", "k3"]
Where = Literal["loss", "reward"]
Other = Literal["reference", "anchor"]


@dataclass(frozen=True, slots=True, repr=False)
class KL:
    """KL(π ‖ π_ref), estimated from the sampled tokens alone (Schulman, "Approximating KL
    divergence", 2020, http://joschu.net/blog/kl-approx.html).

    | form | value | note |
    |---|---|---|
    | k1 | −d | unbiased, noisy, negative half of the time; the usual one in the reward |
    | k2 | d²/2 | biased as a value; in the loss its gradient is that of the KL (on-policy) |
    | k3 | e^d − d − 1 | unbiased, never negative; DeepSeekMath eq. 4, the usual one in the loss |

    In the loss, k3 is taken as DeepSeekMath prints it: on samples of the anchor and without a
    ratio in front. Its expected gradient is then not that of KL(π ‖ π_ref): on-policy it is that of
    KL(π_ref ‖ π), off-policy of neither. `weighted=True` puts the ratio ρ in front, gradient
    included, as DeepSeek-V3.2 does (arXiv 2512.02556, §3.1, "Unbiased KL Estimate"): then it is
    that of KL(π ‖ π_ref), on-policy and off-policy, for each token behind a prefix that the
    anchor sampled.

    `to="anchor"` measures to the policy as it was at the start of the round, and needs no reference
    model: KL(π_anchor ‖ π), the bound of TRPO as PPO's eq. 5 (arXiv 1707.06347) has it. The tokens
    are samples of the anchor itself, so that k3 is ρ − 1 − log ρ here, unbiased in value and
    gradient, and exactly 0 with a gradient of 0 while nothing has moved.

    Example: KL(0.04) is the penalty of DeepSeekMath; KL(0.04, weighted=True) that of DeepSeek-V3.2
    and of TRL's `beta`; KL(0.01, "k1", "reward") that of PPO; KL(1.0, to="anchor") that of TRPO.

    Raises ConfigError for k1 in the loss: ∇(−d) = ∇ log π, whose expectation is zero, so the
    term would add noise and no pull towards the reference. Also for `weighted` with another form
    than k3, or in the reward; and for `to="anchor"` with either of these two.
    """

    coef: float
    """The weight β of the penalty, above 0."""
    form: Form = "k3"
    where: Where = "loss"
    """"loss": a term of the loss, with a gradient. "reward": taken from each token's reward."""
    weighted: bool = False
    """True if k3 in the loss is multiplied by the token's own ratio ρ, gradient included."""
    to: Other = "reference"
    """"reference": a model of its own. "anchor": the policy at the start of the round."""

    def __repr__(self) -> str:
        """Its own expression. The reference is not written: repr() is the record of a run, and
        earlier ones had nothing else."""
        named = [(f.name, getattr(self, f.name)) for f in fields(self)]
        written = [f"{name}={x!r}" for name, x in named if (name, x) != ("to", "reference")]
        return f"KL({', '.join(written)})"

    def __post_init__(self) -> None:
        if isinstance(self.coef, bool) or not isinstance(self.coef, Real):
            raise ConfigError(f"KL needs a number as its weight, not {self.coef!r}.")
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
        self._check_weighted()
        self._check_other()

    def _check_weighted(self) -> None:
        if not isinstance(self.weighted, bool):
            raise ConfigError(f"KL's weighted is True or False, not {self.weighted!r}.")
        if self.weighted and self.where == "reward":
            raise ConfigError(
                "KL in the reward has no gradient for a ratio to correct, and the ratio of the "
                "surrogate weighs the reward already; leave weighted out."
            )
        if self.weighted and self.form != "k3":
            raise ConfigError(
                "KL weighted by the ratio takes the form k3, whose expected gradient it makes "
                f"exact; with {self.form} it would be another one."
            )

    def _check_other(self) -> None:
        if self.to not in get_args(Other):
            raise ConfigError(f"KL is to the 'reference' or to the 'anchor', not to {self.to!r}.")
        if self.to == "anchor" and self.where == "reward":
            raise ConfigError(
                "KL to the anchor is always 0 in the reward, which is given before the policy "
                "moves; it stands in the loss."
            )
        if self.to == "anchor" and self.weighted:
            raise ConfigError(
                "KL to the anchor is measured on the anchor's own samples, so that it needs no "
                "ratio in front; leave weighted out."
            )

    def describe(self) -> str:
        weighted = " weighted by each token’s ratio" if self.weighted else ""
        to = " to the round’s own start" if self.to == "anchor" else ""
        return f"{self.coef:g} in the {self.where}, {self.form}{weighted}{to}"

    def __call__(self, logp_BT: Tensor, ref_BT: Tensor, anchor_BT: Tensor | None = None) -> Tensor:
        """[B, T] the estimate of each token, not yet multiplied by `coef`.

        Args:
            ref_BT: log-probabilities under the policy that it is measured to: the reference's, or
                the anchor's.
            anchor_BT: log-probabilities under the policy that sampled, for `weighted` alone; None
                where it is this policy and every ratio is exactly 1.
        """
        if self.to == "anchor":  # of the two, this one sampled
            logp_BT, ref_BT = ref_BT, logp_BT
        if self.weighted:
            return weighted_k3(logp_BT, ref_BT, logp_BT if anchor_BT is None else anchor_BT)
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


def weighted_k3(logp_BT: Tensor, ref_BT: Tensor, anchor_BT: Tensor) -> Tensor:
    """[B, T] ρ·(e^d − d − 1), DeepSeek-V3.2 (arXiv 2512.02556) §3.1, with the gradient −ρ·d·∇log π.

    That is what the product rule comes to: ρ·k3 from the ratio and ρ·(1 − e^d) from k3. Each of
    the two grows with e^d while their sum does not, so that adding them would lose its digits where
    the policy has left what the reference likes; it is therefore written down as a slope.
    """
    now_BT = logp_BT.detach()
    ratio_BT = (now_BT - anchor_BT.detach()).exp()
    slope_BT = ratio_BT * (now_BT - ref_BT)
    return ratio_BT * k3(now_BT, ref_BT) + slope_BT * (logp_BT - now_BT)
