"""The loss of a reward model against a loop over pairs. Letters: B rows, T tokens.

Rankings of four, two and three rows, and a group without a difference; rows 1 and 4 have margins.
"""

import math

import pytest
import torch
from torch.testing import assert_close

from paceline.errors import ConfigError
from paceline.objective import Metrics, Ranking
from tests.helpers.pairs import given_part, tokens_of_part, with_margins
from tests.helpers.rounds import make_round

REWARDS = [[0.5, 2.0, -1.0, 0.5], [1.0, 0.0], [3.0, 1.0, 2.0], [1.0, 1.0]]
LENGTHS = [[3, 1, 2, 4], [2, 5], [1, 1, 3], [2, 2]]
MARGINS = [0.0, 0.75, 0.0, 0.0, 3.0] + [0.0] * 6


def pairs_in(part):
    """(better row, worse row) of each group, rows by number."""
    found, i = [], 0
    for group in part.groups:
        rows = list(enumerate(group, i))
        found.append([(a, b) for a, x in rows for b, y in rows if x.reward > y.reward])
        i += len(group)
    return found


def loop(part, margin, centre, pairs_of_groups=None):
    rows, total = [row for group in part.groups for row in group], 0.0
    for pairs in pairs_of_groups or pairs_in(part):
        summed = 0.0
        for w, o in pairs:
            s_w, s_l = part.score_B[w], part.score_B[o]
            u = s_w - s_l - margin * rows[w].margin
            summed = summed - torch.log(1 / (1 + torch.exp(-u))) + centre * (s_w + s_l) ** 2
        total = total + (summed / len(pairs) if pairs else 0.0)
    return total / len(part.groups)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("centre", [0.0, 0.01])
@pytest.mark.parametrize("margin", [0.0, 1.0, 2.0])
def test_loss_and_gradient_are_those_of_the_loop(margin, centre, seed):
    part = given_part(REWARDS, LENGTHS, MARGINS, seed)
    loss = Ranking(margin=margin, centre=centre)
    expected = loop(part, margin, centre)
    (expected_B,) = torch.autograd.grad(expected, part.score_B)
    tokens = tokens_of_part(loss, part)
    value, metrics = loss(part.score_B, tokens)
    (slope_B,) = torch.autograd.grad(value, part.score_B)
    assert_close(value, expected, rtol=1e-10, atol=1e-12)
    assert_close(slope_B, expected_B, rtol=1e-10, atol=1e-12)
    assert slope_B[:9].any() and not slope_B[9:].any()  # the last group has no pair
    assert metrics.loss == value.item() == loss.value(part.score_B, tokens).item()


def test_two_rows_by_hand():
    # −log σ(1 − 0 − 0.5) + 0.1·(1 + 0)²
    part = given_part([[0.0, 1.0]], [[1, 1]], [0.0, 0.5])
    loss = Ranking(centre=0.1)
    value, metrics = loss(torch.tensor([0.0, 1.0]).double(), tokens_of_part(loss, part))
    assert value.item() == pytest.approx(math.log1p(math.exp(-0.5)) + 0.1)
    assert (metrics.pairs.chosen, metrics.pairs.rejected, metrics.pairs.accuracy) == (1, 0, 1)


def test_the_metrics_of_pairs():
    part = given_part(REWARDS, LENGTHS, MARGINS)
    score_B = torch.tensor([0.0, 1.0, 2.0, 0.0, 1.0, 1.0, 3.0, 1.0, 2.0, 0.0, 0.0])
    metrics = Ranking()(score_B, tokens_of_part(Ranking(), part))[1]
    # Of the ten pairs row 2, the worst of its group, has the highest score in three; rows 4 and 5
    # tie. (1, 0), (1, 3) and the three of the third group are right.
    assert metrics.pairs.pairs == 5 + 1 + 3 and metrics.pairs.right == 2 + 0.5 + 3
    pairs = [pair for group in pairs_in(part) for pair in group]
    assert metrics.pairs.chosen == pytest.approx(sum(score_B[w].item() for w, _ in pairs) / 9)
    assert metrics.pairs.rejected == pytest.approx(sum(score_B[o].item() for _, o in pairs) / 9)
    lengths = part.mask_BT.sum(-1).tolist()
    assert metrics.pairs.chosen_tokens == sum(lengths[w] for w, _ in pairs)
    assert metrics.pairs.rejected_tokens == sum(lengths[o] for _, o in pairs)
    assert metrics.pairs.nll is None and metrics.tokens == sum(lengths)
    assert metrics + Metrics.zero() == metrics


