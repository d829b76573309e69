"""Every algorithm with a critic against a loop written from its paper: scalar, in float64."""

import math
import statistics

import pytest
import torch
from torch.testing import assert_close

from paceline.objective import (
    CRITICS,
    KL,
    DualClip,
    Gae,
    Liked,
    Scores,
    Whiten,
    named,
)
from tests.helpers.paper_rows import BETA, MASKED, data, tokens_of


def gae(row, lam, beta, gamma=1.0):
    """A of each token: the sum of the later one-step errors, discounted."""
    errors = []
    for t in range(row.T):
        last = t == row.T - 1
        reward = row.r if last else 0.0
        if beta:
            reward -= BETA * (row.anchor[t] - row.ref[t])
        errors.append(reward + (0.0 if last else gamma * row.V[t + 1]) - row.V[t])
    return [
        sum((gamma * lam) ** (s - t) * errors[s] for s in range(t, row.T)) for t in range(row.T)
    ]


def of_tokens(groups, gain, lam=1.0, beta=0.0, gamma=1.0):
    """1/N Σ gain(row, t, A) over the tokens that train."""
    rows = [row for group in groups for row in group]
    total, N = 0.0, sum(row.T for row in rows if row.trains)
    for row in rows:
        if row.trains:
            a = gae(row, lam, beta, gamma)
            total = total + sum(gain(row, t, a[t]) for t in range(row.T))
    return total / N


def log_prob(row, t, a):
    """A log π, less its value at sampling: a constant."""
    return a * (row.lp[t] - row.anchor[t])


def clipped(x, a, low=0.2, high=0.2):
    return min(x * a, min(max(x, 1 - low), 1 + high) * a)


def actor_critic(groups, beta):
    return of_tokens(groups, log_prob, lam=0.0, beta=beta)


def a2c(groups, beta):
    return of_tokens(groups, lambda row, t, a: log_prob(row, t, a) + 0.01 * 0.5, beta=beta)


def trpo(groups, beta):
    def gain(row, t, a):
        rho = row.rho(t)
        return rho * a - 1.0 * (rho - 1 - torch.log(rho))

    return of_tokens(groups, gain)


def ppo(groups, beta, gain=clipped, lam=1.0):
    rows = [row for group in groups for row in group]
    every = [a for row in rows for a in gae(row, lam, beta)]  # the round's, masked rows too
    mean, s = statistics.mean(every), statistics.pstdev(every)
    return of_tokens(groups, lambda row, t, a: gain(row.rho(t), (a - mean) / (s + 1e-8)), lam, beta)


def ppo_dual(groups, beta):
    def gain(x, a):
        bounded = clipped(x, a)
        return max(bounded, 3.0 * a) if a < 0 else bounded

    return ppo(groups, beta, gain)


def vapo(groups, beta, alpha=0.05, mu=0.1):
    rows = [row for group in groups for row in group if row.trains]
    N, liked = sum(row.T for row in rows), sum(row.T for row in rows if row.r >= 1)
    total = 0.0
    for row in rows:
        lam = min(max(1 - 1 / (alpha * row.T), 0.0), 1.0)
        for t, a in enumerate(gae(row, lam, beta)):
            more = mu * N / liked if row.r >= 1 else 0.0
            total = total + clipped(row.rho(t), a + more, 0.2, 0.28)
    return total / N


CASES = {
    "actor_critic": (named.actor_critic, actor_critic),
    "a2c": (named.a2c, a2c),
    "trpo": (lambda kl=0.0: named.trpo(), trpo),
    "ppo": (named.ppo, ppo),
    "ppo_dual": (lambda kl=0.0: named.ppo(dual=3.0, kl=kl), ppo_dual),
    "ppo_lam": (
        lambda kl=0.0: named.ppo(lam=0.9, kl=kl),
        lambda groups, beta: ppo(groups, beta, lam=0.9),
    ),
    "vapo": (named.vapo, vapo),
    "vapo_long": (  # the paper's α is 0 in every row of these
        lambda kl=0.0: named.vapo(alpha=0.4, kl=kl),
        lambda groups, beta: vapo(groups, beta, alpha=0.4),
    ),
}


