"""Intervals and estimators against published or hand-worked numbers."""

import itertools

import pytest

from paceline.training.statistics import bootstrap, pass_at, wilson


def test_wilson_by_hand():
    # 8 of 10: centre (0.8 + 3.8415/20)/(1 + 3.8415/10) = 0.71674, half-width 0.22658.
    assert wilson(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-4)
    assert wilson(0, 10)[0] == 0 and wilson(0, 10)[1] == pytest.approx(0.27753, abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_pass_at_k_counts_subsets():
    # 2 of 4 right: of the 6 pairs only one has no right answer.
    assert pass_at(2, 4, 2) == pytest.approx(5 / 6)
    for correct in range(6):
        marks = [i < correct for i in range(5)]
        subsets = list(itertools.combinations(marks, 3))
        expected = sum(any(s) for s in subsets) / len(subsets)
        assert pass_at(3, 5, correct) == pytest.approx(expected)
    with pytest.raises(ValueError, match="at least 3"):
        pass_at(3, 2, 1)


def test_the_bootstrap_is_near_the_normal_interval_and_repeats():
    values = [0.0, 0.5, 1.0] * 100
    low, high = bootstrap(values)
    # Standard error of the mean: sqrt(1/6)/sqrt(300) = 0.0236; 1.96 of them is 0.0462.
    assert low == pytest.approx(0.5 - 0.0462, abs=0.006)
    assert high == pytest.approx(0.5 + 0.0462, abs=0.006)
    assert bootstrap(values) == (low, high)


def test_the_bootstrap_claims_no_certainty_where_all_values_are_equal():
    assert bootstrap([0.0] * 50) == wilson(0, 50) and bootstrap([1.0] * 50)[0] < 0.95
