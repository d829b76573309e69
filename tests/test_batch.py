"""From a part of a round to tensors. B rows, T completion tokens."""

from dataclasses import replace

import pytest
import torch

from paceline.batch import Batch, parts_of
from paceline.objective import named
from paceline.types import Round
from tests.helpers.rounds import group_of, ragged_round


def hand_round():
    """Group 0: rewards 1, 2, 3 with 1, 2 and 3 tokens. Group 1: equal rewards."""
    first = group_of(
        (5, 6), [((7,), (-1.0,), 1), ((7, 8), (-1.0, -2.0), 2), ((7, 8, 9), (-1.0,) * 3, 3)]
    )
    second = group_of((5,), [((7,), (-0.5,), 1.0), ((8, 9), (-0.5, -0.6), 1.0)], draw=1)
    return Round(0, (first, second))


def test_weigh_all_then_drop_by_hand():
    batch = Batch.of(hand_round(), [0, 1], named.grpo(eps=0.0))
    # Advantages −1, 0, 1 in the first group; the second group and the middle row carry no signal.
    assert batch.part_rows == 5 and len(batch.rows) == 2
    assert batch.tokens.advantage_BT[:, 0].tolist() == [-1, 1]
    assert batch.rows.completions == ((7,), (7, 8, 9))
    # GRPO: each row shares 1/5, its tokens share that: B counts the rows that were dropped.
    torch.testing.assert_close(
        batch.tokens.weight_BT, torch.tensor([[1 / 5, 0, 0], [1 / 15, 1 / 15, 1 / 15]])
    )
    assert batch.tokens.old_BT.tolist() == [[-1, 0, 0], [-1, -1, -1]]


def test_with_kl_in_the_loss_nothing_is_dropped():
    round = replace(hand_round(), ref=((-1.0,), (-1.0,) * 2, (-1.0,) * 3, (-1.0,), (-1.0,) * 2))
    batch = Batch.of(round, [0, 1], named.grpo(kl=0.1))
    assert len(batch.rows) == 5


def test_a_masked_row_counts_in_the_baseline_and_in_b_but_gives_no_gradient():
    round = hand_round()
    first = round.groups[0]
    masked = replace(first, rollouts=(replace(first.rollouts[0], masked=True), *first.rollouts[1:]))
    batch = Batch.of(Round(0, (masked, round.groups[1])), [0, 1], named.dr_grpo(length=10))
    # Rewards 1, 2, 3: the mean is 2 with the masked row counted, so the last row's advantage is 1.
    assert batch.rows.completions == ((7, 8, 9),)
    assert batch.tokens.advantage_BT[0, 0].item() == 1
    torch.testing.assert_close(batch.tokens.weight_BT, torch.full((1, 3), 1 / 50))
    # N leaves the masked row out: of 1 + 2 + 3 + 1 + 2 tokens, 8 are left.
    per_token = Batch.of(Round(0, (masked, round.groups[1])), [0, 1], named.dapo())
    assert per_token.tokens.weight_BT[0, 0].item() == pytest.approx(1 / 8)


def test_advantages_are_the_rounds_and_weights_the_parts():
    round = ragged_round(groups=4)
    whole = Batch.of(round, range(4), named.rloo())
    part = Batch.of(round, [2], named.rloo())
    assert part.part_rows == 4 and whole.part_rows == 16
    mine = [i for i, c in enumerate(whole.rows.completions) if c in part.rows.completions]
    torch.testing.assert_close(whole.tokens.advantage_BT[mine, 0], part.tokens.advantage_BT[:, 0])
    # SequenceSum weighs 1/B: a part of 4 rows weighs four times what a part of 16 does.
    assert part.tokens.weight_BT.max() == 4 * whole.tokens.weight_BT.max()


def test_parts_cover_a_round_once_an_epoch_and_epochs_differ():
    round = Round(3, tuple(group_of((5,), [((7,), (0.0,), 1.0)], draw=i) for i in range(7)))
    epochs = [[parts_of(round, 1, 3 * e + m, 3) for m in range(3)] for e in range(2)]
    for epoch in epochs:
        assert sorted(i for part in epoch for i in part) == list(range(7))
        assert {len(part) for part in epoch} == {2, 3}
    assert epochs[0] != epochs[1]
    assert parts_of(round, 1, 0, 3) != parts_of(replace(round, index=4), 1, 0, 3)


def test_an_empty_batch_has_no_micro_batches():
    round = Round(0, (group_of((5,), [((7,), (0.0,), 1.0), ((8,), (0.0,), 1.0)]),))
    batch = Batch.of(round, [0], named.grpo())
    assert len(batch.rows) == 0 and list(batch.micro(100)) == []