@pytest.mark.parametrize("beta", [0.0, BETA])
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_the_paper(case, beta):
    make, loop = CASES[case]
    d = data()
    objective = make(kl=beta)
    expected = -loop(d.groups, beta)
    (expected_BT,) = torch.autograd.grad(expected, d.logp_BT)
    assert expected_BT.abs().max() > 1e-3 and not expected_BT[MASKED].any()
    scores = Scores(d.logp_BT, torch.full_like(d.anchor_BT, 0.5))
    loss, metrics = objective(scores, tokens_of(objective, d))
    (slope_BT,) = torch.autograd.grad(loss, d.logp_BT)
    assert_close(loss, expected, rtol=1e-9, atol=1e-10)
    assert_close(slope_BT, expected_BT, rtol=1e-9, atol=1e-10)
    assert metrics.tokens == 39 - 3


def test_at_ratio_1_vapos_likelihood_is_that_of_the_paper():
    # μ/N⁺ Σ log π over the tokens of solved rows that train: 5 + 3 of the first group, 4 and 2.
    d = data()
    with_it, without = (named.vapo(mu=mu) for mu in (0.1, 0.0))
    assert with_it.advantage == Liked(without.advantage, 0.1)

    def gradient(objective):
        tokens = tokens_of(objective, d)
        tokens = type(tokens)(
            mask_BT=tokens.mask_BT, anchor_BT=None, old_BT=None, ref_BT=None,
            advantage_BT=tokens.advantage_BT, weight_BT=tokens.weight_BT,
        )  # fmt: skip
        loss = objective.value(Scores(d.logp_BT, d.ref_BT), tokens)
        return torch.autograd.grad(loss, d.logp_BT)[0]

    rows = [row for group in d.groups for row in group]
    expected_BT = torch.zeros_like(d.anchor_BT)
    for i, row in enumerate(rows):
        if row.trains and row.r >= 1:
            expected_BT[i, : row.T] = -0.1 / (5 + 3 + 4 + 2)
    assert_close(gradient(with_it) - gradient(without), expected_BT, rtol=1e-9, atol=1e-12)


def test_the_data_reach_every_bound():
    d = data()
    for objective in (named.ppo(), named.vapo(), named.ppo(dual=3.0)):
        _, metrics = objective(Scores(d.logp_BT, d.ref_BT), tokens_of(objective, d))
        assert 0 < metrics.clipped < metrics.tokens


def test_all_need_a_critic_and_no_reference_until_a_kl_asks_for_it():
    for name, make in CRITICS.items():
        objective = make()
        assert objective.needs_values and not objective.drops_signalless, name
        assert not objective.needs_reference and not objective.needs_anchor_for_advantages, name
    for name in ("actor_critic", "a2c", "ppo", "vapo"):
        with_kl = CRITICS[name](kl=0.1)
        assert with_kl.kl == KL(0.1, "k1", "reward")
        assert with_kl.needs_reference and with_kl.needs_anchor_for_advantages


def test_knobs_reach_their_parts():
    assert named.actor_critic(gamma=0.9, lam=0.5).advantage == Gae(0.9, 0.5)
    assert named.a2c(entropy=0.0).entropy == 0 and named.a2c().entropy == 0.01
    assert named.ppo(lam=0.95, gamma=0.99).advantage == Whiten(Gae(0.99, 0.95))
    assert named.ppo(low=0.1, high=0.3, dual=2.0).surrogate == DualClip(0.1, 0.3, 2.0)
    assert named.trpo(beta=0.3).kl == KL(0.3, to="anchor") and named.trpo(beta=0).kl is None
    assert math.isclose(named.vapo(alpha=0.1).advantage.inner.lam.alpha, 0.1)
