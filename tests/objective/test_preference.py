"""Losses of pairs, each against a loop over its tokens. Letters: B rows, T tokens, P pairs.

The loops are scalar, in float64, and share nothing with the library but the data. In
them w is the preferred row of a pair, o the other.
"""

import math
import statistics
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import (
    Hinge,
    Logistic,
    Odds,
    PairMetrics,
    Preference,
    Scores,
    Squared,
    bradley_terry,
    dpo,
    grpo,
    ipo,
    orpo,
    simpo,
)
from tests.helpers.pairs import given_part, tokens_of_part
from tests.helpers.rounds import make_round


def sigma(u):
    return 1 / (1 + torch.exp(-u))


def ordered(group):
    """The preferred row and the other."""
    a, b = group
    return (a, b) if a.reward > b.reward else (b, a)


def total(row, reference):
    """Σ over the row's tokens, less the reference's."""
    x = 0.0
    for t, lp in enumerate(row.logp):
        x = x + lp - (row.ref[t] if reference else 0.0)
    return x


def mean(row, reference):
    return total(row, reference) / len(row.logp)


# The loops: the loss of one pair.


def dpo_loop(w, o, beta=0.1, eps=0.0):
    u = beta * (total(w, True) - total(o, True))
    return -(1 - eps) * torch.log(sigma(u)) - eps * torch.log(sigma(-u))


def smoothed(w, o):
    return dpo_loop(w, o, 0.5, 0.2)


def robust(w, o):
    u = 0.5 * (total(w, True) - total(o, True))
    return (-0.8 * torch.log(sigma(u)) + 0.2 * torch.log(sigma(-u))) / 0.6


def rpo(w, o):
    return dpo_loop(w, o) - 0.7 * mean(w, False)


def ipo_loop(w, o):
    return (mean(w, True) - mean(o, True) - 1 / (2 * 0.1)) ** 2


def ipo_as_printed(w, o):
    return (total(w, True) - total(o, True) - 1 / (2 * 0.1)) ** 2


def simpo_loop(w, o):
    return -torch.log(sigma(2.0 * (mean(w, False) - mean(o, False)) - 1.0))


def slic(w, o):
    u = 0.5 * (total(w, True) - total(o, True)) - 0.25
    return 1 - u if u < 1 else torch.zeros_like(u)


def orpo_loop(w, o):
    p_w, p_l = torch.exp(mean(w, False)), torch.exp(mean(o, False))
    ratio = torch.log(p_w / (1 - p_w)) - torch.log(p_l / (1 - p_l))
    return -mean(w, False) - 0.1 * torch.log(sigma(ratio))


CASES = {
    "dpo": (dpo(), dpo_loop),
    "dpo smoothed": (dpo(beta=0.5, smoothing=0.2), smoothed),
    "dpo robust": (dpo(beta=0.5, smoothing=0.2, robust=True), robust),
    "dpo with likelihood": (dpo(likelihood=0.7), rpo),
    "ipo": (ipo(), ipo_loop),
    "ipo as printed": (ipo(length="sum"), ipo_as_printed),
    "simpo": (simpo(), simpo_loop),
    "hinge": (Preference(link=Hinge(), beta=0.5, margin=0.25), slic),
    "orpo": (orpo(), orpo_loop),
}


def of(loss, part, **changes):
    scores = Scores(part.logp_BT, torch.full_like(part.ref_BT, 0.5))
    return loss(scores, tokens_of_part(loss, part, **changes))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_the_loop(case, seed):
    loss, loop = CASES[case]
    part = given_part(seed=seed)
    expected = sum(loop(*ordered(group)) for group in part.groups) / len(part.groups)
    (expected_BT,) = torch.autograd.grad(expected, part.logp_BT)
    assert expected_BT.abs().max() > 1e-3
    value, metrics = of(loss, part)
    (slope_BT,) = torch.autograd.grad(value, part.logp_BT)
    assert_close(value, expected, rtol=1e-10, atol=1e-12)
    assert_close(slope_BT, expected_BT, rtol=1e-10, atol=1e-12)
    assert metrics.loss == value.item()
    again = loss.value(Scores(part.logp_BT, part.ref_BT), tokens_of_part(loss, part))
    assert again.item() == value.item()


