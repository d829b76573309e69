"""The sections of a run's report, as plain values."""

from dataclasses import replace
from typing import Any

import pytest

from paceline.report.elements import Cell, Section, Spot, Stretch, Term
from paceline.report.run_sections import (
    RunSections,
    about_curves,
    config_sections,
    facts,
    footer,
    name_of,
    result,
    setup,
    strip,
    subject,
    terms_of,
)
from paceline.store.records import Share, StepRecord
from tests.helpers.fake_run import SUMMARY
from tests.helpers.records import a_measurement, a_step, a_summary, some_pairs
from tests.helpers.snapshots import a_snapshot

THIN = "\u202f"


def steps_of(count: int, **changes: Any) -> list[StepRecord]:
    """The steps of a run in which every round serves one of them."""
    return [a_step(step=s, round=s - 1, **changes) for s in range(1, count + 1)]


# Before and after


def test_a_row_has_both_values_their_intervals_and_the_change() -> None:
    found = result(a_snapshot(steps_of(1), SUMMARY))
    assert found.count == "500 held-out problems" and found.none == ""
    sampled, greedy, cut = found.rows
    assert (sampled.title, greedy.title, cut.title) == (
        "Sampled accuracy", "Greedy accuracy", "Cut by length",
    )  # fmt: skip
    assert sampled.before == Cell("Before", f"3.2{THIN}%", f"2.0–5.1{THIN}%")
    assert sampled.after == Cell("After", f"78.4{THIN}%", f"74.6–81.8{THIN}%")
    # 78.4 − 3.2 = 75.2; below it √(3.81² + 1.94²) = 4.3, above it √(3.39² + 1.22²) = 3.6
    assert sampled.change == Cell("Change", "+75.2", "+70.9 to +78.8")
    # Nothing has an interval that was not recorded.
    assert cut.before == Cell("Before", f"41.2{THIN}%") and cut.change == Cell("Change", "−40.8")


def test_pairs_have_their_order_beside_what_length_alone_would_reach() -> None:
    before = some_pairs(0.5, pair_margin=-0.25)
    after = some_pairs(0.9, pair_margin=1.5, calibration_error=0.031)
    found = result(a_snapshot(steps_of(1), a_summary(before=before, after=after)))
    assert found.count == "300 held-out rows"
    order, longer, margin, error = found.rows
    assert (order.title, longer.title) == ("Pairs in order", "The longer wins")
    assert order.after == Cell("After", f"90.0{THIN}%", f"85.0–95.0{THIN}%")
    assert longer.before == longer.after.__class__("Before", f"60.0{THIN}%")
    assert (margin.before, margin.after) == (Cell("Before", "−0.2500"), Cell("After", "1.5000"))
    assert margin.change == Cell("Change", "+1.7500")
    assert (error.title, error.before) == ("Calibration error", Cell("Before", "–"))


def test_the_way_of_sampling_is_explained_with_its_temperature() -> None:
    def told(config: Any) -> str:
        run = a_snapshot(steps_of(1), SUMMARY, described={"config": config})
        return result(run).rows[0].explained

    assert told({"evaluation": {"temperature": 0.7}}) == "drawn at temperature 0.7"
    assert told({}) == "drawn at random"


def test_what_was_measured_only_before_has_no_change() -> None:
    found = result(a_snapshot(steps_of(1), replace(SUMMARY, finished=False, after=None)))
    assert found.count == "Held-out problems"
    first = found.rows[0]
    assert (first.before.value, first.after.value, first.change.value) == (f"3.2{THIN}%", "–", "–")
    assert [spot.kind for spot in first.strip.spots] == ["before"]


def test_without_measurements_a_sentence_says_why() -> None:
    assert result(a_snapshot()).none == (
        "The table of before and after appears when the run has finished."
    )
    assert result(a_snapshot(steps_of(1), a_summary())).none.startswith("This run was not measured")


def test_a_strip_has_a_dot_for_each_value_and_the_way_between() -> None:
    both = strip(Share(0.1), Share(0.7, (0.6, 0.8)))
    assert list(both.stretches) == [Stretch("way", 0.1, 0.7), Stretch("range after", 0.6, 0.8)]
    assert list(both.spots) == [Spot("before", 0.1, 4.5), Spot("after", 0.7, 4.5)]
    one = strip(Share(0.1, (0.0, 0.2)), None)
    assert list(one.stretches) == [Stretch("range before", 0.0, 0.2)] and len(one.spots) == 1


# Facts


