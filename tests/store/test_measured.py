"""What was measured on held-out problems, as a record."""

import pytest

from paceline.store.measured import Bin, Measured, Share
from paceline.training import Evaluation
from paceline.training.calibration import ReliabilityBin
from paceline.training.likelihood import Likelihood
from paceline.training.pairs import PairAccuracy

ACCURACY = Evaluation("t", 10, 0.8, 0.7, {1: 0.7}, {"sampled_accuracy": (0.4, 0.9)}, 0.1, 2.0)
LIKELIHOOD = Likelihood("t", 5, 0.3, 0.9, None, {"nll": (0.2, 0.4)}, 1.0)
PAIRS = PairAccuracy("t", 4, 6, 0.75, 1.5, 0.5, {"pair_accuracy": (0.4, 0.9)}, 0.5)


def test_what_was_not_measured_is_not_there():
    assert Measured.of(ACCURACY).to_json().keys() == {
        "task", "n", "greedy_accuracy", "sampled_accuracy", "pass_at", "intervals", "cut",
        "seconds", "lost",
    }  # fmt: skip
    assert Measured.of(None, LIKELIHOOD).to_json().keys() == {
        "task", "n", "intervals", "seconds", "rows", "nll", "token_accuracy", "end_probability"
    }  # fmt: skip
    told = Measured.of(None, None, PAIRS)
    assert told.to_json().keys() == {
        "task", "n", "intervals", "seconds", "pairs", "pair_accuracy", "pair_margin", "longer_wins"
    }  # fmt: skip
    assert (told.n, told.pairs, told.ordered) == (4, 6, Share(0.75, (0.4, 0.9)))


def test_several_measurements_are_one_record():
    both = Measured.of(ACCURACY, LIKELIHOOD, PAIRS)
    assert (both.n, both.rows, both.pairs, both.seconds) == (10, 5, 6, 3.5)
    assert both.intervals.keys() == {"pair_accuracy", "nll", "sampled_accuracy"}
    assert both.pass_at == {"1": 0.7} and both.sampled == Share(0.7, (0.4, 0.9))
    assert Measured.of(None, LIKELIHOOD, PAIRS).n == 5


def test_a_reward_models_figures_are_written_and_read():
    bins = (ReliabilityBin(2, 0.6, 0.5), ReliabilityBin(4, 0.9, 1.0))
    pairs = PairAccuracy(
        "t", 6, 6, 0.9, 1.5, 0.5, {"pair_accuracy": (0.4, 0.9)}, 0.5, length_correlation=0.2,
        calibration_error=0.05, reliability=bins, right_from=0.4, temperature=1.3,
        calibration_error_before=0.1,
    )  # fmt: skip
    told = Measured.of(None, None, pairs)
    assert told.reliability == tuple(Bin(pairs=b.pairs, probability=b.probability, right=b.right)
                                     for b in bins)  # fmt: skip
    again = Measured.from_json(told.to_json())
    assert again == told and again.temperature == 1.3 and again.calibration_error_before == 0.1


def test_an_older_record_has_no_pairs():
    old = Measured.from_json({"task": "t", "n": 3, "sampled_accuracy": 0.5})
    assert old.pairs is None and old.ordered is None and old.reliability == ()
    assert old.to_json() == {"task": "t", "n": 3, "sampled_accuracy": 0.5}


def test_a_share_without_an_interval_has_no_bounds():
    assert str(Share(0.5).bounds) == "(nan, nan)" and Share(0.5, (0.1, 0.9)).bounds == (0.1, 0.9)


@pytest.mark.parametrize("which", [LIKELIHOOD, PAIRS])
def test_answers_that_nobody_judged_have_no_accuracy(which):
    told = Measured.of(None, which) if which is LIKELIHOOD else Measured.of(None, None, which)
    assert told.sampled is None and told.greedy is None