@pytest.mark.parametrize("beta", [0.1, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_dpos_gradient_is_a_policy_gradient_with_an_advantage_of_its_own(beta, seed):
    # ∇ −log σ(βΔ) = −βσ(−βΔ) (∇ log π(w) − ∇ log π(l)): REINFORCE on the summed log-probabilities
    # with A = ±βσ(−βΔ), a constant, and the mean over pairs.
    part = given_part(seed=seed)
    value, _ = of(dpo(beta=beta), part)
    (ours_BT,) = torch.autograd.grad(value, part.logp_BT)
    gained = 0.0
    for group in part.groups:
        w, o = ordered(group)
        delta = (total(w, True) - total(o, True)).item()
        advantage = beta / (1 + math.exp(beta * delta))
        gained = gained + advantage * sum(w.logp) - advantage * sum(o.logp)
    (policy_BT,) = torch.autograd.grad(-gained / len(part.groups), part.logp_BT)
    assert_close(ours_BT, policy_BT, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_the_reference_the_loss_is_log_2(dtype):
    part = given_part()
    for loss in (dpo(), dpo(beta=3.0, smoothing=0.1), dpo(smoothing=0.1, robust=True)):
        tokens = tokens_of_part(loss, part, at_reference=True)
        tokens = replace(tokens, weight_BT=tokens.weight_BT.to(dtype))
        logp_BT = part.logp_BT.detach().to(dtype).requires_grad_()
        # The reference's own column is noise of 0.3 nats here, and is not read.
        value, metrics = loss(Scores(logp_BT, logp_BT.detach()), tokens)
        assert value.dtype == dtype
        assert value.item() == pytest.approx(math.log(2), rel=1e-7 if dtype == torch.float32 else 0)
        assert metrics.pairs.margin == 0 and metrics.pairs.accuracy == 0.5
        assert torch.autograd.grad(value, logp_BT)[0].abs().max() > 1e-3


def test_the_metrics_of_pairs():
    part = given_part()
    metrics = of(dpo(), part)[1]
    pairs = [ordered(group) for group in part.groups]
    chosen = [0.1 * total(w, True).item() for w, _ in pairs]
    rejected = [0.1 * total(o, True).item() for _, o in pairs]
    found = metrics.pairs
    assert found.pairs == 4
    assert found.chosen == pytest.approx(statistics.mean(chosen))
    assert found.rejected == pytest.approx(statistics.mean(rejected))
    assert found.margin == pytest.approx(statistics.mean(chosen) - statistics.mean(rejected))
    right = [c > r for c, r in zip(chosen, rejected, strict=True)]
    assert 0 < sum(right) < 4 and found.accuracy == sum(right) / 4
    likelihoods = [lp.item() for w, _ in pairs for lp in w.logp]
    assert found.nll == pytest.approx(-statistics.mean(likelihoods))
    assert found.chosen_tokens == len(likelihoods)
    assert found.rejected_tokens == sum(len(o.logp) for _, o in pairs)
    # And all tokens of both rows, as any loss has them.
    every = [lp.item() for pair in pairs for row in pair for lp in row.logp]
    assert metrics.tokens == len(every) and metrics.nll == pytest.approx(-statistics.mean(every))
    assert metrics.entropy == pytest.approx(0.5) and metrics.kl is None


def test_metrics_add_over_pairs():
    loss, part = dpo(), given_part()
    tokens = tokens_of_part(loss, part)
    whole = loss(Scores(part.logp_BT, part.ref_BT), tokens)[1]
    summed = PairMetrics()
    for rows in ([0, 1, 6, 7], [2, 3], [5, 4]):
        some = Scores(part.logp_BT[rows], part.ref_BT[rows])
        summed += loss(some, tokens.rows(rows))[1].pairs
    assert summed.pairs == whole.pairs.pairs and summed.right == whole.pairs.right
    assert summed.margin == pytest.approx(whole.pairs.margin)
    assert summed.nll == pytest.approx(whole.pairs.nll)


def test_a_pair_of_which_a_row_has_no_token_counts_and_gives_nothing():
    part = given_part()
    part.mask_BT[2] = False  # of the second pair
    value, metrics = of(dpo(), part)
    (slope_BT,) = torch.autograd.grad(value, part.logp_BT)
    assert not slope_BT[2:4].any() and slope_BT[[0, 4, 6]].any(-1).all()
    others = [dpo_loop(*ordered(part.groups[i])) for i in (0, 2, 3)]
    assert_close(value, sum(others) / 4)
    assert metrics.pairs.pairs == 3


def test_a_sure_completion_has_a_finite_odds_loss():
    for logp in (-1e-9, 0.0):
        part = given_part([[1.0, 0.0]], [[2, 2]])
        part.logp_BT = torch.full((2, 2), logp, dtype=torch.float32).requires_grad_()
        value, _ = of(orpo(), part)
        (slope_BT,) = torch.autograd.grad(value, part.logp_BT)
        assert value.isfinite() and slope_BT.isfinite().all()


def test_advantages_are_the_signs_of_the_preference():
    round = make_round([[1, 0], [0.2, 0.7], [-3, -2]])
    assert dpo().advantages(round).tolist() == [1, -1, -1, 1, -1, 1]
    assert dpo().advantages(round).dtype == torch.float32


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ([[1, 0], [1, 0, 0]], "problem 1 has 3 with the rewards 1, 0, 0"),
        ([[0.5, 0.5]], "problem 0 has 2 with the rewards 0.5, 0.5"),
        ([[1]], "problem 0 has 1 with the rewards 1"),
    ],
)
def test_groups_that_are_no_pairs_are_refused(rewards, said):
    with pytest.raises(ValueError, match="between two completions") as error:
        dpo().advantages(make_round(rewards))
    assert said in str(error.value)


def test_weights_are_the_share_of_a_pair_whatever_its_length():
    mask_BT = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 1, 0], [1, 1, 0]]).bool()
    weight_BT = dpo().weights(mask_BT, torch.tensor([5, 5, 9, 9]))
    assert_close(weight_BT, mask_BT / 2)
    assert weight_BT.dtype == torch.float32


