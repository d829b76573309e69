"""Every algorithm without a critic against a loop written from its paper.

The loops are scalar, in float64, and share nothing with the library but the data: a list of groups
of rows, each row its reward and its tokens. Letters: B rows, T tokens.
"""

import math
import statistics

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import (
    GROUPS,
    KL,
    GroupThenBatch,
    PerPromptToken,
    PerToken,
    Scores,
    named,
)
from tests.helpers.paper_rows import BETA, MASKED, MAX_TOKENS, data, tokens_of


def zscores(rs, ddof=1, eps=1e-4):
    if len(rs) < 2 or max(rs) == min(rs):
        return [0.0] * len(rs)
    mean, s = statistics.mean(rs), (statistics.stdev if ddof else statistics.pstdev)(rs)
    return [(r - mean) / (s + eps) for r in rs]


def clip(x, low, high):
    return low if x < low else high if x > high else x


def ppo(x, a, low, high):
    return min(x * a, clip(x, 1 - low, 1 + high) * a)


def everything(groups, advantages):
    """(row, advantage) of every row, where advantages gives those of one group."""
    return [pair for g in groups for pair in zip(g, advantages(g), strict=True)]


def of_rewards(rule):
    return lambda group: rule([row.r for row in group])


# The loops. Each returns what is maximised; `beta` is the weight of the KL.


def reinforce(groups, beta):
    rows = [row for g in groups for row in g]
    total = 0.0
    for row in rows:
        r = row.r - (row.k1_paid() if beta else 0)
        if row.trains:
            # log π less its value at sampling: a constant.
            total += r * sum(row.lp[t] - row.anchor[t] for t in range(row.T))
    return total / len(rows)


def rloo(groups, beta):
    total, B = 0.0, sum(len(g) for g in groups)
    for group in groups:
        rs = [row.r - (row.k1_paid() if beta else 0) for row in group]
        for i, row in enumerate(group):
            others = rs[:i] + rs[i + 1 :]
            if row.trains and others:
                a = rs[i] - statistics.mean(others)
                total += a * sum(row.lp[t] - row.anchor[t] for t in range(row.T))
    return total / B


def opo(groups, beta):
    total, B = 0.0, sum(len(g) for g in groups)
    for group in groups:
        rs = [row.r - (row.k1_paid() if beta else 0) for row in group]
        baseline = sum(row.T * r for row, r in zip(group, rs, strict=True)) / sum(
            row.T for row in group
        )
        for row, r in zip(group, rs, strict=True):
            if row.trains:
                total += (r - baseline) * sum(row.lp[t] - row.anchor[t] for t in range(row.T))
    return total / B


def grpo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            gains = [ppo(row.rho(t), a, 0.2, 0.2) - beta * row.k3(t) for t in range(row.T)]
            total += sum(gains) / row.T
    return total / len(pairs)


def dr_grpo(groups, beta):
    pairs = everything(groups, of_rewards(lambda rs: [r - statistics.mean(rs) for r in rs]))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            for t in range(row.T):
                total += ppo(row.rho(t), a, 0.2, 0.2) - beta * row.k3(t)
    return total / (MAX_TOKENS * len(pairs))


def sequence_ratio(row):
    return torch.exp(sum(row.lp[t] - row.anchor[t] for t in range(row.T)) / row.T)


def gspo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            total += ppo(sequence_ratio(row), a, 3e-4, 4e-4)
            total -= beta * sum(row.k3(t) for t in range(row.T)) / row.T
    return total / len(pairs)


def luspo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            total += ppo(sequence_ratio(row), a, 3e-4, 4e-4) * row.T
            total -= beta * sum(row.k3(t) for t in range(row.T))
    return total / len(pairs)


def dapo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total, N = 0.0, sum(row.T for row, _ in pairs if row.trains)
    for row, a in pairs:
        if row.trains:
            for t in range(row.T):
                total += ppo(row.rho(t), a, 0.2, 0.28) - beta * row.k3(t)
    return total / N


def dapo_per_prompt(groups, beta):
    total = 0.0
    for group in groups:
        tokens = sum(row.T for row in group if row.trains)
        for row, a in everything([group], of_rewards(zscores)):
            if row.trains:
                for t in range(row.T):
                    gain = ppo(row.rho(t), a, 0.2, 0.28) - beta * row.k3(t)
                    total += gain / tokens
    return total / len(groups)


