"""Intervals and tests, held to textbook figures, to scipy and to simulated comparisons."""

import itertools
import math
import random
from statistics import fmean

import pytest

from paceline.stats import (
    Mean,
    all_same,
    bootstrap,
    change_interval,
    compared,
    detectable,
    holm,
    p_value,
    pass_at,
    power,
    seeds_needed,
    wilson,
)

# A proportion


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


def test_a_change_of_two_independent_measurements_by_hand():
    # d = 0.1; both intervals reach 0.03 down and 0.04 up: 0.1 ∓ 0.05
    low, high = change_interval(0.2, 0.3, ((0.17, 0.24), (0.27, 0.34)))
    assert (round(low, 3), round(high, 3)) == (0.05, 0.15)
    # Newcombe's own example (1998, table II, a): 56/70 − 48/80 is 0.2, from 0.0524 to 0.3339.
    spans = wilson(48, 80), wilson(56, 70)
    assert change_interval(0.6, 0.8, spans) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_wilsons_interval_is_scipys_where_successes_are_whole():
    from scipy.stats import binomtest

    for successes, n in ((0, 7), (3, 7), (48, 80), (500, 500)):
        found = binomtest(successes, n).proportion_ci(method="wilson")
        assert wilson(successes, n) == pytest.approx((found.low, found.high), abs=1e-12)


# Seeds


def test_a_mean_has_students_interval():
    # s = 0.03, n = 3, t(0.975, 2) = 4.3027: 4.3027 · 0.03 / √3 = 0.07453.
    found = Mean.of([0.71, 0.74, 0.77])
    assert found.mean == pytest.approx(0.74)
    assert (found.low, found.high) == pytest.approx((0.66547, 0.81453), abs=1e-5)


def test_an_interval_ends_where_the_values_must():
    found = Mean.of([0.9, 1.0, 0.95], 0.0, 1.0)
    assert found.high == 1.0 and found.low is not None and found.low < 0.9


def test_one_seed_has_no_interval():
    assert Mean.of([0.5]) == Mean(0.5, None, None, (0.5,))


def test_the_paired_test_is_students():
    # Student's own data (sleep gained under two drugs, 1908): t = 4.0621 on 9 degrees of freedom,
    # p = 0.00283.
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    [found] = compared([two], [one])
    assert found.p == pytest.approx(0.00283, abs=1e-5)
    assert found.difference.mean == pytest.approx(1.58)
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (0.7001, 2.4599), abs=1e-4
    )
    assert found.shown


def test_the_paired_test_and_its_interval_are_scipys():
    from scipy.stats import ttest_1samp

    seen = [0.03, -0.01, 0.02, 0.00, -0.02, 0.05]
    theirs = ttest_1samp(seen, 0.0)
    assert p_value(seen) == pytest.approx(theirs.pvalue, rel=1e-12)
    found, interval = Mean.of(seen), theirs.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_differences_that_do_not_vary_are_not_taken_for_certain():
    assert p_value([0.0] * 5) == 1.0
    assert p_value([0.1] * 5) == 2 / 32  # as flipping the signs of five has it
    assert p_value([0.1, 0.1 + 1e-17, 0.3 - 0.2]) == 2 / 8  # equal to rounding
    assert p_value([0.1]) is None


def test_values_are_the_same_but_for_rounding():
    assert all_same([0.025, 0.025]) and all_same([0.1 + 0.2, 0.3]) and all_same([7.0, None, 7.0])
    assert not all_same([0.025, 0.026]) and not all_same([0.025]) and not all_same([None, 7.0])


def test_holm_corrects_step_by_step():
    # 4 · 0.005, 3 · 0.01, 2 · 0.03, and 0.04 cannot be smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([None, 0.02]) == [None, 0.02]


def test_power_is_that_of_the_tables():
    # One-sample t test, two-sided at 5 %: d = 1 with n = 10, d = 0.5 with n = 34 (Cohen).
    assert power(1.0, 10) == pytest.approx(0.8031, abs=1e-3)
    assert power(0.5, 34) == pytest.approx(0.8078, abs=1e-3)
    assert power(50.0, 2) == pytest.approx(1.0) and power(1e8, 3) == 1.0


def test_seeds_that_would_settle_it():
    spread = [1.0, -1.0, 1.0, -1.0]  # mean 0, standard deviation 1.1547
    half = [x / 1.1547005 + 0.5 for x in spread]
    assert seeds_needed(half) == 34
    assert seeds_needed(spread) is None  # nothing was seen
    assert seeds_needed([x + 0.01 for x in spread]) is None  # more than 1,000
    assert seeds_needed([0.1, 0.1]) is None


def test_the_detectable_difference_has_a_power_of_four_in_five():
    seen = [0.03, -0.01, 0.02, 0.00, -0.02]
    found = detectable(seen)
    assert found is not None
    spread = math.sqrt(sum((x - fmean(seen)) ** 2 for x in seen) / 4)
    assert power(found / spread, 5) == pytest.approx(0.8, abs=1e-6)
    assert detectable([0.1, 0.1]) is None


def test_no_difference_is_shown_about_as_often_as_promised():
    # Three comparisons at once of five seeds each, with no difference in any of them: at least one
    # is shown in at most 5 % of such families (and t without Holm would show one in 13 %).
    random.seed(0)
    families, loud, uncorrected = 1000, 0, 0
    for _ in range(families):
        first = [random.gauss(0.7, 0.03) for _ in range(5)]
        others = [[random.gauss(0.7, 0.03) for _ in range(5)] for _ in range(3)]
        found = compared(others, [first] * 3)
        loud += any(f.shown for f in found)
        uncorrected += any(f.p is not None and f.p < 0.05 for f in found)
    assert 0.02 < loud / families < 0.065 < uncorrected / families


def test_a_difference_is_shown_about_as_often_as_promised():
    # The difference that five seeds are said to show four times in five, at that spread.
    random.seed(1)
    effect = next(e / 100 for e in range(100, 400) if power(e / 100, 5) >= 0.8)
    shown = sum(
        compared([[random.gauss(effect, 1.0) for _ in range(5)]], [[0.0] * 5])[0].shown
        for _ in range(1000)
    )
    assert 0.76 < shown / 1000 < 0.84
