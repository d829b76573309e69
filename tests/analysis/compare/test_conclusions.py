"""Conclusions of a comparison, in sentences."""

import json
from dataclasses import replace

import pytest

from paceline.analysis.compare.conclusions import (
    by_name,
    on_one_update,
    p_value,
    seen,
    sentence,
    sentences,
)
from paceline.store.comparison import DiagnosisRecord, DifferenceRecord
from tests.helpers.comparisons import a_record, describe, run_of
from tests.helpers.fake_run import write_summary


def a_difference(*per_seed, mean=0.2, **changes):
    """A difference of 20 points over three seeds that is shown."""
    base = DifferenceRecord(
        mean=mean, low=0.15, high=0.25, per_seed=per_seed or (0.2, 0.22, 0.18), seeds=(0, 1, 2),
        p=0.004, p_holm=0.008, shown=True, detectable=0.05, seeds_needed=3,
    )  # fmt: skip
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            a_difference(),
            "gspo is better than grpo: +20.0 points (95\u202f% interval +15.0 to +25.0; "
            "p\u202f=\u202f0.008 after Holm, of 2).",
        ),
        (a_difference(mean=-0.2), "gspo is worse than grpo: −20.0 points"),
        (
            a_difference(p=None, p_holm=None, low=None, high=None, shown=False),
            "gspo against grpo: +20.0 points with one seed, which shows no difference and rules "
            "none out; five seeds are a beginning.",
        ),
        (a_difference(0.0, 0.0, 0.0), "gspo against grpo: the same accuracy in each of 3 seeds."),
        (
            a_difference(shown=False),
            " 3 seeds show a difference of 5.0 points four times in five; one as small as the one "
            "seen takes 3 seeds.",
        ),
        (
            a_difference(shown=False, seeds_needed=None),
            "; one as small as the one seen would take more than 1,000 seeds.",
        ),
        (
            a_difference(shown=False, detectable=1.0),
            " 3 seeds are too few to show a difference of any size here.",
        ),
        (
            # 2 / 2² of all signs are as far from 0.
            a_difference(
                0.025,
                0.025,
                mean=0.025,
                low=0.025,
                high=0.025,
                seeds=(0, 1),
                p=0.5,
                p_holm=0.5,
                shown=False,
                detectable=None,
            ),
            "gspo against grpo: no difference shown, +2.5 points (no interval: all seeds gave the "
            "same difference; p\u202f=\u202f0.50 after Holm, of 2). 2 seeds are few enough to give "
            "the same difference by chance.",
        ),
    ],
)
def test_a_difference_is_told_by_what_it_shows(one, said):
    text = sentence("gspo", "grpo", one, 2)
    assert text.startswith(said) or text.endswith(said)


def test_a_single_comparison_names_no_correction():
    assert "Holm" not in seen(a_difference(), 1)


def test_p_values_have_the_digits_that_they_need():
    assert [p_value(p) for p in (0.0004, 0.012, 0.0999, 0.41)] == [
        "<0.001",
        "0.012",
        "0.100",
        "0.41",
    ]


def test_sentences_say_what_is_shown_and_what_is_not(runs):
    better, neither, on_the_way, *limits = sentences(a_record(runs))
    assert better.startswith("gspo is better than grpo: +20.0 points")
    assert "after Holm, of 2" in better
    assert neither.startswith("rloo against grpo: no difference shown, −2.5 points")
    assert on_the_way.startswith("On the way gspo is better than grpo: its mean accuracy")
    assert "2 seeds" in neither and "seeds" in neither.rpartition(";")[2]
    assert limits == []


def test_sentences_say_what_limits_them(runs):
    for of in runs.values():
        for run in of.values():
            few = replace(run.outcome.after, n=20)
            write_summary(run.path, replace(run.outcome, after=few))
    limits = sentences(a_record(runs, planned=12))[3:]
    assert "20 problems only" in limits[0]
    assert limits[1].startswith("4 of 12 runs are not finished")