def cispo(groups, beta, cap=5.0):
    pairs = everything(groups, of_rewards(zscores))
    total, N = 0.0, sum(row.T for row, _ in pairs if row.trains)
    for row, a in pairs:
        if row.trains:
            for t in range(row.T):
                weight = min(row.rho(t).item(), cap)
                # log π less its value at sampling: a constant.
                total += weight * a * (row.lp[t] - row.anchor[t]) - beta * row.k3(t)
    return total / N


def cispo_capped(groups, beta):
    return cispo(groups, beta, cap=1.1)


def sapo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            tau = 1.0 if a > 0 else 1.05
            gates = [4 / tau / (1 + torch.exp(-tau * (row.rho(t) - 1))) for t in range(row.T)]
            gains = [f * a - beta * row.k3(t) for t, f in enumerate(gates)]
            total += sum(gains) / row.T
    return total / len(pairs)


def gmpo(groups, beta):
    pairs = everything(groups, of_rewards(zscores))
    total = 0.0
    for row, a in pairs:
        if row.trains:
            sign = 1 if a > 0 else -1
            logs = []
            for t in range(row.T):
                log_rho = sign * (row.lp[t] - row.anchor[t])
                logs.append(sign * min(log_rho, clip(log_rho, -0.4, 0.4)))
            total += a * torch.exp(sum(logs) / row.T)
            total -= beta * sum(row.k3(t) for t in range(row.T)) / row.T
    return total / len(pairs)


def reinforce_pp(groups, beta):
    rows = [row for g in groups for row in g]
    to_go = []
    for row in rows:
        paid = [BETA * (a - f) if beta else 0.0 for a, f in zip(row.anchor, row.ref, strict=True)]
        to_go.append([row.r - sum(paid[t:]) for t in range(row.T)])
    flat = [x for xs in to_go for x in xs]
    mean, s = statistics.mean(flat), statistics.pstdev(flat)
    total, N = 0.0, sum(row.T for row in rows if row.trains)
    for row, xs in zip(rows, to_go, strict=True):
        if row.trains:
            for t in range(row.T):
                total += ppo(row.rho(t), (xs[t] - mean) / (s + 1e-8), 0.2, 0.2)
    return total / N


def reinforce_pp_baseline(groups, beta):
    rows = [row for g in groups for row in g]
    centred = [row.r - statistics.mean(x.r for x in g) for g in groups for row in g]
    s = statistics.pstdev(centred)
    total, N = 0.0, sum(row.T for row in rows if row.trains)
    for row, c in zip(rows, centred, strict=True):
        if row.trains:
            for t in range(row.T):
                k2 = (row.ref[t] - row.lp[t]) ** 2 / 2
                total += ppo(row.rho(t), c / (s + 1e-8), 0.2, 0.2) - beta * k2
    return total / N


CASES = {
    "reinforce": (named.reinforce, reinforce),
    "rloo": (named.rloo, rloo),
    "grpo": (named.grpo, grpo),
    "dr_grpo": (lambda **k: named.dr_grpo(**k).resolved(MAX_TOKENS), dr_grpo),
    "gspo": (named.gspo, gspo),
    "dapo": (named.dapo, dapo),
    "dapo_per_prompt": (lambda **k: named.dapo(per_prompt=True, **k), dapo_per_prompt),
    "cispo": (named.cispo, cispo),
    "cispo_capped": (lambda **k: named.cispo(high=0.1, **k), cispo_capped),
    "sapo": (named.sapo, sapo),
    "reinforce_pp": (named.reinforce_pp, reinforce_pp),
    "reinforce_pp_baseline": (
        lambda **k: named.reinforce_pp(baseline=True, **k),
        reinforce_pp_baseline,
    ),
    "opo": (named.opo, opo),
    "gmpo": (named.gmpo, gmpo),
    "luspo": (named.luspo, luspo),
}


def gradient_of(loss, logp_BT):
    return torch.autograd.grad(loss, logp_BT)[0]


