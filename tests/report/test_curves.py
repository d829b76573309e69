"""The report's curves: their numbers, and what is said of them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from paceline.report.curves import (
    charts,
    curve_data,
    held_out,
    phases,
    reasons,
    window,
)
from paceline.report.elements import Chart, Dot, Term
from paceline.report.points import MOST_POINTS
from paceline.store.records import StepRecord, Summary
from tests.helpers.fake_run import SUMMARY, fake_step
from tests.helpers.records import a_measurement, a_step, a_summary
from tests.helpers.snapshots import a_snapshot

THIN = "\u202f"


def by_id(steps: Sequence[StepRecord], summary: Summary | None = None) -> dict[str, Chart]:
    """The charts of a run of these steps."""
    return {chart.plot.id: chart for chart in charts(a_snapshot(steps, summary))[0]}


def test_several_updates_a_round_draw_the_ratio() -> None:
    steps = [
        replace(fake_step(s, 40), round=(s + 1) // 2, ratio_max=1 + 0.1 * (s % 2))
        for s in range(1, 41)
    ]
    found, constant = charts(a_snapshot(steps))
    assert "ratio_max" in {chart.plot.id for chart in found}
    assert Term("Clip fraction", "No ratio left the clip’s range.", f"0{THIN}%") in constant
    stuck = [replace(step, ratio_max=1.0) for step in steps]
    sentences = {one.name: one.text for one in charts(a_snapshot(stuck))[1]}
    assert "the policy does not move" in sentences["Largest ratio"]


def test_groups_that_were_set_aside_are_in_the_curve_as_in_the_diagnosis() -> None:
    silent = {"groups": 8, "groups_without_signal": 3, "groups_refused": 60}
    steps = [replace(fake_step(s, 40), **silent) for s in range(1, 41)]
    constant = charts(a_snapshot(steps))[1]
    assert [one.value for one in constant if one.name == "Groups without signal"] == [
        f"93{THIN}%"  # 63 of 68
    ]


def test_long_runs_are_drawn_by_bins() -> None:
    run = a_snapshot([fake_step(s, 2500) for s in range(1, 2501)])
    data = curve_data(run, charts(run)[0])
    # 2500 steps by threes: 833 whole bins and one of a single step
    assert len(data.steps) == 834 <= MOST_POINTS and data.steps[-1] == 2500
    assert all(len(v) == 834 for plot in data.charts for _, v in plot.series)


def test_numbers_that_are_none_or_not_finite_leave_gaps() -> None:
    steps = [replace(fake_step(s, 20), grad_norm=1.0 + s, entropy=None) for s in range(1, 21)]
    steps[2] = StepRecord.from_json({**steps[2].to_json(), "grad_norm": float("nan")})
    found = by_id(steps)
    assert found["grad_norm"].plot.series[0][1][2] is None
    assert found["grad_norm"].note == "At 1 of 20 steps it was not a finite number."
    assert "entropy" not in found


def demo_that_learned(step: int) -> StepRecord:
    """Figures like those of a demo that learned: its entropy falls to 4 % while nine of ten answers
    get right, so that most groups have no signal in the end."""
    late = step > 20
    return replace(
        fake_step(step, 80),
        reward=0.9 if late else 0.045 * step,
        accuracy=0.9 if late else 0.045 * step,
        entropy=0.04 if late else 1.0 - 0.048 * step,
        groups_without_signal=7 if late and step % 10 else 3,
        cut=0.0 if late else 0.9 - 0.045 * step,
    )


def test_the_curves_of_a_run_that_learned_warn_of_nothing() -> None:
    found, _ = charts(a_snapshot([demo_that_learned(s) for s in range(1, 81)], SUMMARY))
    assert {"entropy", "no_signal", "cut"} <= {chart.plot.id for chart in found}
    assert [(chart.plot.id, chart.note) for chart in found if chart.note or chart.tone] == []


def test_the_curve_of_a_run_that_fell_points_to_its_diagnosis() -> None:
    steps = [demo_that_learned(s) for s in range(1, 81)]
    steps[40:] = [replace(step, accuracy=0.5) for step in steps[40:]]
    found = by_id(steps, SUMMARY)
    # Ten rounds of which k are at 0.5 have the mean 0.9 − 0.04 k: 15 points less from k = 4 on.
    assert found["entropy"].note == "Entropy collapse at steps\u202f44–80: see Diagnostics."
    assert found["entropy"].tone == "odd" and found["reward"].note == ""


def test_beside_a_critic_its_forecast_and_what_it_explains_are_drawn() -> None:
    assert not {"value", "explained_variance"} & set(by_id([fake_step(s, 9) for s in range(1, 10)]))
    steps = [
        replace(fake_step(s, 9), value=s / 10, value_target=0.5, explained_variance=s / 10 - 0.5)
        for s in range(1, 10)
    ]
    found = by_id(steps)
    forecast, target = found["value"].plot.series
    assert forecast[0] == "forecast" and forecast[1][2] == 0.3
    assert target == ("target", [0.5] * 9)
    assert found["explained_variance"].plot.series[0][1][0] == -0.4
    blind = [replace(step, explained_variance=0.0) for step in steps]
    told = {one.name: one.text for one in charts(a_snapshot(blind))[1]}
    assert "no reward is explained" in told["Explained variance"]


def test_before_the_first_step_there_is_no_curve() -> None:
    assert charts(a_snapshot()) == ([], [])
    assert curve_data(a_snapshot(), []).steps == []


def test_accuracy_that_is_never_above_zero_is_bad_and_no_other_is() -> None:
    nothing = by_id([a_step(step=s, accuracy=0.0) for s in (1, 2)])["accuracy"]
    assert nothing.note.startswith("No completion was right at any step") and nothing.tone == "bad"
    once = by_id([a_step(step=s, accuracy=(s - 1) / 64) for s in (1, 2)])["accuracy"]
    assert (once.note, once.tone) == ("", "")


def test_the_summarys_measurement_stands_for_that_of_the_last_step() -> None:
    steps = [
        a_step(step=5, evaluation=a_measurement(0.25)),
        a_step(step=6, evaluation=a_measurement(0.9)),
    ]
    before = replace(a_measurement(0.1), intervals={})
    summary = a_summary(before=before, after=a_measurement(0.5, greedy_accuracy=0.6))
    assert held_out(a_snapshot(steps, summary)) == [
        Dot(4, 0.1, "held out, sampled", None, None),
        Dot(4, 0.1, "held out, greedy", None, None),
        Dot(5, 0.25, "held out, sampled", 0.21, 0.29),
        Dot(5, 0.25, "held out, greedy", 0.21, 0.29),
        Dot(6, 0.5, "held out, sampled", 0.46, 0.54),
        Dot(6, 0.6, "held out, greedy", 0.46, 0.54),
    ]
    assert [dot.y for dot in held_out(a_snapshot(steps))] == [0.25, 0.25, 0.9, 0.9]


def test_a_metric_that_stands_still_for_three_steps_is_a_sentence_with_its_value() -> None:
    steps = [a_step(step=s, reward=s / 10, completion_tokens=1240.0) for s in (1, 2, 3)]
    constant = charts(a_snapshot(steps))[1]
    assert Term("Completion length", "The same at every step.", "1,240") in constant
    said = Term("Cut by length", "No completion met the length limit.", f"0{THIN}%")
    assert said in constant and "Reward" not in {one.name for one in constant}
    assert "completion_tokens" in by_id(steps[:2])  # two steps may be equal by chance
    cut = [replace(step, cut=1.0) for step in steps]
    assert ("Every completion met the length limit.", f"100{THIN}%") in {
        (one.text, one.value) for one in charts(a_snapshot(cut))[1]
    }


def test_without_a_kl_term_its_absence_is_said() -> None:
    steps = [a_step(step=s, kl=None) for s in (1, 2)]
    told = Term("KL", "The objective asks for none, so no reference is computed.", "none")
    assert charts(a_snapshot(steps))[1] == [told]
    assert charts(a_snapshot([a_step(step=s) for s in (1, 2)]))[1] == []


def test_a_limit_that_many_completions_met_lately_is_remarked_on() -> None:
    # The last quarter is steps 7 and 8.
    late = [a_step(step=s, cut=0.1 if s < 7 else 0.32) for s in range(1, 9)]
    chart = by_id(late)["cut"]
    assert chart.note == f"In the last quarter 32{THIN}% met the limit: a longer one may help."
    assert chart.tone == "bad"
    early = [a_step(step=s, cut=0.9 if s < 7 else 0.3) for s in range(1, 9)]
    assert by_id(early)["cut"].note == ""


def test_a_figure_with_a_far_outlier_gets_a_logarithmic_axis() -> None:
    # The median is 1: fifty times it is no outlier yet.
    for most, log in ((50.0, False), (51.0, True)):
        steps = [a_step(step=s, grad_norm=most if s == 3 else 1.0) for s in range(1, 6)]
        assert by_id(steps)["grad_norm"].plot.log is log
    steps = [a_step(step=s, grad_norm=(0.0, 1.0, 1.0, 99.0)[s]) for s in range(4)]
    assert by_id(steps)["grad_norm"].plot.log is False  # zero has no logarithm


def test_the_five_commonest_reasons_are_stacked_and_the_others_are_one() -> None:
    steps = [
        a_step(step=1, reasons={"a": 6, "b": 5, "c": 4, "d": 3, "": 2}),
        a_step(step=2, reasons={"e": 1, "a": 3}),
        a_step(step=3, reasons={}),
    ]
    (chart,) = reasons(a_snapshot(steps))
    assert chart.plot.stacked and list(chart.plot.series) == [
        ("a", [0.3, 0.75, 0.0]),
        ("b", [0.25, 0.0, 0.0]),
        ("c", [0.2, 0.0, 0.0]),
        ("d", [0.15, 0.0, 0.0]),
        ("(no reason)", [0.1, 0.0, 0.0]),
        ("other", [0.0, 0.25, 0.0]),
    ]
    few = reasons(a_snapshot(steps[:1]))[0].plot.series
    assert [name for name, _ in few] == ["a", "b", "c", "d", "(no reason)"]
    assert reasons(a_snapshot([a_step(reasons={})])) == []


def test_phases_are_stacked_with_the_longest_at_the_bottom() -> None:
    steps = [
        a_step(step=1, phases={"verify": 0.5, "sample": 2.0}),
        a_step(step=2, phases={"sample": 3.0, "keep": 1.0}),
    ]
    (chart,) = phases(a_snapshot(steps))
    assert chart.plot.series == (
        ("sample", [2.0, 3.0]),
        ("keep", [0.0, 1.0]),
        ("verify", [0.5, 0.0]),
    )
    assert chart.plot.stacked and chart.plot.unit == "seconds"
    assert phases(a_snapshot([a_step(phases={})])) == []


@pytest.mark.parametrize(
    ("points", "size"), [(0, 1), (9, 1), (10, 3), (59, 5), (60, 7), (1000, 101)]
)
def test_the_thick_line_is_the_mean_of_about_a_tenth_and_odd(points: int, size: int) -> None:
    assert window(points) == size