def test_a_group_that_was_parted_is_refused():
    loss, part = dpo(), given_part()
    tokens = tokens_of_part(loss, part)
    with pytest.raises(ValueError, match="a group has 1: do not split groups"):
        rows = [0, 1, 2]
        loss(Scores(part.logp_BT[rows], part.ref_BT[rows]), tokens.rows(rows))
    with pytest.raises(ValueError, match="group_B is None"):
        loss(Scores(part.logp_BT, part.ref_BT), replace(tokens, group_B=None))


def test_a_missing_reference_is_told():
    part = given_part()
    with pytest.raises(ValueError, match="needs the reference"):
        of(dpo(), part, ref_BT=None)
    # At the reference the scores are their own.
    assert of(dpo(), part, ref_BT=None, at_reference=True)[0].item() == pytest.approx(math.log(2))


def test_needs():
    for make in (dpo, ipo, simpo, orpo):
        loss = make()
        assert loss.whole_groups and not loss.drops_signalless and not loss.tokenwise
        assert not (loss.needs_values or loss.needs_anchor_for_advantages or loss.reads_ratios_only)
        assert loss.needs_reference == (make in (dpo, ipo)) and loss.resolved(7) is loss
        assert loss.penalised(round := make_round([[1, 0]])) is round


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beta": 0.0}, "beta above 0"),
        ({"beta": math.inf}, "beta above 0"),
        ({"length": "max"}, "'sum' or the 'mean'"),
        ({"margin": math.nan}, "finite margin"),
        ({"likelihood": -1.0}, "likelihood weight"),
        ({"link": Logistic}, "class Logistic"),
        ({"link": Odds()}, "length='mean' and reference=False"),
        ({"link": Odds(), "length": "mean"}, "length='mean' and reference=False"),
    ],
)
def test_mistakes_are_refused(options, said):
    with pytest.raises(ConfigError) as error:
        Preference(**options)
    assert said in str(error.value)


def test_it_describes_itself_in_one_sentence():
    loss = Preference(link=Squared(), length="mean", reference=False, margin=1.0, likelihood=0.5)
    assert loss.describe() == (
        "The square of the distance from the wanted difference; log-probabilities are averaged "
        "over a completion, without a reference; beta 0.1; margin 1; likelihood of the preferred "
        "completion 0.5."
    )


@pytest.mark.parametrize("loss", [dpo(beta=0.5), ipo(), simpo(), orpo()])
def test_rewards_are_what_the_metrics_of_pairs_add_up(loss):
    part = given_part()
    tokens = tokens_of_part(loss, part)
    scores = Scores(part.logp_BT, torch.zeros_like(part.logp_BT))
    reward_B = loss.rewards(scores, tokens)
    pairs = loss(scores, tokens)[1].pairs
    chosen = [i for i, one in enumerate(loss.advantages(part.round).tolist()) if one > 0]
    assert reward_B[chosen].sum().item() == pytest.approx(pairs.chosen_sum)
    assert reward_B.sum().item() == pytest.approx(pairs.chosen_sum + pairs.rejected_sum)
    assert not loss.of_scores and bradley_terry().of_scores and not grpo().of_scores
