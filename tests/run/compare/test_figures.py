"""Figures and sentences of a comparison, from runs written by hand."""

import json

import pytest

from paceline.run import Run
from paceline.run.compare.figures import Curve, figures
from paceline.run.compare.words import sentences


def run_of(folder, accuracies, *, refused=0, seconds=2.0):
    """A finished run of 4 steps in 2 rounds of 8 completions in 2 groups, measured before, after
    step 2 and after step 4."""
    folder.mkdir(parents=True)
    first, middle, last = (measured(a) for a in accuracies)
    (folder / "config.json").write_text(json.dumps({"objective": "Objective(…)", "config": {}}))
    lines = [
        {"step": step, "round": (step - 1) // 2, "part": (step - 1) % 2, "completions": 8,
         "groups": 2, "groups_refused": refused, "groups_lost": 0, "seconds": seconds,
         **({"evaluation": middle} if step == 2 else {})}
        for step in range(1, 5)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = {"finished": True, "steps": 4, "before": first, "after": last}
    (folder / "summary.json").write_text(json.dumps(summary))
    return Run(folder)


def measured(accuracy):
    return {"sampled_accuracy": accuracy, "greedy_accuracy": accuracy / 2, "n": 500}


@pytest.fixture
def runs(tmp_path):
    made = {
        "grpo": {0: (0.0, 0.4, 0.6), 1: (0.1, 0.4, 0.5), 2: (0.0, 0.5, 0.55)},
        "gspo": {0: (0.0, 0.6, 0.8), 1: (0.1, 0.6, 0.72), 2: (0.0, 0.6, 0.73)},
        "rloo": {0: (0.0, 0.2, 0.3), 2: (0.0, 0.3, 0.8)},
    }
    return {
        label: {
            seed: run_of(tmp_path / label / str(seed), three, refused=label == "rloo")
            for seed, three in of.items()
        }
        for label, of in made.items()
    }


def test_a_curve_counts_samples_and_training_seconds(runs):
    curve = Curve.of(runs["grpo"][0])
    assert curve.steps == (0, 2, 4) and curve.samples == (0, 8, 16)
    assert curve.seconds == (0.0, 4.0, 8.0)
    assert curve.sampled == (0.0, 0.4, 0.6) and curve.greedy == (0.0, 0.2, 0.3)


def test_samples_count_what_was_refused(runs):
    assert Curve.of(runs["rloo"][0]).samples == (0, 12, 24)  # a group of 4 more, each round


def test_every_objective_has_its_means_and_intervals(runs):
    found = figures(runs)["objectives"]["gspo"]
    assert found["initial_accuracy"]["per_seed"] == [0.0, 0.1, 0.0]
    assert found["final_accuracy"]["mean"] == pytest.approx(0.75)
    assert found["delta"]["per_seed"] == pytest.approx([0.8, 0.62, 0.73])
    for name in ("initial_accuracy", "final_accuracy", "delta"):
        assert found[name]["low"] < found[name]["mean"] < found[name]["high"]
    assert found["initial_accuracy"]["low"] == 0.0  # no accuracy is below that
    # Trapezoids of equal width: (0 + 0.6) / 2 and (0.6 + 0.8) / 2.
    assert found["area"]["per_seed"][0] == pytest.approx((0.3 + 0.7) / 2)
    assert found["greedy"]["final_accuracy"]["per_seed"][0] == 0.4
    assert found["curve"]["steps"] == [0, 2, 4] and found["problems"] == 500


def test_the_threshold_is_half_of_the_way_to_the_best(runs):
    found = figures(runs)
    start = (0.1 + 0.1) / 8  # of all eight runs
    assert found["threshold"] == pytest.approx((start + 0.75) / 2)
    first = found["objectives"]["grpo"]["samples_to_threshold"]
    assert first["reached"] == 3
    assert first["per_seed"][0] == pytest.approx(8 * found["threshold"] / 0.4)


def test_a_threshold_that_some_seeds_never_reach_has_no_mean(runs):
    found = figures(runs, threshold=0.56)["objectives"]["grpo"]["seconds_to_threshold"]
    assert found["reached"] == 1 and found["mean"] is None
    assert found["per_seed"] == [pytest.approx(4 + 4 * 0.16 / 0.2), None, None]


def test_differences_are_paired_by_the_seeds_that_both_have(runs):
    found = figures(runs)["differences"]["final_accuracy"]
    assert list(found) == ["gspo", "rloo"]
    assert found["gspo"]["per_seed"] == pytest.approx([0.2, 0.22, 0.18])
    assert found["rloo"]["seeds"] == [0, 2]
    assert found["rloo"]["per_seed"] == pytest.approx([-0.3, 0.25])
    # t = 0.2 / (0.02 / √3) = 17.3 on 2 degrees of freedom: p = 0.0033, and twice that after Holm.
    assert found["gspo"]["p"] == pytest.approx(0.0033, abs=1e-4)
    assert found["gspo"]["p_holm"] == pytest.approx(0.0066, abs=2e-4)
    assert found["gspo"]["shown"] and not found["rloo"]["shown"]


def whole(runs, **changes):
    config = {"schedule": {"minibatches": 2, "epochs": 1}}
    return {"config": config, "planned": 8, "finished": 8, **figures(runs), **changes}


def test_sentences_say_what_is_shown_and_what_is_not(runs):
    better, neither, *limits = sentences(whole(runs))
    assert better.startswith("gspo is better than grpo: +20.0 points")
    assert "after Holm, of 2" in better
    assert neither.startswith("rloo against grpo: no difference shown (−2.5 points")
    assert "2 seeds" in neither and "seeds" in neither.rpartition(";")[2]
    assert limits == []


def test_sentences_say_what_limits_them(runs):
    for of in runs.values():
        for run in of.values():
            summary = run.summary
            summary["after"]["n"] = 20
            (run.path / "summary.json").write_text(json.dumps(summary))
    one = {"schedule": {"minibatches": 1, "epochs": 1}}
    limits = sentences(whole(runs, config=one, planned=12))[2:]
    assert "20 problems only" in limits[0]
    assert limits[1].startswith("One update a round: every ratio is 1")
    assert limits[2].startswith("4 of 12 runs are not finished")


def test_the_same_accuracy_in_every_seed_is_said_so(runs):
    again = {"grpo": runs["grpo"], "mine": runs["grpo"]}
    assert sentences(whole(again))[0] == "mine against grpo: the same accuracy in each of 3 seeds."


def test_one_seed_shows_nothing(runs):
    one = {label: {0: of[0]} for label, of in runs.items()}
    assert "with one seed, which shows no difference" in sentences(whole(one))[0]
