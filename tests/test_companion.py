"""Processes beside a run."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from paceline.companion import Companion, begin_companion, wait_for_end_of_run
from tests.helpers.waiting import until


def obedient():
    """A process that says what it was told, and ends with the run."""
    pipe = begin_companion()
    print(*sys.argv[1:], os.nice(0), sys.stdin.read(), flush=True)
    group = Path("/proc/self/autogroup")
    print(group.read_text().split()[-1] if group.exists() else 19, flush=True)
    wait_for_end_of_run(pipe)
    print("over", flush=True)


def broken():
    """A process that raises."""
    begin_companion()
    raise ValueError("no such\nthing")


def deaf():
    """A process that never ends by itself."""
    begin_companion()
    print("begun", flush=True)
    while True:
        time.sleep(60)


@pytest.fixture
def started(monkeypatch):
    """Starts a process that calls a function of this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)

    def start(name, *arguments):
        heard, ended = [], []
        serve = f"tests.test_companion:{name}"
        return Companion(serve, arguments, heard.append, ended.append), heard, ended

    return start


def test_it_has_the_lowest_priority_nothing_to_read_and_ends_with_the_run(started):
    beside, heard, ended = started("obedient", "two", "words")
    until(lambda: len(heard) == 2)
    assert heard == ["two words 19", "19"]  # by itself, and its session among others
    assert not beside.ends_within(0)
    beside.close()
    assert beside.ends_within(60)
    assert heard[2:] == ["over"] and ended == [""]


def test_a_signal_that_means_the_run_does_not_end_it_and_a_kill_does(started):
    beside, heard, ended = started("deaf")
    until(lambda: heard)
    os.kill(beside._process.pid, signal.SIGTERM)
    beside.close()
    assert not beside.ends_within(0.2)
    beside.kill()
    assert beside.ends_within(0)
    until(lambda: ended)


def test_the_last_words_of_one_that_raises_are_heard(started):
    beside, heard, ended = started("broken")
    assert beside.ends_within(60)
    assert heard == [] and ended == ["thing"]


def test_files_of_the_user_s_folder_do_not_stand_in_for_modules(started, tmp_path, monkeypatch):
    for name in ("queue", "types", "signal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path)
    beside, heard, ended = started("obedient")
    beside.close()
    assert beside.ends_within(60)
    assert heard[-1] == "over" and ended == [""]
