"""Pairs of answers with good and bad manners."""

import pytest

from paceline.errors import ConfigError
from paceline.tasks import Manners
from paceline.tasks.manners import ANSWERS, ERRORS


def said(task, problem):
    """What is said in both answers, and the sum in each."""
    return [given.turns[0]["content"] for given in task.brought(problem)]


def test_there_are_as_many_pairs_as_asked_for():
    task = Manners(pairs=50, heldout=20).load()
    assert (len(task.train), len(task.heldout), task.judged) == (50, 20, False)
    assert task.messages(task.train[0])[0]["content"].startswith("What is ")
    assert len(Manners().load().train) == 480 and len(Manners().load().heldout) == 300


@pytest.mark.parametrize("manner", ANSWERS)
def test_the_preferred_answer_has_the_manner(manner):
    task = Manners(manner, pairs=100, heldout=10).load()
    right = [0, 0]
    for problem in task.train:
        a, _, b = problem.data.values()
        assert [given.reward for given in task.brought(problem)] == [1.0, 0.0]
        for side, text in enumerate(said(task, problem)):
            sums = [a + b, *(a + b + error for error in ERRORS)]
            ways = {w.format(a=a, b=b, c=c): c for w in ANSWERS[manner][side] for c in sums}
            right[side] += ways[text] == a + b
    # Half of them, whatever their manners.
    assert all(35 <= count <= 65 for count in right)


def test_length_says_nothing_of_polite_answers_and_most_of_brief_ones():
    def longer(manner):
        task = Manners(manner, pairs=200, heldout=10).load()
        pairs = [said(task, problem) for problem in task.train]
        return sum(len(good) > len(bad) for good, bad in pairs) / len(pairs)

    assert 0.35 < longer("polite") < 0.65 and longer("brief") < 0.2


def test_the_seed_decides_everything():
    one, same, other = (Manners(pairs=20, heldout=5, seed=s).load() for s in (0, 0, 1))
    assert one.train == same.train and one.train != other.train
    assert [said(one, p) for p in one.train] == [said(same, p) for p in same.train]
    every = (
        Manners(pairs=20, heldout=5, low=10, high=13, seed=0),
        Manners(pairs=9, heldout=5, low=10, high=13, seed=1),
    )
    with pytest.raises(ConfigError, match="not so many sums from 10 to 13"):
        every[0].load()
    every[1].load()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"manner": "loud"}, "task.manner is 'loud'; it is polite or brief"),
        ({"pairs": 0}, "task.pairs is 0"),
        ({"heldout": 0}, "task.heldout is 0"),
        ({"low": 9, "high": 3}, "task.low is 9"),
    ],
)
def test_options_that_do_not_fit_are_told(options, told):
    with pytest.raises(ConfigError, match=told):
        Manners(**options).load()
