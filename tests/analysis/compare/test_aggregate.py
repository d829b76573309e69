"""Figures and sentences of a comparison, from runs written by hand."""

import json
from dataclasses import fields, replace

import pytest

from paceline import config as configuration
from paceline.analysis.compare.aggregate import aggregate
from paceline.analysis.compare.conclusions import on_one_update, sentences
from paceline.analysis.compare.curve import Curve
from paceline.analysis.compare.page import page, verdict
from paceline.analysis.compare.terminal import table
from paceline.objective import NAMES
from paceline.recipes import tiny
from paceline.run import Run
from paceline.store.comparison import (
    ComparisonRecord,
    DiagnosisRecord,
    DifferencesRecord,
    FailedRecord,
)
from tests.helpers.browser import Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import NASTY, write_lines, write_summary
from tests.helpers.records import a_measurement, a_step, a_summary


def run_of(folder, accuracies, *, refused=0, seconds=2.0, parts=2, torch="2.13"):
    """A finished run of 4 steps in 2 rounds of 8 completions in 2 groups, measured before, after
    step 2 and after step 4."""
    folder.mkdir(parents=True)
    first, middle, last = (measured(a) for a in accuracies)
    schedule = {"steps": 4, "schedule.minibatches": parts}
    config = tiny().with_(objective=NAMES[folder.parent.name](), **schedule)
    data = {
        "objective": repr(config.objective), "fingerprints": {"problems": "1a2b"},
        "versions": {"torch": torch}, "machine": {"dtype": "float32"},
        "config": configuration.to_json(config),
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(data))
    plain = {"completions": 8, "groups": 2, "groups_refused": refused, "seconds": seconds}
    steps = [
        a_step(step=step, round=(step - 1) // 2, part=(step - 1) % 2, **plain)
        for step in range(1, 5)
    ]
    steps[1] = steps[1].evaluated(middle)
    write_lines(folder / "metrics.jsonl", steps)
    write_summary(folder, a_summary(steps=4, rounds=2, before=first, after=last))
    return Run(folder)


def measured(accuracy):
    return a_measurement(accuracy, greedy_accuracy=accuracy / 2)


@pytest.fixture
def runs(tmp_path):
    made = {
        "grpo": {0: (0.0, 0.4, 0.6), 1: (0.1, 0.4, 0.5), 2: (0.0, 0.5, 0.55)},
        "gspo": {0: (0.0, 0.6, 0.8), 1: (0.1, 0.6, 0.72), 2: (0.0, 0.6, 0.73)},
        "rloo": {0: (0.0, 0.2, 0.3), 2: (0.0, 0.3, 0.8)},
    }
    return {
        label: {
            seed: run_of(tmp_path / label / str(seed), three, refused=int(label == "rloo"))
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


def whole(runs, **changes):
    found = aggregate(runs, "grpo")
    about = {
        "name": "tiny", "command": None, "complete": False, "seeds": (0, 1, 2), "planned": 8,
        "finished": 8, "failed": (), "config": {}, "baseline": "grpo", "asked_threshold": None,
        "same_start": True, "written": "2026-11-28T19:02:11+0000", "sentences": (),
    }  # fmt: skip
    figures = {one.name: getattr(found, one.name) for one in fields(found)}
    return ComparisonRecord(**about | figures | changes)


def test_sentences_say_what_is_shown_and_what_is_not(runs):
    better, neither, on_the_way, *limits = sentences(whole(runs))
    assert better.startswith("gspo is better than grpo: +20.0 points")
    assert "after Holm, of 2" in better
    assert neither.startswith("rloo against grpo: no difference shown, −2.5 points")
    assert on_the_way.startswith("On the way gspo is better than grpo: its mean accuracy")
    assert "2 seeds" in neither and "seeds" in neither.rpartition(";")[2]
    assert limits == []


def test_sentences_say_what_limits_them(runs):
    for of in runs.values():
        for run in of.values():
            few = replace(run.told.after, n=20)
            write_summary(run.path, replace(run.told, after=few))
    limits = sentences(whole(runs, planned=12))[3:]
    assert "20 problems only" in limits[0]
    assert limits[1].startswith("4 of 12 runs are not finished")


def test_sentences_say_where_runs_are_no_pairs(tmp_path):
    runs = {
        "grpo": {0: run_of(tmp_path / "grpo/0", (0.0, 0.4, 0.6), parts=1)},
        "gspo": {0: run_of(tmp_path / "gspo/0", (0.0, 0.4, 0.6), parts=1, torch="2.14")},
    }
    said = " ".join(sentences(whole(runs, same_start=False)))
    assert "One update a round: every ratio is 1" in said
    assert "Not all runs were made alike: torch was 2.13 and 2.14." in said
    assert "Not all runs of one seed had the same start" in said
    changes = [{"step": 2, "keys": {}, "versions": {"torch": "2.15"}}]  # it went on elsewhere
    config = runs["gspo"][0].config
    (runs["gspo"][0].path / "config.json").write_text(json.dumps(config | {"changes": changes}))
    assert "torch was 2.13 and 2.14 and 2.15." in " ".join(sentences(whole(runs)))
    config = runs["gspo"][0].config | {"fingerprints": {"problems": "3c4d"}}
    (runs["gspo"][0].path / "config.json").write_text(json.dumps(config))
    assert "accuracies are of different tests" in " ".join(sentences(whole(runs)))


def test_different_tests_are_compared_with_nothing(runs):
    # The same problems, but another verifier: what is right for one is not for the other.
    for label, of in runs.items():
        for run in of.values():
            read = {"problems": "1a2b", "test": "aa" if label == "rloo" else "bb"}
            (run.path / "config.json").write_text(json.dumps(run.config | {"fingerprints": read}))
    data = whole(runs, complete=True)
    assert data.differences == DifferencesRecord(final_accuracy={}, area={})
    said = " ".join(sentences(data))
    assert "better" not in said and "how answers are judged, are not the same" in said
    assert verdict(data) == "Measured on different tests, so that nothing is compared."
    heads, rows = table(data)[1], table(data)[3:]
    start, end = heads.index("Δ") + 1, heads.index("p (Holm)") + len("p (Holm)")
    assert [row[start:end].strip() for row in rows] == ["", "", ""]


def test_rewards_of_two_names_are_different_tests(runs):
    for label, of in runs.items():
        for run in of.values():
            config = run.config
            config["fingerprints"]["test"] = "aa"
            config["config"]["task"]["reward"] = f"{label}.py:reward"
            (run.path / "config.json").write_text(json.dumps(config))
    assert not aggregate(runs, "grpo").same_test


def test_answers_without_a_verdict_are_told(runs):
    run = runs["gspo"][1]
    lost = replace(run.told.after, lost=30)
    write_summary(run.path, replace(run.told, after=lost, counters={"groups_lost": 2}))
    said = sentences(whole(runs))
    assert "gspo: 30 held-out answers had no verdict, and count as wrong" in " ".join(said)
    assert "gspo: 2 groups of training had no verdict and were left out." in said
    assert not any(text.startswith("grpo: ") for text in said)


def test_a_label_with_fewer_seeds_says_so(runs):
    assert [line.partition("  ")[0] for line in table(whole(runs))[3:]] == [
        "grpo", "gspo", "rloo (2 of 3)",
    ]  # fmt: skip
    html = page(whole(runs, config=configuration.to_json(tiny())), runs).html()
    assert "rloo <small>2 of 3 seeds</small>" in html and "grpo <small>" not in html


def test_what_users_wrote_is_inert_in_the_page(runs, tmp_path):
    config = configuration.to_json(tiny())
    config |= {"task": {"name": NASTY}, NASTY: {NASTY: NASTY}}
    found = whole(
        runs, name=NASTY, command=NASTY, config=config, sentences=(NASTY,),
        failed=(FailedRecord(run=NASTY, why=NASTY),),
    )  # fmt: skip
    diagnosis = DiagnosisRecord(seed=0, name=NASTY, first=1, last=2, over=False, finding=NASTY,
                                lately=NASTY, rule=NASTY, remedy=NASTY)  # fmt: skip
    grpo = replace(found.objectives["grpo"], objective=NASTY, diagnoses=(diagnosis,),
                   runs=(f"{NASTY}/report.html",) * 3)  # fmt: skip
    found = replace(found, objectives={NASTY: grpo, "gspo": found.objectives["gspo"]})
    made = page(found, {NASTY: runs["grpo"], "gspo": runs["gspo"]}).write(tmp_path / "x.html")
    shown = Page(made)
    assert_inert(shown, scripts=3)
    assert_loads_nothing(shown)
    assert shown.text.count('</script><script>alert("run")</script> <img src=x') >= 14


def test_one_update_a_round_is_no_matter_for_one_objective(tmp_path):
    same = "Objective(grpo)"
    assert on_one_update({"lr=1": (1, same), "lr=2": (1, same)}) is None
    assert on_one_update({"grpo": (4, same), "gspo": (1, "Objective(gspo)")}) is None


def test_nothing_learned_has_no_threshold(tmp_path):
    runs = {
        label: {0: run_of(tmp_path / label / "0", (0.05, 0.0, 0.0))} for label in ("grpo", "gspo")
    }
    found = aggregate(runs, "grpo")
    assert found.threshold is None
    assert found.objectives["grpo"].samples_to_threshold.reached == 0
    assert "Nothing was learned" in " ".join(sentences(whole(runs)))


def test_without_the_first_there_are_no_differences(runs):
    del runs["grpo"]
    found = sentences(whole(runs))
    assert found[0].startswith("grpo, with which the others are compared, has no finished run")


def test_the_terminals_table_leaves_columns_out_and_never_labels(runs):
    lines = table(whole(runs))
    assert lines[1].split("  ")[-1].strip() == "training" and lines[3].startswith("grpo")
    assert all(len(line) <= 60 for line in table(whole(runs), 60)[1:])
    assert [line.split()[0] for line in table(whole(runs), 30)[3:]] == ["grpo", "gspo", "rloo"]


def test_the_same_accuracy_in_every_seed_is_said_so(runs):
    again = {"grpo": runs["grpo"], "mine": runs["grpo"]}
    assert sentences(whole(again))[0] == "mine against grpo: the same accuracy in each of 3 seeds."


def test_one_seed_shows_nothing(runs):
    one = {label: {0: of[0]} for label, of in runs.items()}
    assert "with one seed, which shows no difference" in sentences(whole(one))[0]
