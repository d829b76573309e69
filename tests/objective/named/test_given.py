"""Algorithms that copy, against loops; those of pairs are held to loops in test_preference.py."""

import pytest
import torch
from torch.testing import assert_close

from paceline.objective import (
    LIKELIHOODS,
    PAIRS,
    RANKINGS,
    TEACHERS,
    Best,
    Hinge,
    Logistic,
    Odds,
    Preference,
    Ranking,
    Scores,
    Squared,
    named,
)
from tests.helpers.paper_rows import MASKED, data, tokens_of


def best_of(group):
    """The number of the first best row, or None where there is no difference."""
    rewards = [row.r for row in group]
    return rewards.index(max(rewards)) if max(rewards) != min(rewards) else None


def copied(groups, chosen, per_sequence=False):
    """The likelihood of chosen rows, less its value at sampling; `chosen` gives a row's factor."""
    rows = [row for group in groups for row in group]
    total, N = 0.0, sum(row.T for row in rows if row.trains)
    for group in groups:
        for i, row in enumerate(group):
            if row.trains:
                mean = row.T * len(rows) if per_sequence else N
                moved = sum(row.lp[t] - row.anchor[t] for t in range(row.T))
                total = total + chosen(group, i) * moved / mean
    return total


def taught(groups):
    rows = [row for group in groups for row in group if row.trains]
    total = 0.0
    for row in rows:
        for t in range(row.T):
            total = total + (row.ref[t] - row.anchor[t]) * (row.lp[t] - row.anchor[t])
    return total / sum(row.T for row in rows)


CASES = {
    "sft": (named.sft(), lambda g: copied(g, lambda group, i: group[i].r)),
    "sft_per_sequence": (
        named.sft(per_sequence=True),
        lambda g: copied(g, lambda group, i: group[i].r, per_sequence=True),
    ),
    "rft": (named.rft(), lambda g: copied(g, lambda group, i: float(group[i].r >= 1))),
    "rft_best": (
        named.rft(best=1, per_sequence=True),
        lambda g: copied(g, lambda group, i: float(i == best_of(group)), per_sequence=True),
    ),
    "distil": (named.distil(), taught),
}


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_those_of_the_loop(case):
    objective, loop = CASES[case]
    d = data()
    expected = -loop(d.groups)
    (expected_BT,) = torch.autograd.grad(expected, d.logp_BT)
    assert expected_BT.abs().max() > 1e-3 and not expected_BT[MASKED].any()
    loss, metrics = objective(Scores(d.logp_BT, d.ref_BT), tokens_of(objective, d))
    (slope_BT,) = torch.autograd.grad(loss, d.logp_BT)
    assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    assert_close(slope_BT, expected_BT, rtol=1e-10, atol=1e-10)
    assert metrics.nll == pytest.approx(-d.logp_BT[d.mask_BT].mean().item())


def test_what_they_need():
    for make in LIKELIHOODS.values():
        objective = make()
        assert not (objective.needs_values or objective.needs_reference)
        assert objective.drops_signalless
    for make in TEACHERS.values():
        objective = make()
        assert objective.needs_reference and objective.needs_anchor_for_advantages
    assert {name: make().needs_reference for name, make in PAIRS.items()} == {
        "dpo": True, "ipo": True, "simpo": False, "orpo": False,
    }  # fmt: skip
    assert all(make().whole_groups for make in (*PAIRS.values(), *RANKINGS.values()))


def test_knobs_reach_their_parts():
    assert named.rft(best=2).advantage == Best(2)
    assert named.dpo() == Preference(link=Logistic(), beta=0.1, length="sum", reference=True)
    changed = named.dpo(beta=1.0, smoothing=0.1, robust=True, length="mean", likelihood=0.5)
    assert changed == Preference(link=Logistic(0.1, True), beta=1.0, length="mean", likelihood=0.5)
    assert named.ipo() == Preference(link=Squared(), beta=0.1, length="mean")
    assert named.ipo(beta=1.0, length="sum") == Preference(link=Squared(), beta=1.0)
    assert named.simpo(beta=2.5, margin=0.3) == Preference(
        beta=2.5, length="mean", reference=False, margin=0.3
    )
    assert named.orpo(lam=0.2) == Preference(
        link=Odds(0.2), beta=1.0, length="mean", reference=False, likelihood=1.0
    )
    assert named.bradley_terry(margin=0.0, centre=0.01) == Ranking(margin=0.0, centre=0.01)
    assert named.dpo() != Preference(link=Hinge())
