"""The tables of a comparison's page."""

from dataclasses import replace

import pytest

from paceline.analysis.compare.tables import HUES, cost, diagnosed, hue_of, table
from paceline.report.elements import Spot, Stretch
from paceline.store.comparison import DiagnosisRecord
from tests.helpers.comparisons import a_record


def test_colours_start_again_with_another_look():
    assert [hue_of(place) for place in (0, 5, HUES, HUES + 1)] == [
        "hue0", "hue5", "hue0 again", "hue1 again",
    ]  # fmt: skip


def test_a_row_has_the_figures_of_its_label(runs):
    made = table(a_record(runs))
    assert "on 500 held-out problems" in made.caption
    # Half of the way from the start of all eight runs, 0.025, to the best mean, 0.75.
    assert made.heads[-2:] == ("Samples to 39\u202f%", "Time to 39\u202f%")
    grpo, gspo, rloo = made.rows
    assert [row.hue for row in made.rows] == ["hue0", "hue1", "hue2"]
    assert (gspo.seeds, rloo.seeds) == ("", "2 of 3 seeds")
    assert gspo.initial.value == "3.3\u202f%"
    cells = {cell.label: (cell.value, cell.small) for cell in gspo.cells}
    assert cells["Final"][0] == "75.0\u202f%" and cells["Δ"][0] == "+71.7"
    value, small = cells["Against grpo"]
    # Seeds differ by 0.2, 0.22 and 0.18: 20 ± 4.303 · 2 / √3.
    assert value == "+20.0" and small.startswith("+15.0 to +25.0, p 0.007")
    assert grpo.cells[2].value == "–" and grpo.cells[2].small == ""


def test_seeds_that_are_all_the_same_have_no_interval(runs):
    data = a_record(runs)
    gspo = "gspo"
    same = replace(data.objectives[gspo].final_accuracy, per_seed=(0.75, 0.75, 0.75))
    reached = replace(
        data.objectives[gspo].samples_to_threshold, mean=8.0, low=8.0, high=8.0, per_seed=(8.0, 8.0)
    )
    one = replace(
        data.objectives[gspo], final_accuracy=same, delta=same, samples_to_threshold=reached
    )
    row = table(replace(data, objectives={**data.objectives, gspo: one})).rows[1]
    small = {cell.label: cell.small for cell in row.cells}
    assert small["Final"] == small["Δ"] == small["Samples"] == "all seeds the same"


def test_a_strip_goes_from_the_start_to_the_end_with_every_seed_on_it(runs):
    strip = table(a_record(runs)).rows[1].strip
    way, span = strip.stretches
    assert way == Stretch("way", pytest.approx(0.1 / 3), pytest.approx(0.75))
    assert span.kind == "range hue1" and span.start < 0.75 < span.end
    before, *seeds = strip.spots
    assert before.kind == "before" and seeds == [Spot("seed", at, 2) for at in (0.8, 0.72, 0.73)]


def test_one_seed_has_no_interval(runs):
    one = table(a_record({label: {0: of[0]} for label, of in runs.items()}))
    assert one.rows[1].initial.small == "one seed" and len(one.rows[1].strip.stretches) == 1
    assert one.rows[1].cells[2].small == ""


def test_a_threshold_that_not_all_seeds_reach_is_counted(runs):
    data = a_record(runs)
    some = replace(data.objectives["gspo"].samples_to_threshold, mean=None, reached=1)
    gspo = replace(data.objectives["gspo"], samples_to_threshold=some)
    made = table(replace(data, objectives={"gspo": gspo}))
    cell = made.rows[0].cells[4]
    assert (cell.label, cell.value, cell.small) == ("Samples", "–", "1 of 3 seeds")
    assert table(replace(data, threshold=None)).heads[-2:] == ("Samples to –", "Time to –")


def test_diagnoses_stand_by_name_with_the_first_of_them(runs):
    def found(seed, name, first):
        return DiagnosisRecord(seed=seed, name=name, first=first, last=4, over=False,
                               finding=f"it fell at {first}", lately="", rule="",
                               remedy="Lower the rate.")  # fmt: skip

    data = a_record(runs)
    many = (found(0, "entropy collapse", 1203), found(2, "entropy collapse", 2))
    gspo = replace(data.objectives["gspo"], diagnoses=many)
    (row,) = diagnosed(replace(data, objectives={**data.objectives, "gspo": gspo}))
    assert (row.label, row.name, row.seeds) == ("gspo", "entropy collapse", "2 of 3 (seed 0, 2)")
    assert row.first == "Seed 0, step 1,203: it fell at 1203. Lower the rate."


def test_the_cost_is_the_mean_of_a_labels_runs_by_phase(runs):
    made = cost(a_record(runs), runs)
    # Four steps of 3 s of sampling and 3.9 s of update each; the longest phase comes first.
    assert made.phases == ("update", "sample")
    assert [row.label for row in made.rows] == ["grpo", "gspo", "rloo"]
    assert all(row.phases == ("15.6", "12") for row in made.rows)
    # Two rounds of 8 completions; rloo refused a group of 4 in each.
    assert [row.samples for row in made.rows] == ["16", "16", "24"]
    assert made.rows[0].training == "8 seconds"
