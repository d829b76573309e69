"""The order of held-out pairs, by loops over tokens and by hand."""

from dataclasses import replace

import pytest
import torch

from paceline.layout import TokenRows
from paceline.model import make_reference
from paceline.objective import named
from paceline.training.pairs import ComparedPairs, compare_pairs, implicit_rewards, in_order
from paceline.types import Round
from tests.helpers.given import brings
from tests.helpers.policies import tiny_policy
from tests.helpers.scorers import scorer_of

GROUPS = (
    brings([1, 5, 6], [9, 10, 2], [11, 2], rewards=(1.0, 0.0)),
    brings([7, 8], [11, 2], [12, 13, 14, 2], rewards=(0.0, 1.0), name="q"),
)
ROWS = TokenRows.of(Round(0, GROUPS))


def compared(rewards_of, loss=None, groups=GROUPS, model=None, **changes):
    options = {"model": model or tiny_policy(train=False), "tokens_per_forward": 4096} | changes
    return compare_pairs(rewards_of, loss or named.dpo(), groups, **options)


def moved():
    """A policy, and the reference that it has left."""
    policy = tiny_policy()
    reference = make_reference(policy)
    with torch.no_grad():
        for parameter in policy.module.parameters():
            parameter.mul_(1.05)
    return policy, reference


@pytest.mark.parametrize("limit", [4096, 8])
def test_the_implicit_reward_is_what_the_log_probabilities_have_gained(limit):
    policy, reference = moved()
    found = compared(
        implicit_rewards(policy, named.dpo(beta=0.5), reference),
        named.dpo(beta=0.5), model=policy, tokens_per_forward=limit,
    )  # fmt: skip
    ours, theirs = (one.score(ROWS, 1.0).logp_BT.double() for one in (policy, reference))
    expected = [0.5 * (ours[i] - theirs[i])[:n].sum().item() for i, n in enumerate((3, 2, 2, 4))]
    assert found.rewards == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert found.lengths == (3, 2, 2, 4)
    # The first of the first pair is preferred, the second of the second.
    assert found.pairs == ((0, 1), (3, 2)) and found.groups == 2


def test_at_the_reference_every_pair_is_a_tie():
    policy = tiny_policy()
    reference = make_reference(policy)
    rewards = implicit_rewards(policy, named.dpo(), reference)
    found = compared(rewards, model=policy, at_reference=True).figures("t", scores=False)
    assert (found.pair_accuracy, found.pair_margin) == (0.5, 0.0)


def test_without_a_reference_log_probabilities_are_compared():
    policy = tiny_policy(train=False)
    loss = named.simpo(beta=2.0)
    found = compared(implicit_rewards(policy, loss, None), loss, model=policy)
    logp = policy.score(ROWS, 1.0).logp_BT.double()
    means = [2.0 * logp[i, :n].mean().item() for i, n in enumerate((3, 2, 2, 4))]
    assert found.rewards == pytest.approx(means, rel=1e-4)


def test_a_ranking_has_a_pair_for_each_difference():
    scorer = scorer_of("llama")
    groups = (
        brings([1, 5], [9, 2], [10, 2], [11, 12, 2], rewards=(0.5, 0.9, 0.5)),
        *GROUPS,
    )  # fmt: skip
    found = compared(
        lambda micro: scorer.score_ends(micro.rows), named.bradley_terry(), groups, model=scorer
    )
    # Of three rows, of which two are worth the same, the second is better than each of them.
    assert found.pairs == ((1, 0), (1, 2), (3, 4), (6, 5)) and found.groups == 3
    alone = scorer.score_ends(TokenRows.of(Round(0, groups))).tolist()
    assert found.rewards == pytest.approx(alone, rel=1e-4, abs=1e-5)


def test_the_figures_by_hand():
    made = ComparedPairs(
        rewards=(3.0, 1.0, 0.0, 0.0, -1.0, 1.0), lengths=(5, 2, 4, 4, 1, 3),
        pairs=((0, 1), (2, 3), (4, 5)), groups=3, problems=3,
    )  # fmt: skip
    found = made.figures("t", scores=False)
    # Differences 2, 0, −2: one right, a tie, one wrong. Lengths 5 > 2, 4 = 4, 1 < 3: the same.
    assert (found.pair_accuracy, found.pair_margin, found.longer_wins) == (0.5, 0.0, 0.5)
    low, high = found.intervals["pair_accuracy"]
    assert low < 0.5 < high and (found.task, found.n, found.pairs) == ("t", 3, 3)
    assert found.calibration_error is None and found.reliability == ()
    assert in_order([1.0, 0.0, -1.0, 2.0]) == 2.5
    # Pairs of one problem are as good as one.
    wider = replace(made, problems=1).figures("t", scores=False).intervals["pair_accuracy"]
    assert wider[0] < low and high < wider[1]


def test_scores_have_figures_of_their_own():
    made = ComparedPairs((3.0, 1.0, 2.0, 0.0), (4, 2, 3, 1), ((0, 1), (2, 3)), 2, 2)
    found = made.figures("t", scores=True)
    # Scores 3 > 2 > 1 > 0 go with lengths 4 > 3 > 2 > 1.
    assert found.length_correlation == pytest.approx(1.0)
    assert found.right_from == pytest.approx(1.5) and found.pair_margin == 2.0
    assert sum(one.pairs for one in found.reliability) == 2
    half = made.divided(2.0).figures("t", scores=True)
    assert (half.pair_margin, half.right_from) == (1.0, 0.75)
    same = ComparedPairs((3.0, 1.0), (2, 2), ((0, 1),), 1, 1).figures("t", scores=True)
    assert same.length_correlation is None


def test_progress_is_told():
    told = []
    policy = tiny_policy(train=False)
    loss = named.simpo()
    compared(
        implicit_rewards(policy, loss, None), loss, model=policy, tokens_per_forward=8,
        progress=lambda *said: told.append(said),
    )  # fmt: skip
    assert told[-1] == ("comparing pairs", 4, 4)
