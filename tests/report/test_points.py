"""The points of curves."""

from paceline.report.points import MOST_POINTS, bin_size, binned, measurements
from tests.helpers.records import a_measurement, a_step, a_summary
from tests.helpers.snapshots import a_snapshot


def test_points_have_five_digits_and_bins_skip_what_is_missing() -> None:
    assert binned([0.123456789, None, 123456.0]) == [0.12346, None, 123460.0]
    # 2001 values by threes: the first bin has 1 and 3, the last has nothing.
    values = [1.0, None, 3.0, *[5.0] * 1995, None, None, None]
    assert binned(values)[:2] == [2.0, 5.0] and binned(values)[-1] is None
    assert binned(values, max)[0] == 3.0 and len(binned(values)) == 667


def test_a_long_run_has_several_steps_a_point() -> None:
    assert [bin_size(n) for n in (1, MOST_POINTS, MOST_POINTS + 1, 2500)] == [1, 1, 2, 3]


def test_measurements_stand_at_the_steps_after_which_they_were_made() -> None:
    first, between, last = (a_measurement(x) for x in (0.1, 0.5, 0.9))
    steps = [a_step(step=1), a_step(step=2, evaluation=between), a_step(step=3, evaluation=between)]
    run = a_snapshot(steps, a_summary(before=first, after=last))
    # The one after the last step is the one after training.
    assert measurements(run) == [(0, first), (2, between), (3, last)]
