"""Seconds by phase, on a clock of numbers."""

import pytest

from paceline.training import clock as module
from paceline.training.clock import Clock


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """A clock whose time is 0, 1, 4, 9, … at each look."""
    looks = iter(n * n for n in range(100))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(looks))
    return Clock()


def test_seconds_of_a_phase_are_added_up(clock):
    with clock("sample"):
        pass
    with clock("update"):
        pass
    with clock("sample"):
        pass
    # From 0 to 1 and from 16 to 25; from 4 to 9.
    assert clock.seconds == {"sample": 1 + 9, "update": 5}


def test_a_phase_that_fails_is_counted_and_fails(clock):
    with pytest.raises(ValueError, match="at once"), clock("update"):
        raise ValueError("at once")
    assert clock.seconds == {"update": 1} and clock.phase == "update"


def test_a_watchdog_sees_signs_of_life(clock):
    assert (clock.phase, clock.ticks) == ("", 0)
    with clock("sample"):
        assert (clock.phase, clock.ticks) == ("sample", 1)
        clock.tick()
        assert clock.ticks == 2
    assert (clock.phase, clock.ticks) == ("sample", 2), "the last phase stays"
