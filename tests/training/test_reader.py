"""Rounds that are read from rows."""

import pytest

from paceline.training import Reader, Stream
from paceline.training.clock import Clock
from tests.helpers.given import brings

GROUPS = [brings([1], [i, 2], name=f"p{i}") for i in range(3, 10)]


def reader(**changes) -> Reader:
    return Reader(GROUPS, **({"problems": 3, "seed": 5, "max_tokens": 2} | changes))


def read(source: Reader, index: int) -> list[str]:
    return [group.problem.id for group in source.next_round(index, Clock()).round.groups]


def test_every_epoch_reads_each_row_once_in_another_order():
    source = reader()
    names = [name for index in range(7) for name in read(source, index)]
    epochs = [names[:7], names[7:14], names[14:]]
    assert all(sorted(epoch) == [f"p{i}" for i in range(3, 10)] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert names != [name for index in range(7) for name in read(reader(seed=6), index)]


def test_a_round_depends_on_its_number_alone():
    first, again = reader(), reader()
    forward = [read(first, index) for index in range(5)]
    assert [read(again, index) for index in (4, 2, 0, 3, 1)] == [
        forward[index] for index in (4, 2, 0, 3, 1)
    ]
    assert again.repeatable
    state = first.state_dict()
    again.load_state_dict(state)
    assert again.position == first.position == 15 and state == {"draw": 15}


def test_the_last_round_is_what_is_left_of_all_epochs():
    source = reader(total=2 * 7)
    sizes = [len(read(source, index)) for index in range(5)]
    assert sizes == [3, 3, 3, 3, 2]


def test_a_group_knows_its_place_in_the_stream():
    source = reader()
    round = source.next_round(2, Clock()).round
    assert [group.draw for group in round.groups] == [6, 7, 8]
    assert [source.problem_at(group.draw) for group in round.groups] == [
        group.problem for group in round.groups
    ]
    assert round.index == 2 and round.given


@pytest.mark.parametrize("total", [None, 14])
def test_there_is_nothing_to_shrink(total):
    assert reader(total=total).shrink() is None


def test_a_run_that_samples_does_not_begin_with_what_was_read():
    read_first = [name for index in range(2) for name in read(reader(), index)]
    drawn = [Stream(GROUPS, seed=5).at(position).problem.id for position in range(7)]
    assert read_first[:6] != drawn[:6]
