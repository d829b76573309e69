"""SIGTERM and Ctrl-C: everything is left from which the run goes on, and the exit code says so."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from paceline.run import Run
from tests.faults.harness import FULL, is_tidy, left_by


def wait_for(there: Callable[[], bool]) -> None:
    """However long it takes; the limit of a test ends what never comes."""
    while not there():
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_any_moment(nursery, straight, tmp_path, number):
    chosen, code = random.Random(int(number)), 128 + number
    stopped = 0
    for i in range(50 if FULL else 5):
        out = tmp_path / str(i)
        got = nursery.killed(out, chosen.randrange(9), chosen.uniform(0.0, 2.0), number)
        assert got in (code, 0), got
        if got == code and out.exists():
            stopped += 1
            assert is_tidy(out)
        assert nursery.run(out) == 0
        assert left_by(out) == straight
    assert stopped


@pytest.mark.parametrize("place", ["sampling", "evaluation", "last"])
def test_what_is_left(nursery, straight, tmp_path, place):
    out, log = tmp_path / "r", tmp_path / "log"
    assert nursery.run(out, meddle={"signal_in": place}, log=str(log), quiet=False) == 143
    run = Run(out)
    step = {"sampling": 4, "evaluation": 4, "last": 10}[place]
    assert run.summary["interrupted"] and not run.summary["finished"]
    assert run.summary["steps"] == step and run.summary["after"] is None
    assert (run.model / "model.safetensors").is_file() and (out / "report.html").is_file()
    assert (run.checkpoints / f"step-{step:06d}").is_dir() and is_tidy(out)
    said = log.read_text()
    assert f"Stopped (Interrupted) after step {step}: saving." in said
    assert f"paceline resume {out}" in said
    # The line of a step whose evaluation was broken off is written by the next session.
    assert len(list(run.metrics())) == (step - 1 if place == "evaluation" else step)
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_a_second_signal_ends_it_at_once(nursery, straight, tmp_path):
    out = tmp_path / "r"
    pid = nursery.start(out, meddle={"slow_save": 10**6})
    # The save of step 3 has begun, or will in a moment, and lasts for days.
    wait_for(lambda: len(list(Run(out).metrics())) >= 3)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)  # passed on by whoever started it: the same one
    time.sleep(1.5)
    assert Path(f"/proc/{pid}").exists()
    os.kill(pid, signal.SIGTERM)
    assert nursery.wait() == 143
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_before_the_first_step_nothing_is_left(nursery, tmp_path):
    out = tmp_path / "r"
    assert nursery.run(out, meddle={"stop_at": [0]}) == 143
    assert not out.exists()


def test_a_run_in_use_is_refused(nursery, straight, tmp_path):
    from tests.faults.harness import Nursery

    out, log = tmp_path / "r", tmp_path / "log"
    pid = nursery.start(out, meddle={"slow_save": 10**6})
    wait_for(lambda: len(list(Run(out).metrics())) >= 3)
    with Nursery() as other:
        assert other.run(out, log=str(log)) == 2
    assert f"is in use by process {pid} on " in log.read_text()
    os.kill(pid, signal.SIGKILL)
    assert nursery.wait() == -signal.SIGKILL
    assert nursery.run(out) == 0
    assert left_by(out) == straight


def test_nobody_listening_is_no_reason_to_stop(nursery, straight, tmp_path):
    out = tmp_path / "r"
    assert nursery.run(out, meddle={"mute": True}, quiet=False) == 0
    assert left_by(out) == straight


def test_what_fails_on_the_way_out_does_not_hide_what_stopped_the_run(nursery, straight, tmp_path):
    out, log = tmp_path / "r", tmp_path / "log"
    meddle = {"no_report": True, "stop_after": 4}
    assert nursery.run(out, meddle=meddle, log=str(log), quiet=False) == 143
    assert "note: on the way out, ZeroDivisionError: in the report" in log.read_text()
    assert (out / "checkpoints" / "step-000004").is_dir()
    assert nursery.run(out) == 0
    assert left_by(out) == straight
