"""Our values against what other trainers compute under the switches that mean the same.

named/test_groups.py holds the algorithms to loops written from their papers. Here are the formulas
of other trainers (tests/helpers/peers.py), so that somebody who comes from there gets what was had
there: value and gradient. benchmarks/against_trl_loss.py runs TRL itself on its rows.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from paceline import objective as room
from paceline.errors import ConfigError
from paceline.objective import (
    GROUPS,
    KL,
    ClipDetached,
    PerConstant,
    PerSequence,
    PerToken,
    SequenceSum,
    ZScore,
)
from paceline.types import Completion, Problem, Verdict
from paceline.verify import Weighted, judge
from tests.helpers.peer_table import NARROW, PEERS
from tests.helpers.peers import (
    BETA,
    LONGEST,
    SCALE,
    G,
    K,
    gradient,
    part,
    row_mean,
    trl,
    trl_aggregate,
    trl_rloo,
    update,
    verl,
    verl_aggregate,
)
from tests.helpers.rounds import make_round


def same(actual: Tensor, expected: Tensor) -> None:
    # Ours adds 1e-8 to the deviations of REINFORCE++.
    assert_close(actual, expected, rtol=1e-7, atol=1e-9)


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


def test_every_objective_that_judges_by_groups_has_a_peer():
    # Equal to one, or to one with another eps; dr_grpo to one whose length is set.
    values = [repr(p.value).replace("eps=1e-06", "eps=0.0001") for p in PEERS]
    for name, make in GROUPS.items():
        assert repr(make().resolved(LONGEST)) in values, name


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
