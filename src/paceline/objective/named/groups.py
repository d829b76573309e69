"""Algorithms that judge a completion by its group or its round: no second model but a reference.

Letters in the equations: i a completion, t one of its T_i tokens, B completions, r the reward,
A the advantage, ρ = π/π_anchor the ratio, N = Σ T_i, sg() no gradient.

With one part a round every ratio is 1. The clip, the gate and the kind of ratio then change
nothing: `grpo`, `gspo`, `sapo` and `gmpo` have the same gradient there, and so have `dapo` and
`cispo`. A comparison of these needs more than one part.
"""

from collections.abc import Callable

from ..advantage import (
    Center,
    GroupThenBatch,
    LeaveOneOut,
    LengthWeighted,
    ReturnToGo,
    Reward,
    ZScore,
)
from ..kl import KL
from ..objective import Objective
from ..ratio import GeometricRatio, SequenceRatio
from ..surrogate import Clip, ClipDetached, LogProb, Plain, SoftGate
from ..weight import (
    PerConstant,
    PerPromptToken,
    PerSequence,
    PerToken,
    SequenceSum,
)
from .penalty import in_loss, in_reward, penalty


def reinforce(*, kl: float | KL = 0.0) -> Objective:
    """R. J. Williams, "Simple statistical gradient-following algorithms for connectionist
    reinforcement learning", Machine Learning 8, 1992.

        1/B Σ_i r_i Σ_t log π(o_it)

    No baseline: a reward that is never negative pushes every completion up. There is no ratio in
    it, so with several parts a round the later parts go uncorrected; `surrogate=Plain()` corrects
    them token by token. KL stands in the reward (k1).
    """
    return Objective(
        advantage=Reward(), surrogate=LogProb(), weight=SequenceSum(), kl=in_reward(kl)
    )


def rloo(*, kl: float | KL = 0.0) -> Objective:
    """Ahmadian et al., "Back to Basics: Revisiting REINFORCE-Style Optimization for Learning from
    Human Feedback in LLMs", arXiv 2402.14740.

        1/B Σ_i A_i Σ_t log π(o_it),    A_i = r_i − mean of the others in the group

    As the paper has it: a completion is one action and nothing is clipped. (TRL's trainer of this
    name clips the ratio of whole completions instead.) No ratio, as in `reinforce`. KL stands in
    the reward (k1); β = 0.03 is among the paper's settings.
    """
    return Objective(
        advantage=LeaveOneOut(), surrogate=LogProb(), weight=SequenceSum(), kl=in_reward(kl)
    )


def grpo(
    *,
    low: float = 0.2,
    high: float | None = None,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Objective:
    """Shao et al., "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language
    Models", arXiv 2402.03300, eq. 3.

        1/B Σ_i 1/T_i Σ_t ( min(ρ_it A_i, clip(ρ_it, 1−low, 1+high) A_i) − β k3_it ),
        A_i = (r_i − mean) / (std + eps) in the group

    The paper has β = 0.04; its clip width is not given, and 0.2 is PPO's. eps is not in the paper.
    Much of the field now runs the token mean (`dapo`) under this name; this is the equation.
    Process rewards (§4.1.3) are left out: a verifier gives one reward a completion.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        surrogate=Clip(low, high),
        weight=PerSequence(),
        kl=in_loss(kl),
    )


def dr_grpo(
    *, length: int | None = None, low: float = 0.2, high: float | None = None, kl: float | KL = 0.0
) -> Objective:
    """Liu et al., "Understanding R1-Zero-Like Training: A Critical Perspective", arXiv 2503.20783.

        1/(L·B) Σ_i Σ_t min(ρ_it A_i, clip(ρ_it, 1−low, 1+high) A_i),    A_i = r_i − mean

    Both of the paper's changes to GRPO: no deviation in the advantage, and a constant L in place of
    the completion's length. (Elsewhere the name often means one of the two.) `length=None` leaves L
    open; `Objective.resolved(max_tokens)` sets it to the run's longest completion, as the authors'
    code does. The paper has no KL.
    """
    return Objective(
        advantage=Center(), surrogate=Clip(low, high), weight=PerConstant(length), kl=in_loss(kl)
    )


def gspo(
    *,
    low: float = 3e-4,
    high: float | None = 4e-4,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Objective:
    """Zheng et al., "Group Sequence Policy Optimization", arXiv 2507.18071, eqs. 5 to 7.

        1/B Σ_i min(s_i A_i, clip(s_i, 1−low, 1+high) A_i),    s_i = exp(1/T_i Σ_t log ρ_it)

    The widths are those of its §5.1; a mean of logs moves far less than one token, so GRPO's 0.2
    would never bite. The variant with per-token advantages is left out: with one advantage a
    completion it has the same gradient. The paper leaves out KL for brevity.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        ratio=SequenceRatio(),
        surrogate=Clip(low, high),
        weight=PerSequence(),
        kl=in_loss(kl),
    )


