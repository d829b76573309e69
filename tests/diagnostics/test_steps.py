"""A step's figures as the rules read them, and the test of a clear rise."""

import pytest

from paceline.diagnostics.steps import Figures, clearly_rose
from tests.helpers.records import a_measurement, a_step


def test_the_figures_of_a_step_are_its_records():
    step = a_step(
        step=7, round=3, part=1, reward=0.41, accuracy=0.38, completion_tokens=112.0,
        repeated_mistakes=0.1, entropy=0.61, kl=None, ratio_max=1.9, clip_fraction=0.03,
        evaluation=a_measurement(0.5, n=200),
    )  # fmt: skip
    assert Figures.of(step, None) == Figures(
        step=7, round=3, begins=True, part=1, reward=0.41, accuracy=0.38, answered=0.38,
        length=112.0, silent=0.25, repeated=0.1, entropy=0.61, kl=None, ratio=1.9, clipped=0.03,
        heldout=0.5, problems=200,
    )  # fmt: skip
    unmeasured = Figures.of(a_step(), None)
    assert (unmeasured.heldout, unmeasured.problems) == (None, None)


def test_a_round_begins_where_its_number_changes():
    first = Figures.of(a_step(round=3, part=2), None)
    assert first.begins
    assert not Figures.of(a_step(round=3, part=0), first).begins
    assert Figures.of(a_step(round=4, part=3), first).begins


def test_before_the_first_step_there_is_only_the_measurement():
    start = Figures.at_start(a_measurement(0.1, n=300))
    assert (start.step, start.round, start.begins, start.part) == (0, None, True, 0)
    assert (start.heldout, start.problems, start.reward, start.silent) == (0.1, 300, None, None)
    assert Figures.of(a_step(round=0), start).begins


def test_groups_that_were_refused_for_having_no_signal_count_as_such():
    # rollouts.accept=signal keeps 4 groups with signal and sets 12 without aside.
    kept = {"groups": 4, "groups_without_signal": 0}
    assert Figures.of(a_step(**kept), None).silent == 0.0
    assert Figures.of(a_step(**kept, groups_refused=12), None).silent == 0.75


@pytest.mark.parametrize(
    ("refused", "aside", "answered"),
    [
        (0, None, 0.5),
        (12, 1.0, 0.875),  # (4 · 0.5 + 12 · 1) / 16
        (4, None, 0.5),  # a line of an older version: half of the groups are known
        (5, None, None),
    ],
)
def test_refused_groups_count_with_their_answers(refused, aside, answered):
    step = a_step(groups=4, accuracy=0.5, groups_refused=refused, accuracy_refused=aside)
    assert Figures.of(step, None).answered == answered


def test_what_chance_may_do_is_no_rise():
    # Alternating by ±0.2: a mean of ten has a standard error of 0.067, their difference of 0.094.
    noisy = [0.3, 0.7] * 5
    assert clearly_rose([0.5] * 10, [0.6] * 10, 0.1)
    assert not clearly_rose(noisy, [r + 0.37 for r in noisy], 0.1)
    assert clearly_rose(noisy, [r + 0.38 for r in noisy], 0.1)
    assert clearly_rose([0.5], [0.7], 0.1)


def test_a_rise_of_exactly_so_much_is_one_and_less_is_none():
    assert clearly_rose([0.1] * 3, [0.3] * 3, 0.2)  # 0.3 − 0.1 is 0.19999999999999998 in binary
    assert not clearly_rose([0.1] * 3, [0.299] * 3, 0.2)
    assert not clearly_rose([0.5], [0.1], 0.1)


def test_more_standard_errors_ask_for_a_larger_rise():
    noisy = [0.3, 0.7] * 5
    late = [r + 0.4 for r in noisy]  # 4.24 standard errors of 0.0943
    assert clearly_rose(noisy, late, 0.1, 4) and not clearly_rose(noisy, late, 0.1, 5)