def test_a_row_without_a_token_is_left_out():
    part = given_part(REWARDS, LENGTHS, MARGINS)
    part.mask_BT[2] = False
    loss = Ranking()
    spoilt_B = part.score_B.detach().clone()
    spoilt_B[2] = math.nan
    spoilt_B.requires_grad_()
    value, metrics = loss(spoilt_B, tokens_of_part(loss, part))
    (slope_B,) = torch.autograd.grad(value, spoilt_B)
    assert value.isfinite() and slope_B.isfinite().all() and slope_B[2] == 0
    assert metrics.pairs.pairs == 2 + 1 + 3
    # The first group's two pairs that are left are a mean of their own.
    left = [[pair for pair in pairs if 2 not in pair] for pairs in pairs_in(part)]
    assert_close(value, loop(part, 1.0, 0.0, left))


def test_advantages_carry_the_place_and_the_margin():
    round = with_margins(make_round([[0.2, 0.7, 0.7], [5]]), [0.0, 1.0, 0.0, 3.0])
    assert Ranking().advantages(round).tolist() == [1, 2.5, 2, 1.75]
    assert Ranking().advantages(round).dtype == torch.float32


@pytest.mark.parametrize("margin", [0.01, 0.5, 3.0, 20.0, 1000.0])
def test_a_margin_survives_its_way_through_float32(margin):
    # The place of 16 rows and the margin in one number.
    part = given_part([[float(i) for i in range(16)]], [[1] * 16], [0.0] * 15 + [margin])
    tokens = tokens_of_part(Ranking(), part)
    tokens = tokens.rows([0, 15])
    kept = Ranking().advantages(part.round)[[0, 15], None]
    score_B = torch.tensor([0.0, margin], dtype=torch.float64)
    value = Ranking().value(score_B, type(tokens)(
        mask_BT=tokens.mask_BT, anchor_BT=None, old_BT=None, ref_BT=None, advantage_BT=kept,
        weight_BT=tokens.weight_BT, group_B=tokens.group_B,
    ))  # fmt: skip
    # −log σ(0) where margin and score cancel
    assert value.item() == pytest.approx(math.log(2), rel=1e-3 * max(1.0, margin))


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf, 1001.0])
def test_a_margin_that_cannot_be_is_refused(margin):
    round = with_margins(make_round([[1, 0]]), [margin, 0.0])
    with pytest.raises(ValueError, match="problem 0 has a row of 1 with the margin"):
        Ranking().advantages(round)


def test_a_reward_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite rewards"):
        Ranking().advantages(make_round([[1, math.nan]]))


def test_weights_are_the_share_of_a_group():
    mask_BT = torch.tensor([[1, 1], [1, 0], [0, 1], [1, 1], [0, 0]]).bool()
    weight_BT = Ranking().weights(mask_BT, torch.tensor([2, 2, 2, 7, 7]))
    assert_close(weight_BT, mask_BT / 2)


def test_groups_must_be_known():
    part = given_part(REWARDS, LENGTHS)
    tokens = tokens_of_part(Ranking(), part, group_B=None)
    with pytest.raises(ValueError, match="group_B is None"):
        Ranking()(part.score_B, tokens)


def test_needs_and_mistakes():
    loss = Ranking()
    assert loss.whole_groups and not loss.drops_signalless and loss.resolved(3) is loss
    assert not (loss.needs_reference or loss.needs_values or loss.needs_anchor_for_advantages)
    assert loss.penalised(round := make_round([[1, 0]])) is round
    for name in ("margin", "centre"):
        for value in (-0.1, math.nan, math.inf):
            with pytest.raises(ConfigError, match=f"{name} of at least 0"):
                Ranking(**{name: value})


def test_it_describes_itself_in_one_sentence():
    assert Ranking(margin=2.0, centre=0.01).describe() == (
        "The likelihood of every pair of a group; margins as the rows have them, times 2; scores "
        "drawn to 0 by 0.01."
    )
    assert Ranking(margin=0.0).describe() == "The likelihood of every pair of a group."
