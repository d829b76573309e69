"""The trackers by name."""

from typing import get_args

from paceline.preflight.trackers import PACKAGES
from paceline.settings import TrackerName
from paceline.tracking.trackers import make_tracker


def test_each_name_that_a_config_takes_has_its_own_tracker_and_package():
    names = get_args(TrackerName)
    made = [type(make_tracker(name)).__name__.removesuffix("Tracker").lower() for name in names]
    assert made == list(names)
    assert tuple(PACKAGES) == names
