"""The answers that losses of comparisons share."""

import pytest

from paceline.objective import bradley_terry, dpo, simpo
from tests.helpers.rounds import ragged_round


@pytest.mark.parametrize("loss", [dpo(), simpo(), bradley_terry()], ids=["dpo", "simpo", "ranking"])
def test_rows_of_a_group_stay_together_and_nothing_but_rewards_is_asked_for(loss):
    assert loss.whole_groups and not loss.drops_signalless
    assert not (loss.needs_values or loss.needs_anchor_for_advantages)
    round = ragged_round()
    assert loss.penalised(round) is round and loss.resolved(7) is loss


def test_a_reference_is_asked_for_where_a_loss_says_so():
    assert [loss.needs_reference for loss in (dpo(), simpo(), bradley_terry())] == [
        True, False, False,
    ]  # fmt: skip


def test_they_stay_plain_values():
    assert dpo() == dpo() and hash(dpo()) == hash(dpo()) and repr(dpo()).startswith("Preference(")
    with pytest.raises(AttributeError):
        dpo().beta = 1.0