def test_the_facts_of_a_run_by_hand() -> None:
    steps = [
        a_step(step=s, round=(s - 1) // 2, tokens_per_second=v, memory_gb=m, seconds=30.0)
        for s, v, m in ((1, 400.0, 2.0), (2, 600.0, 3.5), (3, 1240.0, None))
    ]
    machine = {"device": "cpu", "dtype": "bfloat16", "cpus": 2}
    summary = a_summary(seconds=588.0)
    assert facts(a_snapshot(steps, summary, described={"machine": machine})) == (
        Term("Steps", "3"),
        Term("Updates a round", "1.5"),  # three steps on two rounds
        Term("Completions", "128"),  # 64 of each round, once
        Term("Time", "9.8 minutes"),
        Term("Speed, median", f"600{THIN}tokens/s"),
        Term("Memory, largest", f"3.5{THIN}GB"),
        Term("Device", "cpu, bfloat16"),
    )


def test_a_run_that_is_going_on_has_the_time_of_its_steps() -> None:
    steps = steps_of(3, seconds=30.0)
    stale = a_summary(finished=False, seconds=588.0)  # written before training
    assert Term("Time", "1.5 minutes") in facts(a_snapshot(steps, stale))
    assert facts(a_snapshot()) == (Term("Steps", "0"),)


# Words beside the sections


@pytest.mark.parametrize(
    ("count", "begins"),
    [
        (0, "The curves appear with the first step."),
        (9, "Every point is one step. Point at a curve"),
        (10, "Thin lines are single steps, thick ones and stacks the mean of 3 neighbours. Point"),
        # 1001 steps by twos are 501 points, of which a tenth is 50: odd, 51.
        (1001, "Every point stands for 2 steps, thick ones and stacks the mean of 51 neighbours."),
    ],
)
def test_the_way_to_read_the_curves(count: int, begins: str) -> None:
    assert about_curves(a_snapshot(steps_of(count))).startswith(begins)


def test_lines_that_could_not_be_read_are_told() -> None:
    told = about_curves(a_snapshot(steps_of(1), broken_lines=2))
    assert told.endswith(" 2 lines of metrics.jsonl could not be read.")


def test_the_head_names_task_model_and_objective_as_far_as_they_are_known() -> None:
    config = {"task": {"type": "Rows", "path": "q.csv"}, "model": {"path": "tiny"}}
    run = a_snapshot(described={"config": config, "objective": "MyLoss()"})
    assert subject(run) == (
        Term("Task", "q.csv"),
        Term("Model", "tiny"),
        Term("Objective", "MyLoss()"),
    )
    assert subject(a_snapshot()) == ()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("tiny", "tiny"),
        ({"type": "Rows", "path": "q.csv", "name": "mine"}, "mine"),
        ({"type": "Rows", "path": ""}, "Rows"),
        ({"name": 3}, ""),
        (None, ""),
    ],
)
def test_a_part_of_the_config_is_named_by_its_name_path_or_type(value: object, name: str) -> None:
    assert name_of(value) == name


def test_the_foot_says_when_and_by_which_version() -> None:
    config = {"started": "2026-11-21T04:10:00+00:00", "versions": {"paceline": "0.9"}}
    text = footer(a_snapshot(described=config))
    assert text.startswith("Run started 2026-11-21 04:10. Page written 2")
    assert text.endswith(" UTC by paceline 0.9.")
    assert footer(a_snapshot()).startswith("Page written ")


# The set-up


def test_single_values_of_the_config_stand_before_its_parts() -> None:
    config = {"optimizer": {"lr": 0.01}, "steps": 5, "reference": {}, "out": None}
    assert config_sections(config) == (
        Section("run", (Term("steps", "5"), Term("out", "none"))),
        Section("optimizer", (Term("lr", "0.01"),)),
    )


def test_nested_names_are_joined_by_dots_and_empty_parts_stay() -> None:
    value = {"a": {"b": {"c": [1, "é"]}, "d": {}}, "e": True, "f": "as it is"}
    assert terms_of(value) == (
        Term("a.b.c", '[1, "é"]'),
        Term("a.d", "{}"),
        Term("e", "true"),
        Term("f", "as it is"),
    )


@pytest.mark.parametrize("name", ["api_key", "token", "HUB.TOKEN", "my-secret", "x.password"])
def test_a_secret_is_not_shown(name: str) -> None:
    assert terms_of({name: "sk-very-secret"}) == (Term(name, "•••"),)


@pytest.mark.parametrize("name", ["max_tokens", "tokens", "keyboard", "keyed"])
def test_a_name_that_only_looks_like_one_is_shown(name: str) -> None:
    assert terms_of({name: "48"}) == (Term(name, "48"),)


def test_the_setup_has_versions_and_machine_where_they_are_recorded() -> None:
    config = {
        "command": "paceline train tiny",
        "objective": "Objective()",
        "versions": {"torch": "2.13.0"},
        "config": {"steps": 5},
    }
    found = setup(a_snapshot(described=config))
    assert (found.command, found.objective) == ("paceline train tiny", "Objective()")
    assert found.sections == (Section("Versions", (Term("torch", "2.13.0"),)),)
    assert found.config == (Section("run", (Term("steps", "5"),)),)
    assert setup(a_snapshot()).command == ""


def test_all_sections_are_of_one_run() -> None:
    run = a_snapshot(steps_of(2), a_summary(before=a_measurement(0.1), after=a_measurement(0.3)))
    constant = [Term("KL", "none")]
    made = RunSections.of(run, [], constant)
    assert made.result == result(run) and made.facts == facts(run) and made.setup == setup(run)
    assert made.constant == tuple(constant) and made.charts == ()
    assert made.result.rows[0].change.value == "+20.0"
