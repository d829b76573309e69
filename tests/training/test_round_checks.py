"""A round that nothing can be learned from is seen."""

import pytest

from paceline.errors import ConfigError
from paceline.training.round_checks import refuse_hopeless
from paceline.types import Round
from tests.helpers.rounds import group_of


def test_a_first_round_that_is_cut_and_tells_nothing_apart_is_refused():
    many = [([5], [-1.0], 0.0)] * 20
    cut = [group_of([1, 2], many, draw=draw, cut=range(20)) for draw in (0, 1)]
    with pytest.raises(ConfigError, match=r"All of the first 40 completions were cut at 7 tokens"):
        refuse_hopeless(Round(0, tuple(cut)), 7)
    # With a signal somewhere, or one answer that ends, there may be something to learn from; and of
    # a small round nothing is concluded.
    signal = group_of([3, 4], [*many[1:], ([6], [-1.0], 1.0)], draw=1, cut=range(20))
    refuse_hopeless(Round(0, (cut[0], signal)), 7)
    ends = group_of([3, 4], many, draw=1, cut=range(19))
    refuse_hopeless(Round(0, (cut[0], ends)), 7)
    refuse_hopeless(Round(0, (cut[0],)), 7)
