"""The losses of other trainers, transcribed: TRL 1.16, verl 0.9.0 and 0.9.1, OpenRLHF.

On whole tensors, with masks and means of their own. What they lack is left out of their data: only
TRL masks rows that were cut.

Letters: B rows, T tokens, G groups, K rows of a group.
"""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor

from paceline.objective import Objective, Scores, Tokens
from tests.helpers.rounds import make_round

G, K, T = 5, 4, 9
BETA = 0.07
LONGEST = 512
"""TRL's `max_completion_length`, by default."""
SCALE = 256
"""What verl's `loss_scale_factor` is set to in its row."""
SPREADS = (1.5, 0.3, 1e-3, 2e-4)
"""Of the log-ratios, row after row: so that a cap of 5, a clip of 0.2 and one of 3e-4 all bind
somewhere, and nowhere everywhere."""


def part(seed: int, *, cut: bool) -> SimpleNamespace:
    """An off-policy part of G groups: ragged rows with holes that the model did not sample, one
    group of equal rewards, and with `cut` a row that is masked."""
    generator = torch.Generator().manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(G * K, T, generator=generator, dtype=torch.float64)

    lengths_B = torch.randint(1, T + 1, (G * K,), generator=generator)
    real_BT = torch.arange(T) < lengths_B.unsqueeze(1)
    sampled_BT = real_BT & (torch.rand(G * K, T, generator=generator) > 0.2)
    sampled_BT[torch.arange(G * K), lengths_B - 1] = True
    reward_B = torch.randint(0, 4, (G * K,), generator=generator).double() / 2
    reward_B[K : 2 * K] = 0.5
    anchor_BT = -normal().abs()
    spread_B1 = torch.tensor(SPREADS).double().repeat(G * K // len(SPREADS)).unsqueeze(1)
    trained_BT = sampled_BT.clone()
    if cut:
        trained_BT[2 * K + 1] = False
    return SimpleNamespace(
        lengths=lengths_B.tolist(),
        sampled_BT=sampled_BT,
        m_BT=trained_BT.double(),
        reward_B=reward_B,
        anchor_BT=anchor_BT,
        ref_BT=anchor_BT + 0.2 * normal(),
        logp_BT=(anchor_BT + spread_B1 * normal()).requires_grad_(),
    )


def update(objective: Objective, d: SimpleNamespace, *, on_policy: bool = False) -> Tensor:
    """Our loss of the part."""

    def column(x_BT: Tensor) -> tuple[tuple, ...]:
        return tuple(tuple(x[:n].tolist()) for x, n in zip(x_BT, d.lengths, strict=True))

    rewards, lengths = d.reward_B.view(G, K).tolist(), torch.tensor(d.lengths).view(G, K).tolist()
    round = make_round(
        rewards, lengths, column(d.sampled_BT), anchor=column(d.anchor_BT), ref=column(d.ref_BT)
    )
    mask_BT = d.m_BT.bool()
    advantage = objective.advantages(round, torch.float64)
    advantage = advantage if advantage.ndim == 2 else advantage.unsqueeze(1).expand(-1, T)
    short = T - advantage.shape[1]
    tokens = Tokens(
        mask_BT=mask_BT,
        anchor_BT=None if on_policy else d.anchor_BT,
        old_BT=d.anchor_BT,
        ref_BT=d.ref_BT if objective.needs_reference else None,
        advantage_BT=torch.nn.functional.pad(advantage, (0, short)),
        weight_BT=objective.weights(mask_BT, torch.tensor(round.group_of), torch.float64),
    )
    return objective(Scores(d.logp_BT, torch.zeros_like(d.ref_BT)), tokens)[0]


def gradient(loss: Tensor, d: SimpleNamespace) -> Tensor:
    """By the log-probabilities of the part."""
    return torch.autograd.grad(loss, d.logp_BT)[0]


# What several of them share -------------------------------------------------------------------


def clipped(ratio: Tensor, a: Tensor, low: float, high: float) -> Tensor:
    """PPO's loss, as a maximum of losses."""
    return torch.maximum(-a * ratio, -a * ratio.clamp(1 - low, 1 + high))


def row_mean(x_BT: Tensor, m_BT: Tensor) -> Tensor:
    return (x_BT * m_BT).sum(1, keepdim=True) / m_BT.sum(1, keepdim=True).clamp(min=1)


def low_variance_kl(d: SimpleNamespace) -> Tensor:
    return torch.exp(d.ref_BT - d.logp_BT) - (d.ref_BT - d.logp_BT) - 1


def score(d: SimpleNamespace) -> Tensor:
    """log π less the anchor's: what is subtracted has no gradient, and values can be compared."""
    return d.logp_BT - d.anchor_BT


def soft_gate(ratio: Tensor, a: Tensor, up: float = 1.0, down: float = 1.05) -> Tensor:
    tau = torch.where(a > 0, torch.full_like(a, up), torch.full_like(a, down))
    return -torch.sigmoid(tau * (ratio - 1)) * 4 / tau * a


# TRL ------------------------------------------------------------------------------------------


def trl(
    loss_type: str = "dapo",
    *,
    level: str = "token",
    low: float = 0.2,
    high: float | None = None,
    scale: str = "group",
    delta: float | None = None,
) -> Callable[[SimpleNamespace, float], Tensor]:
    """GRPOTrainer's loss of one update; an `epsilon_high` that is not set is `epsilon`.

    `corrected` is use_bias_correction_kl, True by default there: the KL times the ratio, which is
    the completion's with importance_sampling_level="sequence".
    """
    high = low if high is None else high

    def loss(d: SimpleNamespace, beta: float, corrected: bool = False) -> Tensor:
        r_GK, log_ratio = d.reward_B.view(G, K), d.logp_BT - d.anchor_BT
        a_GK = r_GK - r_GK.mean(1, keepdim=True)
        if scale == "group":
            a_GK = a_GK / (r_GK.std(1, keepdim=True) + 1e-4)
        a_B1 = a_GK.reshape(-1, 1)
        ratio = torch.exp(log_ratio if level == "token" else row_mean(log_ratio, d.m_BT))
        if loss_type == "cispo":
            # There log π stands alone; see `score`.
            l_BT = -ratio.clamp(max=high).detach() * a_B1 * score(d)
        elif loss_type == "sapo":
            l_BT = soft_gate(ratio, a_B1)
        else:
            bounded = ratio if delta is None else ratio.clamp(max=delta)
            l_BT = -torch.min(bounded * a_B1, ratio.clamp(1 - low, 1 + high) * a_B1)
        kl_BT = low_variance_kl(d) * (ratio if corrected else 1.0)
        return trl_aggregate(loss_type, l_BT + beta * kl_BT, d.m_BT)

    return loss


def trl_aggregate(loss_type: str, l_BT: Tensor, m_BT: Tensor) -> Tensor:
    total = (l_BT * m_BT).sum()
    match loss_type:
        case "grpo" | "sapo":
            return ((l_BT * m_BT).sum(-1) / m_BT.sum(-1).clamp(min=1)).mean()
        case "dr_grpo":
            return total / (m_BT.shape[0] * LONGEST)
        case "luspo":
            return (l_BT * m_BT).sum(-1).mean()
        case _:
            return total / m_BT.sum()


def trl_rloo(d: SimpleNamespace, beta: float, low: float = 0.2, high: float = 0.2) -> Tensor:
    """RLOOTrainer's: the ratio is that of the whole completion, a product over its tokens."""
    k1_B = ((d.anchor_BT - d.ref_BT) * d.sampled_BT).sum(1)
    r_GK = (d.reward_B - beta * k1_B).view(G, K)
    a_B = (r_GK - (r_GK.sum(1, keepdim=True) - r_GK) / (K - 1)).flatten()
    ratio_B = torch.exp((d.logp_BT * d.m_BT).sum(1) - (d.anchor_BT * d.m_BT).sum(1))
    return clipped(ratio_B, a_B, low, high).mean()


# verl -----------------------------------------------------------------------------------------


def verl(
    estimator: str = "grpo",
    mode: str = "vanilla",
    *,
    agg: str = "token-mean",
    low: float = 0.2,
    high: float = 0.2,
    by_std: bool = True,
    version: str = "0.9.1",
) -> Callable[[SimpleNamespace, float], Tensor]:
    """The loss of `policy_loss.loss_mode` with the advantage of `adv_estimator`."""
    in_reward = estimator not in ("grpo",)

    def loss(d: SimpleNamespace, beta: float) -> Tensor:
        a_BT = verl_advantage(d, estimator, beta if in_reward else 0.0, by_std)
        l_BT = verl_loss(d, mode, a_BT, low, high)
        if mode == "geo_mean":
            total = l_BT.mean()
        else:
            # These have the mean by row written into them; `loss_agg_mode` is for their KL alone.
            by_row = mode == "sapo" or (mode == "gspo" and version == "0.9.0")
            total = verl_aggregate("seq-mean-token-mean" if by_row else agg, l_BT, d.m_BT)
        if in_reward:
            return total
        return total + beta * verl_aggregate(agg, low_variance_kl(d), d.m_BT)

    return loss


def verl_advantage(d: SimpleNamespace, estimator: str, beta: float, by_std: bool) -> Tensor:
    m_BT = d.m_BT
    last_BT = torch.arange(T) == torch.tensor(d.lengths).unsqueeze(1) - 1
    paid_BT = last_BT * d.reward_B.unsqueeze(1) - beta * (d.anchor_BT - d.ref_BT) * m_BT
    if estimator == "reinforce_plus_plus":
        to_go_BT = paid_BT.flip(1).cumsum(1).flip(1)
        return whitened(to_go_BT, m_BT, ddof=1, floor=0.0) * m_BT
    r_GK = paid_BT.sum(1).view(G, K)
    n_GK = m_BT.sum(1).view(G, K)
    match estimator:
        case "grpo":
            a_GK = r_GK - r_GK.mean(1, keepdim=True)
            a_GK = a_GK / (r_GK.std(1, keepdim=True) + 1e-6) if by_std else a_GK
        case "rloo":
            a_GK = r_GK * K / (K - 1) - r_GK.mean(1, keepdim=True) * K / (K - 1)
        case "opo":
            a_GK = r_GK - (n_GK * r_GK).sum(1, keepdim=True) / n_GK.sum(1, keepdim=True)
    return a_GK.reshape(-1, 1) * m_BT


def whitened(x_BT: Tensor, m_BT: Tensor, ddof: int, floor: float) -> Tensor:
    """Over all tokens of the mask. (verl adds 1e-8 to the variance, where ours adds it to the
    deviation; with rewards that differ by halves both are less than the tolerance here.)"""
    n = m_BT.sum()
    mean = (x_BT * m_BT).sum() / n
    var = ((x_BT - mean).square() * m_BT).sum() / (n - ddof)
    return (x_BT - mean) * var.clamp(min=floor).rsqrt()


def verl_loss(d: SimpleNamespace, mode: str, a_BT: Tensor, low: float, high: float) -> Tensor:
    moved_BT = d.logp_BT - d.anchor_BT
    ratio_BT = moved_BT.clamp(-20, 20).exp()
    match mode:
        case "vanilla":
            l_BT = clipped(ratio_BT, a_BT, low, high)
            return torch.where(a_BT < 0, torch.min(-a_BT * 3.0, l_BT), l_BT)
        case "gspo":
            # The ratio of the row is a constant there, and the token's own carries the gradient.
            own_BT = d.logp_BT - d.logp_BT.detach()
            return clipped((own_BT + row_mean(moved_BT, d.m_BT).detach()).exp(), a_BT, low, high)
        case "sapo":
            return soft_gate(ratio_BT, a_BT)
        case "cispo":
            return -ratio_BT.clamp(1 - low, 1 + high).detach() * a_BT * score(d)
        case "gpg":
            return -score(d) * a_BT
        case _:  # geo_mean, one loss a row
            sign_BT = a_BT.sign()
            bounded_BT = sign_BT * torch.min(
                sign_BT * moved_BT, sign_BT * moved_BT.clamp(-low, high)
            )
            return -row_mean(a_BT, d.m_BT) * row_mean(bounded_BT, d.m_BT).exp()


def verl_aggregate(mode: str, l_BT: Tensor, m_BT: Tensor, factor: float | None = SCALE) -> Tensor:
    """`factor` is `loss_scale_factor`; not set, it is the padded width."""
    rows, sum_B = m_BT.shape[0], (l_BT * m_BT).sum(-1)
    match mode:
        case "token-mean":
            return sum_B.sum() / m_BT.sum()
        case "seq-mean-token-mean":
            return (sum_B / m_BT.sum(-1)).sum() / rows
        case "seq-mean-token-sum":
            return sum_B.sum() / rows
        case _:  # seq-mean-token-sum-norm
            return sum_B.sum() / rows / (m_BT.shape[1] if factor is None else factor)


# OpenRLHF, and the papers where nobody has the algorithm as a switch ---------------------------


def openrlhf_reinforce(d: SimpleNamespace, beta: float) -> Tensor:
    last_BT = torch.arange(T) == torch.tensor(d.lengths).unsqueeze(1) - 1
    paid_BT = last_BT * d.reward_B.unsqueeze(1) - beta * (d.anchor_BT - d.ref_BT) * d.m_BT
    a_BT = whitened(paid_BT.flip(1).cumsum(1).flip(1), d.m_BT, ddof=0, floor=1e-8)
    l_BT = clipped((d.logp_BT - d.anchor_BT).exp(), a_BT, 0.2, 0.2)
    return (l_BT * d.m_BT).sum() / d.m_BT.sum()


def group_then_batch(d: SimpleNamespace, beta: float) -> Tensor:
    r_GK = d.reward_B.view(G, K)
    a_B = (r_GK - r_GK.mean(1, keepdim=True)).flatten()
    a_B1 = (a_B / a_B.square().mean().sqrt()).unsqueeze(1)
    k2_BT = (d.logp_BT - d.ref_BT).square() / 2
    l_BT = clipped((d.logp_BT - d.anchor_BT).exp(), a_B1, 0.2, 0.2) + beta * k2_BT
    return (l_BT * d.m_BT).sum() / d.m_BT.sum()


def williams(d: SimpleNamespace, beta: float) -> Tensor:
    r_B = d.reward_B - beta * ((d.anchor_BT - d.ref_BT) * d.sampled_BT).sum(1)
    return -(r_B * (score(d) * d.m_BT).sum(1)).mean()
