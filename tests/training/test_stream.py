"""The order of a task's problems: a permutation an epoch, which the seed alone decides."""

from paceline.training import Stream
from paceline.types import Problem

PROBLEMS = tuple(Problem(f"p{i}", f"say {i}") for i in range(7))
ORDER = ["p1", "p4", "p0", "p3", "p5", "p2", "p6"]


def ids(stream: Stream, positions) -> list[str]:
    return [stream.at(position).id for position in positions]


def test_every_epoch_has_each_problem_once_in_another_order():
    stream = Stream(PROBLEMS, seed=3)
    epochs = [ids(stream, range(7 * e, 7 * e + 7)) for e in range(3)]
    assert all(sorted(epoch) == [p.id for p in PROBLEMS] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_place_has_its_problem_however_it_is_reached():
    forward = ids(Stream(PROBLEMS, seed=3), range(30))
    stream = Stream(PROBLEMS, seed=3)
    assert ids(stream, reversed(range(30))) == forward[::-1]
    assert stream.at(17).id == forward[17]


def test_the_seed_decides():
    first, again, other = (ids(Stream(PROBLEMS, s), range(7)) for s in (0, 0, 1))
    # The order of seed 0, for good: runs that were begun go on with it.
    assert first == again == ORDER != other


def test_rows_are_read_in_another_order_than_problems_are_drawn_in():
    # Else a run behind a warm start would begin with the problems whose answers it has read.
    assert ids(Stream(PROBLEMS, 0, "rows"), range(7)) != ORDER


def test_one_problem_comes_again_and_again():
    assert ids(Stream(PROBLEMS[:1], seed=9), range(3)) == ["p0"] * 3