@pytest.mark.parametrize("beta", [0.0, BETA])
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_the_paper(case, beta):
    make, loop = CASES[case]
    d = data()
    objective = make(kl=beta)
    tokens = tokens_of(objective, d)
    expected = -loop(d.groups, beta)
    expected_BT = gradient_of(expected, d.logp_BT)
    assert expected_BT.abs().max() > 1e-3 and not expected_BT[MASKED].any()

    zero_BT = torch.zeros_like(d.anchor_BT)
    loss, metrics = objective(Scores(d.logp_BT, zero_BT), tokens)
    assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    assert_close(gradient_of(loss, d.logp_BT), expected_BT, rtol=1e-10, atol=1e-10)
    assert metrics.tokens == 39 - 3  # all tokens but the masked row's


@pytest.mark.parametrize("beta", [0.0, BETA])
@pytest.mark.parametrize("rows_at_once", [1, 3, 100])
@pytest.mark.parametrize("case", CASES)
def test_micro_batches_without_the_rows_that_carry_no_signal_add_up_to_it(case, rows_at_once, beta):
    make, loop = CASES[case]
    d = data(seed=1)
    objective = make(kl=beta)
    tokens = tokens_of(objective, d)
    kept = torch.arange(len(d.mask_BT))
    if objective.drops_signalless:
        kept = kept[(tokens.advantage_BT * tokens.mask_BT).any(-1)]
        assert len(kept) < len(d.mask_BT)
    total, slope_BT = 0.0, torch.zeros_like(d.logp_BT)
    for index in kept.split(rows_at_once):
        some = d.logp_BT.detach()[index].requires_grad_()
        loss, _ = objective(Scores(some, torch.zeros_like(some)), tokens.rows(index))
        slope_BT[index] = gradient_of(loss, some)
        total += loss.item()
    expected = -loop(d.groups, beta)
    assert_close(total, expected.item(), rtol=1e-10, atol=1e-10)
    assert_close(slope_BT, gradient_of(expected, d.logp_BT), rtol=1e-10, atol=1e-10)


def test_the_data_reach_every_branch():
    """Otherwise the comparisons above would prove less than they seem to."""
    d = data()
    for objective in (named.grpo(), named.gspo(), named.gmpo(), named.cispo(high=0.1)):
        _, metrics = objective(
            Scores(d.logp_BT, torch.zeros_like(d.ref_BT)), tokens_of(objective, d)
        )
        assert 0 < metrics.clipped < metrics.tokens


def test_every_algorithm_has_its_loop():
    assert set(GROUPS) <= set(CASES)


def test_every_algorithm_takes_a_kl_and_needs_a_reference_only_then():
    for make in GROUPS.values():
        assert not make().needs_reference
        with_kl = make(kl=0.1)
        assert with_kl.kl.coef == 0.1 and with_kl.needs_reference


def test_where_the_kl_stands():
    for name in ("reinforce", "rloo", "reinforce_pp", "opo"):
        assert GROUPS[name](kl=0.1).kl == KL(0.1, "k1", "reward")
    for name in ("grpo", "dr_grpo", "gspo", "dapo", "cispo", "sapo", "gmpo", "luspo"):
        assert GROUPS[name](kl=0.1).kl == KL(0.1, "k3", "loss")
    baseline = named.reinforce_pp(kl=0.1, baseline=True)
    assert baseline.kl == KL(0.1, "k2", "loss") and baseline.advantage == GroupThenBatch()


def test_knobs_reach_their_parts():
    assert "ZScore(ddof=0, eps=0.5)" in repr(named.grpo(ddof=0, eps=0.5))
    assert "Clip(low=0.1, high=0.3)" in repr(named.grpo(low=0.1, high=0.3))
    assert "PerConstant(length=7)" in repr(named.dr_grpo(length=7))
    assert named.dapo().weight == PerToken()
    assert named.cispo(per_prompt=True).weight == PerPromptToken()
    assert "SoftGate(up=2.0, down=3.0)" in repr(named.sapo(up=2.0, down=3.0))
    assert "GeometricRatio(low=0.2, high=0.3)" in repr(named.gmpo(low=0.2, high=0.3))


def test_a_named_objective_that_was_left_open_says_so_when_it_weighs():
    with pytest.raises(ConfigError, match="max_tokens"):
        named.dr_grpo().weights(torch.ones(1, 1).bool(), torch.zeros(1))
    share = named.dr_grpo().resolved(4).weights(torch.ones(1, 1).bool(), torch.zeros(1))
    assert math.isclose(share.item(), 0.25)
