"""Figures of a comparison, from runs written by hand."""

import json

import pytest

from paceline.analysis.compare.aggregate import aggregate
from paceline.store.comparison import DifferencesRecord
from tests.helpers.comparisons import describe, run_of


def test_every_objective_has_its_means_and_intervals(runs):
    found = aggregate(runs, "grpo").objectives["gspo"]
    assert found.initial_accuracy.per_seed == (0.0, 0.1, 0.0)
    assert found.final_accuracy.mean == pytest.approx(0.75)
    assert found.delta.per_seed == pytest.approx([0.8, 0.62, 0.73])
    for mean in (found.initial_accuracy, found.final_accuracy, found.delta):
        assert mean.low < mean.mean < mean.high
    assert found.initial_accuracy.low == 0.0  # no accuracy is below that
    # Trapezoids of equal width: (0 + 0.6) / 2 and (0.6 + 0.8) / 2.
    assert found.area.per_seed[0] == pytest.approx((0.3 + 0.7) / 2)
    assert found.greedy.final_accuracy.per_seed[0] == 0.4
    assert found.curve.steps == (0, 2, 4) and found.problems == 500


def test_the_threshold_is_half_of_the_way_to_the_best(runs):
    found = aggregate(runs, "grpo")
    start = (0.1 + 0.1) / 8  # of all eight runs
    assert found.threshold == pytest.approx((start + 0.75) / 2)
    first = found.objectives["grpo"].samples_to_threshold
    assert first.reached == 3
    assert first.per_seed[0] == pytest.approx(8 * found.threshold / 0.4)


def test_a_threshold_that_some_seeds_never_reach_has_no_mean(runs):
    found = aggregate(runs, "grpo", threshold=0.56).objectives["grpo"].seconds_to_threshold
    assert found.reached == 1 and found.mean is None
    assert found.per_seed == (pytest.approx(4 + 4 * 0.16 / 0.2), None, None)


def test_differences_are_paired_by_the_seeds_that_both_have(runs):
    found = aggregate(runs, "grpo").differences.final_accuracy
    assert list(found) == ["gspo", "rloo"]
    assert found["gspo"].per_seed == pytest.approx([0.2, 0.22, 0.18])
    assert found["rloo"].seeds == (0, 2)
    assert found["rloo"].per_seed == pytest.approx([-0.3, 0.25])
    # t = 0.2 / (0.02 / √3) = 17.3 on 2 degrees of freedom: p = 0.0033, and twice that after Holm.
    assert found["gspo"].p == pytest.approx(0.0033, abs=1e-4)
    assert found["gspo"].p_holm == pytest.approx(0.0066, abs=2e-4)
    assert found["gspo"].shown and not found["rloo"].shown


def test_different_tests_are_compared_with_nothing(runs):
    # The same problems, but another verifier: what is right for one is not for the other.
    for label in runs:
        read = {"problems": "1a2b", "test": "aa" if label == "rloo" else "bb"}
        describe(runs, label, fingerprints=read)
    found = aggregate(runs, "grpo")
    assert not found.same_test
    assert found.differences == DifferencesRecord(final_accuracy={}, area={})


def test_rewards_of_two_names_are_different_tests(runs):
    for label, of in runs.items():
        for run in of.values():
            config = run.config
            config["fingerprints"]["test"] = "aa"
            config["config"]["task"]["reward"] = f"{label}.py:reward"
            (run.path / "config.json").write_text(json.dumps(config))
    assert not aggregate(runs, "grpo").same_test


def test_what_runs_were_made_with_is_told_where_it_differs(runs):
    assert aggregate(runs, "grpo").made_with == {}
    changes = [{"step": 2, "keys": {}, "versions": {"torch": "2.15"}}]  # it went on elsewhere
    describe(runs, "gspo", versions={"torch": "2.14"}, changes=changes)
    assert aggregate(runs, "grpo").made_with == {"torch": ("2.13", "2.14", "2.15")}


def test_nothing_learned_has_no_threshold(tmp_path):
    runs = {
        label: {0: run_of(tmp_path / label / "0", (0.05, 0.0, 0.0))} for label in ("grpo", "gspo")
    }
    found = aggregate(runs, "grpo")
    assert found.threshold is None
    assert found.objectives["grpo"].samples_to_threshold.reached == 0


def test_without_the_first_there_are_no_differences(runs):
    del runs["grpo"]
    assert aggregate(runs, "grpo").differences.final_accuracy == {}
