"""The curve of a run, as numbers."""

import pytest

from paceline.analysis.compare.curve import Curve, area, reached


def test_a_curve_counts_samples_and_training_seconds(runs):
    curve = Curve.of(runs["grpo"][0])
    assert curve.steps == (0, 2, 4) and curve.samples == (0, 8, 16)
    assert curve.seconds == (0.0, 4.0, 8.0)
    assert curve.sampled == (0.0, 0.4, 0.6) and curve.greedy == (0.0, 0.2, 0.3)


def test_samples_count_what_was_refused(runs):
    assert Curve.of(runs["rloo"][0]).samples == (0, 12, 24)  # a group of 4 more, each round


def test_area_is_the_mean_height():
    assert area([0, 10, 30], [0.0, 0.5, 0.5]) == pytest.approx((2.5 + 10) / 30)
    assert area([0], [0.4]) == 0.4


def test_a_threshold_is_reached_between_two_points():
    assert reached([0, 100, 200], [0.0, 0.4, 0.8], 0.6) == pytest.approx(150)
    assert reached([0, 100], [0.7, 0.2], 0.6) == 0
    assert reached([0, 100, 200], [0.0, 0.5, 0.4], 0.6) is None
    assert reached([0, 100, 200, 300], [0.0, 0.5, 0.2, 0.8], 0.5) == 100