def dapo(
    *,
    low: float = 0.2,
    high: float | None = 0.28,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
    per_prompt: bool = False,
) -> Objective:
    """Yu et al., "DAPO: An Open-Source LLM Reinforcement Learning System at Scale",
    arXiv 2503.14476, eq. 8.

        1/N Σ_i Σ_t min(ρ_it A_i, clip(ρ_it, 1−low, 1+high) A_i)

    N counts the tokens of the whole part, as the authors' code and most others have it; as printed
    the token mean is taken within each prompt and then over prompts: `per_prompt=True`. The paper
    removes KL. Dynamic sampling belongs to the sampler, overlong filtering and shaping to the
    rollouts and their reward.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        surrogate=Clip(low, high),
        weight=PerPromptToken() if per_prompt else PerToken(),
        kl=in_loss(kl),
    )


def cispo(
    *,
    high: float = 4.0,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
    per_prompt: bool = False,
) -> Objective:
    """MiniMax, "MiniMax-M1: Scaling Test-Time Compute Efficiently with Lightning Attention",
    arXiv 2506.13585, eq. 4.

        1/N Σ_i Σ_t sg(min(ρ_it, 1+high)) A_i log π(o_it)

    The paper tunes `high` without printing it, and has no lower bound. 4 caps the weight at 5, the
    setting that TRL gives for ScaleRL (Khatri et al., arXiv 2510.13786); there the knob is the cap
    itself. N and `per_prompt` as in `dapo`. The paper has no KL.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        surrogate=ClipDetached(high),
        weight=PerPromptToken() if per_prompt else PerToken(),
        kl=in_loss(kl),
    )


def sapo(
    *, up: float = 1.0, down: float = 1.05, kl: float | KL = 0.0, ddof: int = 1, eps: float = 1e-4
) -> Objective:
    """Gao et al., "Soft Adaptive Policy Optimization", arXiv 2511.20347.

        1/B Σ_i 1/T_i Σ_t 4/τ σ(τ (ρ_it − 1)) A_i,    τ = up where A_i > 0, else down

    The temperatures are the paper's: a negative advantage is faded out a little faster. No KL.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        surrogate=SoftGate(up, down),
        weight=PerSequence(),
        kl=in_loss(kl),
    )


def reinforce_pp(
    *,
    low: float = 0.2,
    high: float | None = None,
    kl: float | KL = 0.0,
    ddof: int = 0,
    eps: float = 1e-8,
    baseline: bool = False,
) -> Objective:
    """Hu et al., "REINFORCE++: Stabilizing Critic-Free Policy Optimization with Global
    Normalization", arXiv 2501.03262.

        1/N Σ_i Σ_t min(ρ_it A_it, clip(ρ_it, 1−low, 1+high) A_it),
        A_it = (R_it − mean) / (std + eps) over the round's tokens,  R_it = r_i − β Σ_{s≥t} k1_is

    `baseline=True` is the paper's variant for groups: r_i less the group's mean, divided by the
    deviation of these over the round, with KL in the loss (k2) instead. The discount is 1. The
    authors' code takes the population's deviation and floors its square at 1e-8, where this adds
    eps.
    """
    clip = Clip(low, high)
    if baseline:
        pull = penalty(kl, "k2", "loss")
        return Objective(
            advantage=GroupThenBatch(ddof, eps), surrogate=clip, weight=PerToken(), kl=pull
        )
    return Objective(
        advantage=ReturnToGo(ddof, eps), surrogate=clip, weight=PerToken(), kl=in_reward(kl)
    )


def opo(*, kl: float | KL = 0.0) -> Objective:
    """Hao et al., "On-Policy RL with Optimal Reward Baseline", arXiv 2505.23585.

        1/B Σ_i A_i Σ_t log π(o_it),    A_i = r_i − Σ_j T_j r_j / Σ_j T_j in the group

    The paper insists on exactly on-policy training: one part a round. It has no KL and no entropy
    term. It is run elsewhere with the token mean; the baseline is the optimal one for the sum.
    """
    return Objective(
        advantage=LengthWeighted(), surrogate=LogProb(), weight=SequenceSum(), kl=in_reward(kl)
    )


def gmpo(
    *,
    low: float = 0.4,
    high: float = 0.4,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Objective:
    """Zhao et al., "Geometric-Mean Policy Optimization", arXiv 2507.20673, Algorithm 1.

        1/B Σ_i A_i exp( 1/T_i Σ_t c_it ),
        c_it = min(log ρ_it, high) where A_i > 0, else max(log ρ_it, −low)

    The widths are of the log-ratio: 0.4 is the paper's range (e^−0.4, e^0.4). No KL.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        ratio=GeometricRatio(low, high),
        surrogate=Plain(),
        weight=PerSequence(),
        kl=in_loss(kl),
    )


def luspo(
    *,
    low: float = 3e-4,
    high: float | None = 4e-4,
    kl: float | KL = 0.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Objective:
    """Liu et al., "Length-Unbiased Sequence Policy Optimization: Revealing and Controlling Response
    Length Variation in RLVR", arXiv 2602.05261.

        1/B Σ_i T_i min(s_i A_i, clip(s_i, 1−low, 1+high) A_i),    s_i as in `gspo`

    `gspo` with each completion's gain times its length. The widths are GSPO's. No KL.
    """
    return Objective(
        advantage=ZScore(ddof, eps),
        ratio=SequenceRatio(),
        surrogate=Clip(low, high),
        weight=SequenceSum(),
        kl=in_loss(kl),
    )


GROUPS: dict[str, Callable[[], Objective]] = {
    "reinforce": reinforce,
    "rloo": rloo,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "gspo": gspo,
    "dapo": dapo,
    "cispo": cispo,
    "sapo": sapo,
    "reinforce_pp": reinforce_pp,
    "opo": opo,
    "gmpo": gmpo,
    "luspo": luspo,
}
"""All of them by name: each learns from the rewards of a sampled round, and needs nothing else."""
