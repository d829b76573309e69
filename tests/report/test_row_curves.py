"""The curves of a run on rows that bring their completions."""

from paceline.report.curves import charts
from paceline.report.elements import Dot
from paceline.report.row_curves import likelihood, pair_accuracy, pair_rewards
from tests.helpers.records import a_given_step, a_pair_step, a_summary, some_pairs
from tests.helpers.snapshots import a_snapshot


def steps(**changes):
    return [
        a_pair_step(step=1, pair_accuracy=0.5, chosen_reward=0.0, rejected_reward=0.0, **changes),
        a_pair_step(step=2, pair_accuracy=0.8, chosen_reward=-0.1, rejected_reward=-0.9, **changes),
    ]


def test_pairs_have_their_accuracy_with_every_held_out_measurement() -> None:
    run = a_snapshot(steps(), a_summary(before=some_pairs(0.5), after=some_pairs(0.75)))
    plot = pair_accuracy(run).plot
    assert plot.series == (("training", [0.5, 0.8]),) and plot.unit == "percent"
    assert plot.dots == (Dot(0, 0.5, "held out", 0.45, 0.55), Dot(2, 0.75, "held out", 0.7, 0.8))


def test_both_rewards_are_drawn_apart_and_a_fall_is_no_fault() -> None:
    chart = pair_rewards(a_snapshot(steps(nll=1.0)))
    assert chart.plot.series == (("preferred", [0.0, -0.1]), ("the other", [0.0, -0.9]))
    assert "usually falls, and that is no fault" in chart.text
    scores = pair_rewards(a_snapshot(steps(nll=None)))
    assert "the level is free" in scores.text and "falls" not in scores.text


def test_a_run_on_pairs_has_these_curves_first() -> None:
    found = [chart.plot.id for chart in charts(a_snapshot(steps(nll=1.0)))[0]]
    assert found[:3] == ["pair_accuracy", "pair_rewards", "nll"]
    assert "pair_accuracy" not in [
        chart.plot.id for chart in charts(a_snapshot([a_given_step(), a_given_step(step=2)]))[0]
    ]


def test_the_likelihood_of_rows_is_drawn_by_step() -> None:
    made = [a_given_step(step=s, nll=1.0 / s) for s in (1, 2)]
    plot = likelihood(a_snapshot(made)).plot
    assert plot.series == (("training", [1.0, 0.5]),) and plot.dots == ()
