"""Algorithms that copy: completions that a data set brings, that were solved, or that a teacher
likes; and those that learn which of two completions is preferred.

Letters in the equations: i a completion, t one of its T_i tokens, N = Σ T_i, A the advantage; of a
pair w is the preferred completion and l the other, x = Σ_t (log π − log π_ref) of a completion, and
Δ = x_w − x_l. Losses of pairs are printed as what is minimised, as their papers have them, and are
means over the pairs of a part.
"""

from collections.abc import Callable

from ..advantage import Reward
from ..chosen import Best, Solved
from ..link import Logistic, Odds, Squared
from ..objective import Objective
from ..preference import Length, Preference
from ..ranking import Ranking
from ..surrogate import LogProb
from ..teacher import Teacher
from ..weight import PerSequence, PerToken


def sft(*, per_sequence: bool = False) -> Objective:
    """Supervised fine-tuning on demonstrations (InstructGPT, arXiv 2203.02155, §3.5).

        1/N Σ_i Σ_t log π(o_it)

    A demonstration has the reward 1, and so the advantage 1. All tokens of the part weigh the same,
    as in TRL and OpenRLHF; with `per_sequence=True` all completions do, so that long answers do not
    dominate. The loss is reported less a constant, the likelihood itself as `Metrics.nll`.
    """
    weight = PerSequence() if per_sequence else PerToken()
    return Objective(advantage=Reward(), surrogate=LogProb(), weight=weight)


def rft(*, best: int | None = None, per_sequence: bool = False) -> Objective:
    """Yuan et al., "Scaling Relationship on Learning Mathematical Reasoning with Large Language
    Models" (RFT), arXiv 2308.01825; Dong et al., "RAFT", arXiv 2304.06767.

        1/N Σ_{i solved} Σ_t log π(o_it)

    On rounds that are sampled online this is RAFT, or one step of ReST-EM (arXiv 2312.06585): a
    solved completion is copied, the others are dropped before any forward pass, though their tokens
    count in N. `best=1` copies the best of each group instead, whatever it scored (RAFT's own).
    Restarting from the base model at each iteration, and picking distinct solutions, are left to
    the data.
    """
    return Objective(
        advantage=Solved() if best is None else Best(best),
        surrogate=LogProb(),
        weight=PerSequence() if per_sequence else PerToken(),
    )


def distil() -> Objective:
    """On-policy distillation: Agarwal et al., "On-Policy Distillation of Language Models" (GKD),
    arXiv 2306.13649, with the reverse KL of one sample, as Thinking Machines published it in
    October 2025 ("On-Policy Distillation").

        1/N Σ_i Σ_t A_it log π(o_it),    A_it = log π_teacher(o_it) − log π_anchor(o_it)

    The teacher is the reference model. The expected gradient is that of −KL(π ‖ π_teacher) at each
    token; what a token does to later ones is left out (a discount of 0). So are the forms over the
    whole vocabulary (GKD's JSD), which need both models' logits at once. There is nothing to set;
    replace(distil(), advantage=Sum(Teacher(), ZScore())) adds the task's own reward.
    """
    return Objective(advantage=Teacher(), surrogate=LogProb(), weight=PerToken())


def dpo(
    *,
    beta: float = 0.1,
    smoothing: float = 0.0,
    robust: bool = False,
    length: Length = "sum",
    likelihood: float = 0.0,
) -> Preference:
    """Rafailov et al., "Direct Preference Optimization: Your Language Model is Secretly a Reward
    Model", arXiv 2305.18290, eq. 7.

        −(1 − ε) log σ(βΔ) − ε log σ(−βΔ)

    ε is `smoothing`, 0 in the paper (cDPO); `robust=True` is rDPO (arXiv 2403.00409), which takes
    the second term away and divides by 1 − 2ε. β = 0.1 is the paper's for its controlled task and
    everybody's since. `length="mean"` averages log-probabilities over a completion's tokens.
    `likelihood` adds the chosen one's (RPO, arXiv 2404.19733), against its usual fall.
    """
    return Preference(
        link=Logistic(smoothing, robust), beta=beta, length=length, likelihood=likelihood
    )


def ipo(*, beta: float = 0.1, length: Length = "mean") -> Preference:
    """Azar et al., "A General Theoretical Paradigm to Understand Learning from Human Preferences",
    arXiv 2310.12036, eq. 17.

        (Δ − 1/(2β))²

    β is the paper's τ. As printed x is a sum over tokens (`length="sum"`, and OpenRLHF); the
    authors confirmed to TRL that it is to be a mean, which is the default here as there. β = 0.1 is
    TRL's.
    """
    return Preference(link=Squared(), beta=beta, length=length)


def simpo(*, beta: float = 2.0, margin: float = 1.0) -> Preference:
    """Meng et al., "SimPO: Simple Preference Optimization with a Reference-Free Reward",
    arXiv 2405.14734, eq. 6.

        −log σ( β (mean log π_w − mean log π_l) − γ )

    No reference: the mean log-probability is the reward. γ is `margin`. The paper searches β from 2
    to 2.5 and γ from 0.3 to 1.6, anew for each model, and needs a small learning rate.
    """
    return Preference(beta=beta, length="mean", reference=False, margin=margin)


def orpo(*, lam: float = 0.1) -> Preference:
    """Hong et al., "ORPO: Monolithic Preference Optimization without Reference Model",
    arXiv 2403.07691, eqs. 6 and 7.

        −mean log π_w − λ log σ( log odds_w − log odds_l ),
        odds = p / (1 − p), log p = mean log π

    λ = 0.1 is the paper's for its larger models. No reference, and no warm start: the first term is
    supervised training. It is over the answer's tokens, as printed; in the authors' code and in TRL
    over the prompt's too.
    """
    return Preference(link=Odds(lam), beta=1.0, length="mean", reference=False, likelihood=1.0)


def bradley_terry(*, margin: float = 1.0, centre: float = 0.0) -> Ranking:
    """A reward model: Bradley and Terry, "Rank Analysis of Incomplete Block Designs", Biometrika
    39, 1952; Ouyang et al. (InstructGPT), arXiv 2203.02155, eq. 1.

        −log σ( s_w − s_l − m ) + c (s_w + s_l)²

    over all pairs of one group, mean over these and then over groups. m is the row's own margin
    times `margin` (Llama 2, arXiv 2307.09288, eq. 2), and 0 where rows have none. c is `centre`
    (arXiv 2312.09244, eq. 2): differences alone leave the level free; 0.01 in TRL, off here. Scores
    of single steps are left out: no verifier here gives their labels.
    """
    return Ranking(margin=margin, centre=centre)


LIKELIHOODS: dict[str, Callable[[], Objective]] = {"sft": sft, "rft": rft}
"""The likelihood of completions by name: of those that are given, and of those that were solved."""
TEACHERS: dict[str, Callable[[], Objective]] = {"distil": distil}
"""Distillation by name: each learns from a sampled round and a reference that teaches."""
PAIRS: dict[str, Callable[[], Preference]] = {"dpo": dpo, "ipo": ipo, "simpo": simpo, "orpo": orpo}
"""Losses of pairs by name: each trains a policy on groups of two rows."""
RANKINGS: dict[str, Callable[[], Ranking]] = {"bradley_terry": bradley_terry}
"""Losses of reward models by name: each reads one number a row."""
