"""Algorithms with a critic, in the order in which the field found them: each adds one thing.

The critic is a model of its own with a loss of its own (`ValueLoss`), so that its λ, its rate and
its warm-up stand with it in the config, not here. All of these take every completion by itself: a
group may have one row.

Letters in the equations: i a completion, t one of its T_i tokens, N = Σ T_i, r the reward, V the
critic's value at the start of the round, ρ = π/π_anchor the ratio. δ_it = r_it + γV_{i,t+1} − V_it
with the reward on the last token, and A_it = Σ_{s≥t} (γλ)^{s−t} δ_is (GAE, arXiv 1506.02438,
eq. 16). γ is 1 everywhere: a discount makes answers short for no reason of the task.
"""

from collections.abc import Callable

from ..combined import Liked, Whiten
from ..gae import Gae, LengthAdaptive
from ..kl import KL
from ..objective import Objective
from ..surrogate import Clip, DualClip, LogProb, Plain
from ..weight import PerToken
from .penalty import in_reward


def actor_critic(*, gamma: float = 1.0, lam: float = 0.0, kl: float | KL = 0.0) -> Objective:
    """Konda and Tsitsiklis, "Actor-Critic Algorithms", NIPS 1999; Sutton and Barto, "Reinforcement
    Learning", 2nd edition, §13.5.

        1/N Σ_i Σ_t δ_it log π(o_it),    δ_it = r_it + γV_{i,t+1} − V_it

    The critic's one-step error is the advantage: little variance, and all of the critic's bias. A
    token learns only from what the next value says, so that nothing is learned before the critic
    knows something. No ratio, so later parts of a round go uncorrected. The book's update after
    every step, and its γ^t, are left out. KL stands in the reward (k1).
    """
    return Objective(
        advantage=Gae(gamma, lam), surrogate=LogProb(), weight=PerToken(), kl=in_reward(kl)
    )


def a2c(
    *, gamma: float = 1.0, lam: float = 1.0, entropy: float = 0.01, kl: float | KL = 0.0
) -> Objective:
    """Mnih et al., "Asynchronous Methods for Deep Reinforcement Learning", arXiv 1602.01783, §4 and
    Algorithm S3, in its synchronous form.

        1/N Σ_i Σ_t ( A_it log π(o_it) + η H_it ),    A_it = R_it − V_it

    λ = 1: the advantage is the return from the token on less the critic's value, unbiased whatever
    the critic says. η = 0.01 is the paper's. Returns over five steps that end in a value are left
    out: a completion is short enough to be waited for. KL stands in the reward (k1).
    """
    return Objective(
        advantage=Gae(gamma, lam),
        surrogate=LogProb(),
        weight=PerToken(),
        kl=in_reward(kl),
        entropy=entropy,
    )


def trpo(*, beta: float = 1.0, gamma: float = 1.0, lam: float = 1.0) -> Objective:
    """Schulman et al., "Trust Region Policy Optimization", arXiv 1502.05477, in the form with a
    penalty: PPO (arXiv 1707.06347) eq. 5.

        1/N Σ_i Σ_t ( ρ_it A_it − β (ρ_it − 1 − log ρ_it) )

    The second term estimates KL(π_anchor ‖ π). β = 1 is the middle one of the three that PPO's §6.1
    tries (0.3, 1, 3); `beta=0` leaves the bound to the line search alone, which is the config's
    `optimizer.trust`. With one part a round every ratio is 1 and the penalty's gradient exactly 0.

    Left out: the natural gradient, which needs products with the Fisher matrix, that is second
    derivatives through the whole model; and the β of PPO's §4 that adapts itself. There is room for
    one KL, so none to a reference.
    """
    return Objective(
        advantage=Gae(gamma, lam),
        surrogate=Plain(),
        weight=PerToken(),
        kl=KL(beta, "k3", to="anchor") if beta else None,
    )


def ppo(
    *,
    low: float = 0.2,
    high: float | None = None,
    gamma: float = 1.0,
    lam: float = 1.0,
    kl: float | KL = 0.0,
    dual: float | None = None,
) -> Objective:
    """Schulman et al., "Proximal Policy Optimization Algorithms", arXiv 1707.06347, eq. 7, with the
    advantage of its eq. 11.

        1/N Σ_i Σ_t min(ρ_it A_it, clip(ρ_it, 1−low, 1+high) A_it)

    A is standardised over the round's tokens, which is not in the paper and in nearly every
    implementation. `low` is the paper's ε; its λ is 0.95, that of OpenRLHF and verl 1: below 1 only
    with a critic that was shown to explain something. `dual` is the floor of `DualClip` (arXiv
    1912.09729; 3 there and in verl). KL stands in the reward (k1), as in InstructGPT (arXiv
    2203.02155, eq. 2), and the critic learns it too. Of eq. 9 the entropy bonus is left out, and
    the value loss is the critic's own.
    """
    return Objective(
        advantage=Whiten(Gae(gamma, lam)),
        surrogate=Clip(low, high) if dual is None else DualClip(low, high, dual),
        weight=PerToken(),
        kl=in_reward(kl),
    )


def vapo(
    *,
    low: float = 0.2,
    high: float | None = 0.28,
    gamma: float = 1.0,
    alpha: float = 0.05,
    mu: float = 0.1,
    kl: float | KL = 0.0,
) -> Objective:
    """Yue et al., "VAPO: Efficient and Reliable Reinforcement Learning for Advanced Reasoning
    Tasks", arXiv 2504.05118.

        1/N Σ_i Σ_t min(ρ_it A_it, clip(ρ_it, 1−low, 1+high) A_it)
            + μ/N⁺ Σ_{i solved} Σ_t log π(o_it),    A by GAE with λ_i = 1 − 1/(α T_i)

    All numbers are the paper's. λ_i is clamped to [0, 1]: as printed it is negative below 20
    tokens. The likelihood of solved rows is an addition to their advantage, which has the same
    gradient at ratio 1 and is clipped like the rest afterwards; `mu=0` leaves it out. The
    advantage is not standardised, as printed. The critic's own λ of 1 and its pretraining belong to
    the critic (without them the paper falls from 60 to 33 and to 11 points on AIME); sampling in
    groups to the sampler. KL is not in the paper, and would stand in the reward.
    """
    advantage = Gae(gamma, LengthAdaptive(alpha))
    return Objective(
        advantage=Liked(advantage, mu) if mu else advantage,
        surrogate=Clip(low, high),
        weight=PerToken(),
        kl=in_reward(kl),
    )


CRITICS: dict[str, Callable[[], Objective]] = {
    "actor_critic": actor_critic,
    "a2c": a2c,
    "trpo": trpo,
    "ppo": ppo,
    "vapo": vapo,
}
"""All of them by name: each learns from the rewards of a sampled round, and needs a critic."""
