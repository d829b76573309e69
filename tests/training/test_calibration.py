"""The calibration of scores, worked by hand."""

import math

import pytest

from paceline.training.calibration import (
    ReliabilityBin,
    best_separation,
    calibration_error,
    reliability,
    temperature_of,
)

LOGIT_9 = math.log(9)
"""σ of it is 0.9."""


def nll(differences, temperature):
    """The sum that the temperature minimises, by its definition."""
    q = (len(differences) + 1) / (len(differences) + 2)

    def log_sigmoid(x):
        return -math.log1p(math.exp(-x))

    each = (
        q * log_sigmoid(d / temperature) + (1 - q) * log_sigmoid(-d / temperature)
        for d in differences
    )
    return -sum(each)


def test_pairs_fall_into_bins_by_how_sure_their_order_is():
    # Three of ±ln 9 are 90 % sure, two of them right; a tie is 50 % sure and half right.
    bins = reliability([LOGIT_9 + 1e-9, LOGIT_9 + 1e-9, -LOGIT_9 - 1e-9, 0.0])
    assert [(one.pairs, round(one.probability, 6), round(one.right, 6)) for one in bins] == [
        (1, 0.5, 0.5),
        (3, 0.9, 0.666667),
    ]
    # 1/4 · 0 + 3/4 · |0.9 − 2/3|
    assert calibration_error(bins) == pytest.approx(0.75 * (0.9 - 2 / 3))


def test_there_are_ten_bins_at_most_and_the_surest_is_the_last():
    bins = reliability([0.01 * i for i in range(1000)] + [1e4])
    assert len(bins) == 10 and sum(one.pairs for one in bins) == 1001
    assert [one.probability for one in bins] == sorted(one.probability for one in bins)
    assert reliability([1e4]) == (ReliabilityBin(1, 1.0, 1.0),)


def test_the_temperature_is_the_one_under_which_the_pairs_are_likeliest():
    differences = [6.0, 5.0, 4.0, 3.0, -2.0, 7.0, -5.0, 1.0]
    found = temperature_of(differences)
    assert found is not None
    least = nll(differences, found)
    for other in (0.99 * found, 1.01 * found, found / 3, 3 * found, 1.0):
        assert nll(differences, other) > least
    # What is divided by it needs no other.
    assert temperature_of([d / found for d in differences]) == pytest.approx(1.0, rel=1e-9)


def test_of_equal_differences_it_is_known():
    # All d = 2 and all right: σ(2/T) = q = 5/6, so that 2/T = ln 5.
    assert temperature_of([2.0] * 4) == pytest.approx(2 / math.log(5), rel=1e-9)
    # Three of four right: (3 − 1)(σ(a d) − q) d + … = 3(σ − q) − (1 − σ − q) = 0: σ = (2q + 1)/4.
    sigma = (2 * 5 / 6 + 1) / 4
    expected = 2 / math.log(sigma / (1 - sigma))
    assert temperature_of([2.0, 2.0, 2.0, -2.0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("differences", [[0.0], [-1.0, -2.0], [1.0, -1.0], [3.0, -4.0]])
def test_an_order_that_is_wrong_on_the_whole_has_none(differences):
    assert temperature_of(differences) is None


def test_scores_of_any_size_are_found():
    for size in (1e-6, 1.0, 1e6):
        assert temperature_of([2.0 * size] * 4) == pytest.approx(2 * size / math.log(5), rel=1e-6)


def test_the_best_separation_is_in_the_widest_of_the_best_gaps():
    # Below 1.0 lie both of the others, above it both preferred ones; 0.4 and 1.0 are neighbours.
    assert best_separation([1.0, 3.0], [0.0, 0.4]) == pytest.approx(0.7)
    # From 0 and from 2 on three of four are on their side; the gap of 2 to 5 is the wider one.
    assert best_separation([1.0, 5.0], [0.0, 2.0]) == pytest.approx(3.5)
    assert best_separation([2.0], [2.0]) == 2.0
