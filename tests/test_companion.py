"""Processes beside a run."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from paceline.companion import Companion, begin_companion, wait_for_end_of_run


def obedient():
    """A process that says what it was told, and ends with the run."""
    pipe = begin_companion()
    print(*sys.argv[1:], os.nice(0), sys.stdin.read(), flush=True)
    wait_for_end_of_run(pipe)
    print("over", flush=True)


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
        return Companion(serve, arguments, heard.append, lambda: ended.append(1)), heard, ended

    return start


def until(true):
    while not true():
        time.sleep(0.02)


def test_it_has_the_lowest_priority_nothing_to_read_and_ends_with_the_run(started):
    beside, heard, ended = started("obedient", "two", "words")
    until(lambda: heard)
    assert heard == ["two words 19"]
    assert not beside.ends_within(0)
    beside.close()
    assert beside.ends_within(60)
    until(lambda: ended)
    assert heard[1:] == ["over"]


def test_a_signal_that_means_the_run_does_not_end_it_and_a_kill_does(started):
    beside, heard, ended = started("deaf")
    until(lambda: heard)
    os.kill(beside._process.pid, signal.SIGTERM)
    beside.close()
    assert not beside.ends_within(0.2)
    beside.kill()
    assert beside.ends_within(0)
    until(lambda: ended)
