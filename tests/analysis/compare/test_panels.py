"""The curves of a comparison: means over seeds, with a band around them."""

from dataclasses import replace

import pytest

from paceline.analysis.compare import panels as panels_module
from paceline.analysis.compare.kl import ESTIMATOR, KL_FILE
from paceline.analysis.compare.panels import drawn, held_out, kl_to_start, panels
from paceline.store.comparison import KlPoint, KlRecord
from tests.helpers.comparisons import a_record
from tests.helpers.fake_run import write_lines
from tests.helpers.records import a_step


def write_steps(run, norms, **changes):
    write_lines(run.lines, [
        a_step(step=i + 1, grad_norm=norm, **changes) for i, norm in enumerate(norms)
    ])  # fmt: skip


def write_kl(run, points):
    found = tuple(KlPoint(step=step, kl=kl, tokens=9) for step, kl in points.items())
    run.write_json(KL_FILE, KlRecord(of=ESTIMATOR, points=found).to_json())


def test_held_out_accuracy_is_drawn_with_the_intervals_of_its_means(runs):
    data = a_record(runs)
    panel = held_out(data)
    assert panel.steps == (0, 2, 4)
    series = dict(panel.chart.plot.series)
    # Means of three seeds: (0 + 0.1 + 0) / 3, (0.6 + 0.6 + 0.6) / 3, (0.8 + 0.72 + 0.73) / 3.
    assert series["gspo"] == pytest.approx([0.1 / 3, 0.6, 0.75])
    low, high = panel.chart.plot.bands[1]
    curve = data.objectives["gspo"].curve
    assert (low, high) == (list(curve.low), list(curve.high))


def test_a_step_at_which_a_label_was_not_measured_is_a_gap_in_its_curve(runs):
    data = a_record(runs)
    curve = data.objectives["gspo"].curve
    short = replace(curve, **{
        name: (getattr(curve, name)[0], getattr(curve, name)[2])
        for name in ("steps", "samples", "mean", "low", "high", "per_seed")
    })  # fmt: skip
    gspo = replace(data.objectives["gspo"], curve=short)
    panel = held_out(replace(data, objectives={**data.objectives, "gspo": gspo}))
    series = dict(panel.chart.plot.series)
    assert series["gspo"][1] is None and None not in series["grpo"]
    assert panel.chart.plot.connect


def test_kl_is_drawn_where_all_runs_were_measured_with_the_range_of_the_seeds(runs):
    for of in runs.values():
        for seed, run in of.items():
            assert kl_to_start(runs) == []  # some are not measured yet
            write_kl(run, {0: 0.0, 2: 0.1 * (seed + 1), 4 + seed: 0.5})
    (panel,) = kl_to_start(runs)
    assert panel.steps == (0, 2)  # the last point is at another step in each seed
    assert dict(panel.chart.plot.series)["grpo"] == pytest.approx([0.0, 0.2])
    low, high = panel.chart.plot.bands[0]
    assert (low, high) == (pytest.approx([0.0, 0.1]), pytest.approx([0.0, 0.3]))


def test_a_single_common_point_is_no_curve(runs):
    for of in runs.values():
        for seed, run in of.items():
            write_kl(run, {0: 0.0, 1 + seed: 0.1})
    assert kl_to_start(runs) == []


def test_metrics_that_never_changed_in_any_run_are_told_and_not_drawn(runs):
    found, constant = panels(runs)
    assert found == []
    told = {term.name: term.text for term in constant}
    assert told["Reward"] == "0.5" and told["Training accuracy"] == "50\u202f%"
    assert "Groups without signal" not in told


def test_metrics_that_changed_alike_in_all_runs_are_told(runs):
    for of in runs.values():
        for run in of.values():
            write_steps(run, [1.0, 2.0, 3.0, 4.0])
    found, constant = panels(runs)
    assert found == []
    told = {term.name: term.text for term in constant}
    assert told["Gradient norm"] == "from 1 to 4, step by step the same"


def test_a_metric_is_drawn_as_the_mean_and_range_of_the_seeds(runs):
    one = {"grpo": {0: runs["grpo"][0], 1: runs["grpo"][1]}}
    write_steps(one["grpo"][0], [1.0, 2.0, None])
    write_steps(one["grpo"][1], [3.0, 2.0])
    (panel,), _ = panels(one)
    assert (panel.chart.title, panel.steps) == ("Gradient norm", (1, 2, 3))
    # The shorter run has no third step, and the longer one no norm there.
    assert panel.chart.plot.series == [("grpo", [2.0, 2.0, None])]
    assert panel.chart.plot.bands == [([1.0, 2.0, None], [3.0, 2.0, None])]
    assert "Bad:" not in panel.chart.text


def test_a_long_run_is_drawn_by_bins_of_steps(runs, monkeypatch):
    monkeypatch.setattr(panels_module, "MOST_POINTS", 2)
    one = {"grpo": {0: runs["grpo"][0]}, "gspo": {0: runs["gspo"][0]}}
    write_steps(one["grpo"][0], [1.0, 2.0, 3.0, 4.0, 9.0])
    write_steps(one["gspo"][0], [1.0, 2.0, 3.0])
    (panel,), _ = panels(one)
    assert panel.steps == (3, 5)
    # The largest norm of steps 1 to 3, and of 4 and 5.
    assert panel.chart.plot.series == [("grpo", [3.0, 9.0]), ("gspo", [3.0, None])]


def test_figures_with_the_same_steps_share_them(runs):
    accuracy = held_out(a_record(runs))
    other = replace(accuracy, steps=(1, 2))
    sets = drawn([accuracy, other, accuracy])
    assert [(one.steps, len(one.charts)) for one in sets] == [((0, 2, 4), 2), ((1, 2), 1)]
