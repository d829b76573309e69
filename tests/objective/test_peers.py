"""Our values against what other trainers compute under the switches that mean the same.

test_named.py holds the algorithms to loops written from their papers. Here are the formulas of TRL
1.16, verl 0.9.0 and 0.9.1, and OpenRLHF, transcribed on whole tensors with masks and means of their
own, so that somebody who comes from there gets what was had there: value and gradient.
docs/migrating.md shows the same switches beside the same values; tests/docs holds its
tables to `PEERS`. benchmarks/against_trl_loss.py runs TRL itself on its rows.

What they lack is left out of their data: only TRL masks rows that were cut.

Letters: B rows, T tokens, G groups, K rows of a group.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from paceline import objective as room
from paceline.errors import ConfigError
from paceline.objective import (
    KL,
    NAMES,
    ClipDetached,
    Objective,
    PerConstant,
    PerSequence,
    PerToken,
    Scores,
    SequenceSum,
    Tokens,
    ZScore,
    by_name,
)
from paceline.types import Completion, Problem, Verdict
from paceline.verify import Weighted, judge
from tests.objective.small_rounds import make_round

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


@dataclass(frozen=True, slots=True)
class Peer:
    """A trainer's switches, and the value that is the same here."""

    trainer: str
    switches: str
    ours: str
    """As Python, over the names of `paceline.objective`."""
    theirs: Callable[..., Tensor]
    """(part, weight of the KL) -> loss; TRL's also take whether it is corrected."""
    kl: tuple[str, str] = ("k3", "loss")
    """Which KL, and where, when its weight is not 0."""

    @property
    def value(self) -> Objective:
        return eval(self.ours, vars(room))


