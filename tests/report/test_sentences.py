"""The report's sentences: the verdict on a run, and its objective in words."""

import math
from dataclasses import replace
from typing import Any

import pytest

from paceline import objective
from paceline.config import to_json
from paceline.diagnostics import Diagnosis
from paceline.report.sentences import objective_in_words, span_of_steps, verdict
from paceline.store.description import RunDescription
from tests.helpers.fake_run import AFTER, BEFORE, SUMMARY, fake_step
from tests.helpers.records import a_measurement, a_step, a_summary, some_pairs
from tests.helpers.snapshots import a_description, a_snapshot

THIN = "\u202f"


def test_a_change_within_the_noise_is_called_that() -> None:
    same = replace(BEFORE, sampled_accuracy=0.04)
    text = verdict(a_snapshot([fake_step(1, 2)], replace(SUMMARY, after=same)))
    assert "the interval of the change includes zero" in text


def run_with(objective: Any) -> RunDescription:
    """A run's config.json with this objective, as far as its sentence goes."""
    return a_description(config={"objective": objective}, objective="as it is written")


def test_the_objective_in_words() -> None:
    made = objective.Objective(
        advantage=objective.LeaveOneOut(),
        ratio=objective.SequenceRatio(),
        surrogate=objective.Clip(0.0003, 0.0004),
        weight=objective.PerConstant(256),
        kl=objective.KL(0.04),
    )
    assert objective_in_words(run_with(to_json(made))) == (
        "Each reward counts by its distance from the mean of the others in its group; one ratio for"
        " each whole completion; clipped to 0.9997–1.0004; all tokens weigh the same, over a"
        " constant length; KL penalty 0.04 in the loss, k3."
    )


def test_parts_of_a_users_own_are_told_without_loading_their_file() -> None:
    parts = {
        "type": "Objective",
        "advantage": {"type": "gone.py:mine", "k": 2},
        "surrogate": {"function": "gone.py:steep"},
        "kl": {"type": "gone.py:Pull", "coef": 0.1},
    }
    assert objective_in_words(run_with(parts)) == (
        "mine(k=2); one ratio for each token; steep; all tokens weigh the same;"
        " KL penalty Pull(coef=0.1)."
    )


@pytest.mark.parametrize(
    "parts",
    [
        None,
        {"type": "gone.py:Loss"},
        {"type": "Objective", "advantage": {"type": "NoSuchPart"}},
        {"type": "Objective", "advantage": {"type": "ZScore"}, "ratios": {}},
        {"type": "Objective", "advantage": {"type": "ZScore", "ddof": "x"}},
        {"type": "Objective"},
    ],
    ids=["none", "another loss", "a part of another version", "a key", "a value", "nothing in it"],
)
def test_an_objective_that_cannot_be_read_is_shown_as_it_is_written(parts: Any) -> None:
    assert objective_in_words(run_with(parts)) == "as it is written"
    assert objective_in_words(a_description()) == ""


def finished(before: float, after: float, **changes: Any) -> str:
    """The verdict on a run with these sampled accuracies of 500 problems, ±4 points."""
    summary = a_summary(before=a_measurement(before), after=a_measurement(after), **changes)
    return verdict(a_snapshot([a_step()], summary))


def test_a_finished_run_is_judged_by_what_was_measured() -> None:
    # 0.2 against 0.7, each ±0.04: the change is 0.5 ± 0.057.
    assert finished(0.2, 0.7, seconds=588.0) == (
        f"Sampled accuracy on 500 held-out problems went from 20.0{THIN}% to 70.0{THIN}%"
        f" (95{THIN}% interval 66.0–74.0{THIN}%) in 9.8 minutes."
    )
    assert f"fell from 70.0{THIN}% to 20.0{THIN}%" in finished(0.7, 0.2)
    # 0.05 below is within ±0.057.
    assert f"went from 25.0{THIN}% to 20.0{THIN}%" in finished(0.25, 0.2)


def test_greedy_accuracy_stands_in_where_nothing_was_sampled() -> None:
    sides = [replace(side, sampled_accuracy=math.nan) for side in (BEFORE, AFTER)]
    summary = replace(SUMMARY, before=sides[0], after=sides[1])
    assert verdict(a_snapshot([a_step()], summary)).startswith(
        f"Greedy accuracy on 500 held-out problems went from 4.6{THIN}% to 85.8{THIN}%"
    )


def test_a_run_on_pairs_is_judged_by_their_order() -> None:
    summary = a_summary(before=some_pairs(0.5), after=some_pairs(0.9))
    assert verdict(a_snapshot([a_step()], summary)) == (
        f"300 held-out pairs: the share in order went from 50.0{THIN}% to 90.0{THIN}% (95{THIN}% "
        f"interval 85.0–95.0{THIN}%) in 1 step; the longer one wins 60.0{THIN}% of them."
    )


def test_a_finished_run_without_measurements_says_so() -> None:
    assert verdict(a_snapshot([a_step()], a_summary())) == (
        "Finished 1 step; nothing was measured before and after."
    )


@pytest.mark.parametrize(
    ("summary", "begins"),
    [
        (None, "Not finished: 12 steps in 83 seconds so far; the share"),
        (a_summary(finished=False), "Not finished: 12 steps in 83 seconds so far; the share"),
        (a_summary(finished=False, interrupted=True), "Interrupted after 12 steps in 83 seconds;"),
        (a_summary(finished=False, stopped="E: x"), "Stopped after 12 steps in 83 seconds; the"),
    ],
)
def test_a_run_that_is_not_finished_is_judged_by_its_training_answers(summary, begins) -> None:
    # 6.9 s a step; the first five have a mean of 0.3, the last five of 1.0.
    steps = [a_step(step=s, accuracy=min(1.0, s / 10)) for s in range(1, 13)]
    for step in range(8, 11):
        steps[step - 1] = replace(steps[step - 1], accuracy=1.0)
    text = verdict(a_snapshot(steps, summary))
    assert text.startswith(begins)
    assert text.endswith(
        f"training completions went from 30.0{THIN}% in the first 5 steps to 100.0{THIN}% in the"
        " last 5."
    )


def test_the_first_steps_of_a_run_are_few_to_compare() -> None:
    assert verdict(a_snapshot()) == "No step has been finished yet."
    assert verdict(a_snapshot([a_step()])) == "Not finished: 1 step in 7 seconds so far."
    two = [a_step(step=1, accuracy=0.25), a_step(step=2, accuracy=0.5)]
    assert verdict(a_snapshot(two)).endswith(
        f"went from 25.0{THIN}% in the first step to 50.0{THIN}% in the last."
    )


def test_steps_are_named_with_a_space_that_does_not_break() -> None:
    found = Diagnosis("x", 1031, 1046, False, "", "", "", "")
    assert span_of_steps(found) == f"steps{THIN}1,031–1,046"
    assert span_of_steps(replace(found, last=1031)) == f"step{THIN}1,031"
