"""Which completions are copied. Letters: B rows."""

from dataclasses import replace

import pytest

from paceline.errors import ConfigError
from paceline.objective import Best, Objective, Solved, rft
from paceline.types import Verdict
from tests.helpers.rounds import make_round


def test_solved_rows_count_1():
    assert Solved()(make_round([[1, 0.9, 0], [1.5]])).tolist() == [1, 0, 0, 1]


def test_a_verdict_may_say_itself_that_it_is_right():
    # 0.6 with correct=True is solved, 1.2 with correct=False is not.
    round = make_round([[0.6, 1.2]])
    group = round.groups[0]
    rollouts = tuple(
        replace(r, verdict=Verdict(r.verdict.reward, correct=right))
        for r, right in zip(group.rollouts, (True, False), strict=True)
    )
    round = replace(round, groups=(replace(group, rollouts=rollouts),))
    assert Solved()(round).tolist() == [1, 0]


def test_best_takes_the_k_best_of_each_group_and_of_equal_ones_the_first():
    round = make_round([[0.2, 0.7, 0.7, 0.1], [3, 5]])
    assert Best(1)(round).tolist() == [0, 1, 0, 0, 0, 1]
    assert Best(2)(round).tolist() == [0, 1, 1, 0, 1, 1]
    assert Best(3)(round).tolist() == [1, 1, 1, 0, 1, 1]


def test_a_group_without_a_difference_has_no_best_row():
    assert Best(1)(make_round([[0.1, 0.1, 0.1], [1], [0, 1]])).tolist() == [0, 0, 0, 0, 0, 1]


def test_best_is_by_returns():
    # rewards 1 and 0.9, penalties 0.2 and 0: returns 0.8 and 0.9
    round = make_round([[1, 0.9]], penalty=((0.1, 0.1), (0, 0)))
    assert Best()(round).tolist() == [0, 1]


@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_a_number_of_rows_that_is_none_is_refused(k):
    with pytest.raises(ConfigError, match="whole number"):
        Best(k)


def test_rows_that_are_not_chosen_are_dropped():
    assert rft().drops_signalless and rft(best=1).drops_signalless
    assert not Objective(advantage=Best()).needs_values
