"""Sums over pairs."""

from paceline.objective import PairMetrics


def test_they_add_and_means_are_over_all_pairs():
    # Pairs with the rewards 1 against −1, 0 against 0 (a tie), and −3 against 2
    a = PairMetrics(2, 1.0, -1.0, 1.5, 6.0, 4, 4, 7)
    b = PairMetrics(1, -3.0, 2.0, 0.0, 2.0, 4, 4, 1)
    both = a + b
    assert both == PairMetrics(3, -2.0, 1.0, 1.5, 8.0, 8, 8, 8)
    assert (both.chosen, both.rejected, both.margin) == (-2 / 3, 1 / 3, -1.0)
    assert (both.accuracy, both.nll) == (0.5, 1.0)


def test_means_of_nothing_are_none():
    none = PairMetrics()
    assert none + none == none
    assert (none.chosen, none.rejected, none.margin, none.accuracy, none.nll) == (None,) * 5
    assert PairMetrics(pairs=2, chosen_sum=1.0).nll is None