def test_sentences_say_where_runs_are_no_pairs(tmp_path):
    runs = {
        "grpo": {0: run_of(tmp_path / "grpo/0", (0.0, 0.4, 0.6), parts=1)},
        "gspo": {0: run_of(tmp_path / "gspo/0", (0.0, 0.4, 0.6), parts=1, torch="2.14")},
    }
    said = " ".join(sentences(a_record(runs, same_start=False)))
    assert "One update a round: every ratio is 1" in said
    assert "Not all runs were made alike: torch was 2.13 and 2.14." in said
    assert "Not all runs of one seed had the same start" in said
    changes = [{"step": 2, "keys": {}, "versions": {"torch": "2.15"}}]  # it went on elsewhere
    config = runs["gspo"][0].config
    (runs["gspo"][0].path / "config.json").write_text(json.dumps(config | {"changes": changes}))
    assert "torch was 2.13 and 2.14 and 2.15." in " ".join(sentences(a_record(runs)))
    config = runs["gspo"][0].config | {"fingerprints": {"problems": "3c4d"}}
    (runs["gspo"][0].path / "config.json").write_text(json.dumps(config))
    assert "accuracies are of different tests" in " ".join(sentences(a_record(runs)))


def test_different_tests_are_told_and_nothing_is_better(runs):
    for label in runs:
        describe(runs, label, fingerprints={"problems": "1a2b", "test": label})
    said = " ".join(sentences(a_record(runs, complete=True)))
    assert "better" not in said and "how answers are judged, are not the same" in said


def test_answers_without_a_verdict_are_told(runs):
    run = runs["gspo"][1]
    lost = replace(run.outcome.after, lost=30)
    write_summary(run.path, replace(run.outcome, after=lost, counters={"groups_lost": 2}))
    said = sentences(a_record(runs))
    assert "gspo: 30 held-out answers had no verdict, and count as wrong" in " ".join(said)
    assert "gspo: 2 groups of training had no verdict and were left out." in said
    assert not any(text.startswith("grpo: ") for text in said)


def test_diagnoses_are_told_by_name_with_the_seeds_that_have_them(runs):
    def found(seed, name, first):
        return DiagnosisRecord(seed=seed, name=name, first=first, last=4, over=False,
                               finding="", lately="", rule="", remedy="")  # fmt: skip

    data = a_record(runs)
    many = (found(0, "entropy collapse", 3), found(0, "entropy collapse", 4),
            found(2, "entropy collapse", 2), found(2, "one answer", 1))  # fmt: skip
    gspo = replace(data.objectives["gspo"], diagnoses=many)
    assert {name: len(of) for name, of in by_name(gspo).items()} == {
        "entropy collapse": 2, "one answer": 1,
    }  # fmt: skip
    said = sentences(replace(data, objectives={**data.objectives, "gspo": gspo}))
    assert "gspo: entropy collapse in 2 of 3 seeds, first at step 2." in said
    assert "gspo: one answer in 1 of 3 seeds, first at step 1." in said


def test_one_update_a_round_is_no_matter_for_one_objective():
    same = "Objective(grpo)"
    assert on_one_update({"lr=1": (1, same), "lr=2": (1, same)}) is None
    assert on_one_update({"grpo": (4, same), "gspo": (1, "Objective(gspo)")}) is None


def test_nothing_learned_is_told(tmp_path):
    runs = {
        label: {0: run_of(tmp_path / label / "0", (0.05, 0.0, 0.0))} for label in ("grpo", "gspo")
    }
    assert "Nothing was learned" in " ".join(sentences(a_record(runs)))


def test_a_first_without_a_finished_run_is_told(runs):
    del runs["grpo"]
    found = sentences(a_record(runs))
    assert found[0].startswith("grpo, with which the others are compared, has no finished run")


def test_the_same_accuracy_in_every_seed_is_said_so(runs):
    again = {"grpo": runs["grpo"], "mine": runs["grpo"]}
    assert (
        sentences(a_record(again))[0] == "mine against grpo: the same accuracy in each of 3 seeds."
    )


def test_one_seed_shows_nothing(runs):
    one = {label: {0: of[0]} for label, of in runs.items()}
    assert "with one seed, which shows no difference" in sentences(a_record(one))[0]