NARROW = {"low": 3e-4, "high": 4e-4}
IN_REWARD = ("k1", "reward")
PEERS = [
    Peer("TRL", "the defaults", "dapo(high=0.2)", trl()),
    Peer("TRL", 'loss_type="dapo", epsilon_high=0.28', "dapo()", trl(high=0.28)),
    Peer("TRL", 'loss_type="grpo"', "grpo()", trl("grpo")),
    Peer(
        "TRL",
        'loss_type="grpo", scale_rewards="none"',
        "Objective(advantage=Center(), weight=PerSequence())",
        trl("grpo", scale="none"),
    ),
    Peer(
        "TRL",
        'loss_type="grpo", delta=4.0',
        "Objective(advantage=ZScore(), surrogate=DualClip(0.2, floor=4.0), weight=PerSequence())",
        trl("grpo", delta=4.0),
    ),
    Peer(
        "TRL",
        'loss_type="dr_grpo", scale_rewards="none"',
        "dr_grpo(length=512)",
        trl("dr_grpo", scale="none"),
    ),
    Peer(
        "TRL",
        'loss_type="dr_grpo"',
        "Objective(advantage=ZScore(), weight=PerConstant(512))",
        trl("dr_grpo"),
    ),
    Peer(
        "TRL",
        'loss_type="grpo", importance_sampling_level="sequence", epsilon=3e-4, epsilon_high=4e-4',
        "gspo()",
        trl("grpo", level="sequence", **NARROW),
    ),
    Peer(
        "TRL",
        'importance_sampling_level="sequence"',
        "Objective(advantage=ZScore(), ratio=SequenceRatio())",
        trl(level="sequence"),
    ),
    Peer("TRL", 'loss_type="cispo", epsilon_high=5.0', "cispo()", trl("cispo", high=5.0)),
    Peer("TRL", 'loss_type="sapo"', "sapo()", trl("sapo")),
    Peer(
        "TRL",
        'loss_type="luspo", importance_sampling_level="sequence", epsilon=3e-4, epsilon_high=4e-4',
        "luspo()",
        trl("luspo", level="sequence", **NARROW),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2))",
        verl(),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, loss_agg_mode=seq-mean-token-mean",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2), weight=PerSequence())",
        verl(agg="seq-mean-token-mean"),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, clip_ratio_high=0.28",
        "Objective(advantage=ZScore(eps=1e-6), surrogate=DualClip(0.2, 0.28))",
        verl(high=0.28),
    ),
    Peer(
        "verl",
        "adv_estimator=grpo, norm_adv_by_std_in_grpo=False, "
        "loss_agg_mode=seq-mean-token-sum-norm, loss_scale_factor=256",
        "Objective(advantage=Center(), surrogate=DualClip(0.2), weight=PerConstant(256))",
        verl(agg="seq-mean-token-sum-norm", by_std=False),
    ),
    Peer(
        "verl",
        "loss_mode=gspo, loss_agg_mode=seq-mean-token-mean, clip_ratio_low=3e-4, "
        "clip_ratio_high=4e-4",
        "gspo(eps=1e-6)",
        verl(mode="gspo", agg="seq-mean-token-mean", **NARROW),
    ),
    Peer(
        "verl",
        "loss_mode=cispo, clip_ratio_low=1, clip_ratio_high=4",
        "cispo(eps=1e-6)",
        verl(mode="cispo", low=1.0, high=4.0),
    ),
    Peer(
        "verl",
        "loss_mode=sapo, loss_agg_mode=seq-mean-token-mean",
        "sapo(eps=1e-6)",
        verl(mode="sapo", agg="seq-mean-token-mean"),
    ),
    Peer(
        "verl",
        "loss_mode=geo_mean, loss_agg_mode=seq-mean-token-mean, clip_ratio_low=0.4, "
        "clip_ratio_high=0.4",
        "gmpo(eps=1e-6)",
        verl(mode="geo_mean", agg="seq-mean-token-mean", low=0.4, high=0.4),
    ),
    Peer(
        "verl",
        "adv_estimator=rloo, loss_mode=gpg, loss_agg_mode=seq-mean-token-sum",
        "rloo()",
        verl("rloo", "gpg", agg="seq-mean-token-sum"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=rloo",
        "Objective(advantage=LeaveOneOut(), surrogate=DualClip(0.2))",
        verl("rloo"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=opo, loss_mode=gpg, loss_agg_mode=seq-mean-token-sum",
        "opo()",
        verl("opo", "gpg", agg="seq-mean-token-sum"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=opo",
        "Objective(advantage=LengthWeighted(), surrogate=DualClip(0.2))",
        verl("opo"),
        IN_REWARD,
    ),
    Peer(
        "verl",
        "adv_estimator=reinforce_plus_plus",
        "Objective(advantage=ReturnToGo(ddof=1), surrogate=DualClip(0.2))",
        verl("reinforce_plus_plus"),
        IN_REWARD,
    ),
    Peer(
        "OpenRLHF", "algo.advantage.estimator=reinforce", "reinforce_pp()", openrlhf_reinforce,
        IN_REWARD,
    ),
    Peer(
        "the paper", "with baseline", "reinforce_pp(baseline=True)", group_then_batch,
        ("k2", "loss"),
    ),
    Peer("the paper", "no baseline", "reinforce()", williams, IN_REWARD),
]  # fmt: skip


def same(actual: Tensor, expected: Tensor) -> None:
    # Ours adds 1e-8 to the deviations of REINFORCE++.
    assert_close(actual, expected, rtol=1e-7, atol=1e-9)


def gradient(loss: Tensor, d: SimpleNamespace) -> Tensor:
    return torch.autograd.grad(loss, d.logp_BT)[0]


@pytest.mark.parametrize("beta", [0.0, BETA])
@pytest.mark.parametrize("peer", PEERS, ids=[f"{p.trainer}: {p.switches}" for p in PEERS])
def test_the_same_loss_and_the_same_gradient(peer, beta):
    for seed in range(4):
        d = part(seed, cut=peer.trainer == "TRL")
        objective = peer.value
        if beta:
            objective = replace(objective, kl=KL(beta, *peer.kl))  # type: ignore[arg-type]
        ours, theirs = update(objective, d), peer.theirs(d, beta)
        slope_BT = gradient(theirs, d)
        assert slope_BT.abs().max() > 5e-5
        same(ours, theirs)
        same(gradient(ours, d), slope_BT)


TRLS = [p for p in PEERS if p.trainer == "TRL"]


@pytest.mark.parametrize("on_policy", [False, True])
@pytest.mark.parametrize("peer", TRLS, ids=[p.switches for p in TRLS])
def test_trls_beta_as_it_is_by_default_is_the_weighted_kl_and_that_of_a_completion_is_none(
    peer, on_policy
):
    for seed in range(4):
        d = part(seed, cut=True)
        d.anchor_BT = d.logp_BT.detach().clone() if on_policy else d.anchor_BT
        theirs = peer.theirs(d, BETA, corrected=True)
        slope_BT = gradient(theirs, d)
        weighted, plain = (
            update(replace(peer.value, kl=KL(BETA, weighted=w)), d, on_policy=on_policy)
            for w in (True, False)
        )
        if "sequence" in peer.switches:
            others = (weighted, plain)
        else:
            same(weighted, theirs)
            same(gradient(weighted, d), slope_BT)
            others = (plain,)
        # On-policy the values are equal, and the gradients are not.
        for other in others:
            assert (gradient(other, d) - slope_BT).abs().max() > 1e-2 * slope_BT.abs().max()
            assert not on_policy or torch.allclose(other, theirs)


def test_every_named_objective_has_a_peer():
    # Equal to one, or to one with another eps; dr_grpo to one whose length is set.
    values = [repr(p.value).replace("eps=1e-06", "eps=0.0001") for p in PEERS]
    for name in NAMES:
        assert repr(by_name(name).resolved(LONGEST)) in values, name


def test_the_data_reach_every_bound():
    """Otherwise the comparisons would prove less than they seem to."""
    d = part(0, cut=True)
    moved_BT = (d.logp_BT - d.anchor_BT).detach()[d.m_BT.bool()]
    ratio_B = row_mean(d.logp_BT - d.anchor_BT, d.m_BT).exp().detach()
    for bound, ratios in ((5.0, moved_BT.exp()), (3.0, moved_BT.exp()), (1.0004, ratio_B)):
        assert 0 < (ratios > bound).sum() < ratios.numel()
    for bound, ratios in ((0.8, moved_BT.exp()), (0.9997, ratio_B)):
        assert 0 < (ratios < bound).sum() < ratios.numel()
    assert not d.m_BT.sum(1).all() and (d.m_BT.bool() != d.sampled_BT).any()


# Aggregation ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "weight"),
    [
        ("token-mean", PerToken()),
        ("seq-mean-token-mean", PerSequence()),
        ("seq-mean-token-sum", SequenceSum()),
        ("seq-mean-token-sum-norm", PerConstant(SCALE)),
    ],
)
def test_a_weight_is_verls_loss_agg_mode(mode, weight):
    for seed in range(3):
        d = part(seed, cut=False)
        w_BT = weight(d.m_BT.bool(), torch.zeros(G * K))
        ours = (w_BT * d.logp_BT.square()).sum()
        theirs = verl_aggregate(mode, d.logp_BT.square(), d.m_BT)
        same(ours, theirs)
        same(gradient(ours, d), gradient(theirs, d))


def test_a_scale_factor_that_is_left_unset_changes_with_the_padding_and_ours_does_not():
    d = part(0, cut=False)
    wide_BT = torch.nn.functional.pad(d.m_BT, (0, 3))
    ones, wide = torch.ones_like(d.m_BT), torch.ones_like(wide_BT)
    mode, weight, group_B = "seq-mean-token-sum-norm", PerConstant(SCALE), torch.zeros(G * K)
    narrow = verl_aggregate(mode, ones, d.m_BT, None)
    # 9 columns of padding or 12: the same tokens weigh a quarter less.
    same(verl_aggregate(mode, wide, wide_BT, None), narrow * 9 / 12)
    same(weight(wide_BT.bool(), group_B).sum(), weight(d.m_BT.bool(), group_B).sum())


def test_bnpo_depends_on_the_micro_batch_and_ours_does_not():
    d = part(1, cut=False)
    l_BT, m_BT = d.logp_BT.detach().square(), d.m_BT
    whole = trl_aggregate("bnpo", l_BT, m_BT)
    halves = [
        trl_aggregate("bnpo", x, m) for x, m in zip(l_BT.split(7), m_BT.split(7), strict=True)
    ]
    assert (torch.stack(halves).mean() - whole).abs() > 1e-2
    w_BT = PerToken()(m_BT.bool(), torch.zeros(G * K))
    same(sum(p.sum() for p in (w_BT * l_BT).split(7)), whole)


# Advantages, rewards, KL ----------------------------------------------------------------------


def test_rewards_1_2_3_give_minus_1_0_1():
    # Their mean is 2, their sample deviation 1; 1e-4 is added to it.
    a_B = ZScore()(make_round([[1.0, 2.0, 3.0]]))
    assert_close(a_B, torch.tensor([-1.0, 0.0, 1.0]).double(), rtol=0, atol=1.1e-4)
    assert a_B[2].item() == pytest.approx(1 / 1.0001, abs=1e-12)


def test_rewards_are_weighed_then_added_then_normalised():
    generator = torch.Generator().manual_seed(0)
    reward_KF = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    weights = (1.0, 0.2, -0.5)
    # The parts answer by the row that the completion's text names.
    parts = tuple(
        (f"part{f}", lambda _, c, f=f: Verdict(reward_KF[int(c.text), f].item()), w)
        for f, w in enumerate(weights)
    )
    verifier, problem = Weighted(parts), Problem("p", "?", "1")
    rewards = [
        judge(verifier, problem, Completion((5,), (0.0,), str(i), "stop")).reward for i in range(6)
    ]
    total_K = (reward_KF * torch.tensor(weights).double()).sum(1)
    same(torch.tensor(rewards).double(), total_K)
    expected_K = (total_K - total_K.mean()) / (total_K.std() + 1e-4)
    same(ZScore()(make_round([rewards])), expected_K)


def clamped_k3(logp_BT: Tensor, ref_BT: Tensor) -> Tensor:
    """verl's `low_var_kl`: the bounds are far from what the numbers below reach."""
    d_BT = (ref_BT - logp_BT).clamp(-20, 20)
    return (d_BT.exp() - d_BT - 1).clamp(-10, 10)


@pytest.mark.parametrize(
    ("kl", "theirs"),
    [
        (KL(1.0, "k1", "reward"), lambda logp_BT, ref_BT: logp_BT - ref_BT),
        (KL(1.0, "k2", "loss"), lambda logp_BT, ref_BT: 0.5 * (logp_BT - ref_BT).square()),
        (KL(1.0, "k3", "loss"), clamped_k3),
    ],
)
def test_the_kl_estimates(kl, theirs):
    # Differences d from −2 to 2, 0 among them: k3 is at most e² − 3.
    ref_BT = torch.linspace(-3, 1, 41, dtype=torch.float64)[None]
    logp_BT = torch.full_like(ref_BT, -1.0).requires_grad_()
    pair = kl(logp_BT, ref_BT), theirs(logp_BT, ref_BT)
    slopes = [torch.autograd.grad(x_BT.sum(), logp_BT)[0] for x_BT in pair]
    assert_close(*pair, rtol=1e-10, atol=1e-12)
    assert_close(*slopes, rtol=1e-10, atol=1e-12)


# Traps ----------------------------------------------------------------------------------------


def test_cispo_with_its_bound_unset_caps_every_weight_at_a_fifth_there_and_is_refused_here():
    d = part(0, cut=True)
    d.anchor_BT = d.logp_BT.detach().clone()
    # At ratio 1 every weight is 1; the cap of 0.2 takes four fifths of the gradient away.
    unset = gradient(trl("cispo")(d, 0.0), d)
    same(unset, 0.2 * gradient(update(room.cispo(), d), d))
    with pytest.raises(ConfigError, match="at least 0"):
        ClipDetached(0.2 - 1)


@pytest.mark.parametrize(
    ("mode", "version", "widths", "ours"),
    [
        ("gspo", "0.9.0", NARROW, room.gspo(eps=1e-6)),
        ("sapo", "0.9.0", {}, room.sapo(eps=1e-6)),
        ("sapo", "0.9.1", {}, room.sapo(eps=1e-6)),
    ],
)
def test_verls_gspo_before_0_9_1_and_sapo_take_the_mean_by_row_whatever_is_asked_for(
    mode, version, widths, ours
):
    d = part(0, cut=False)
    theirs = verl(mode=mode, agg="token-mean", version=version, **widths)
    same(update(ours, d), theirs(d, 0.0))
    # Their KL is another matter.
    assert (theirs(d, BETA) - update(replace(ours, kl=KL(BETA)), d)).abs() > 1e-4


def test_verls_gspo_from_0_9_1_takes_the_mean_that_is_asked_for():
    d = part(0, cut=False)
    for agg, weight in (("token-mean", PerToken()), ("seq-mean-token-mean", PerSequence())):
        ours = replace(room.gspo(eps=1e-6), weight=weight, kl=KL(BETA))
        theirs = verl(mode="gspo", agg=agg, version="0.9.1", **NARROW)(d, BETA)
        same(update(ours, d), theirs)
        same(gradient(update(ours, d), d), gradient(theirs, d))
    # With both set, as in the table, the versions agree.
    versions = [
        verl(mode="gspo", agg="seq-mean-token-mean", version=v, **NARROW)(d, BETA)
        for v in ("0.9.0", "0.9.1")
    ]
    assert versions[0] == versions[1]


def test_verls_kl_has_no_pull_where_it_is_above_10_and_ours_has():
    # d = 3: k3 is e³ − 4 = 16.1, clamped to 10 there; the slope here is 1 − e³.
    logp, ref = torch.tensor([[-4.0]], requires_grad=True), torch.tensor([[-1.0]])
    theirs, ours = clamped_k3(logp, ref), KL(1.0)(logp, ref)
    assert theirs.item() == 10 and torch.autograd.grad(theirs, logp)[0].item() == 0
    assert torch.autograd.grad(ours, logp)[0].item() == pytest.approx(1 - math.exp(3), rel=1e-5)


def test_verls_cispo_has_a_lower_bound_unless_told_otherwise():
    d = part(0, cut=False)
    bounded, free = (gradient(verl(mode="cispo", low=x, high=4.0)(d, 0.0), d) for x in (0.2, 1.0))
    small_BT = (d.logp_BT < d.anchor_BT + torch.tensor(0.8).log()) & (free != 0)
    # A ratio below 0.8 counts as 0.8 there, so that its token weighs more.
    assert small_BT.any() and (bounded.abs() > free.abs())[small_BT].all()
    assert_close(bounded[~small_BT], free[~small_BT])


def test_before_the_first_update_trls_rloo_is_ours():
    d = part(3, cut=False)
    d.anchor_BT = d.logp_BT.detach().clone()
    same(gradient(update(room.rloo(), d, on_policy=True), d), gradient(trl_rloo(d, 0.0), d))


def test_before_the_first_update_rloo_is_dr_grpo_but_for_a_factor():
    # r − mean of the others is K/(K−1) times r − mean; a sum is L times a sum over L.
    d = part(3, cut=False)
    rloo, dr_grpo = (
        gradient(update(o, d, on_policy=True), d) for o in (room.rloo(), room.dr_grpo(length=50))
    )
    same(rloo, dr_grpo * 50 * K / (K - 1))
