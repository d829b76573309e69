"""How long the runs of a comparison will take."""

import pytest

from paceline.analysis.compare.arms import Arm
from paceline.analysis.compare.forecast import time_for
from paceline.analysis.compare.planned import planned
from paceline.recipes import tiny


@pytest.mark.parametrize(("jobs", "steps"), [(1, 45), (2, 25), (3, 20), (8, 20)])
def test_a_run_begun_counts_with_what_is_left_of_it(tmp_path, jobs, steps):
    short, long = Arm("short", tiny().with_(steps=10)), Arm("long", tiny().with_(steps=20))
    begun, last, *others = planned([short], range(3), tmp_path)
    begun.path.mkdir(parents=True)
    begun.run.lines.write_text('{"step": 1}\n' * 5)
    left = [begun, *planned([long], [0], tmp_path), last, *others]  # 5 steps, 20, 10, 10
    assert time_for(left, jobs, 1.5) == 1.5 * steps


def test_nothing_left_takes_no_time():
    assert time_for([], 2, 1.0) == 0
