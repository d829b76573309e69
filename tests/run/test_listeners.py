"""Listeners that every run has: its files, and its diagnostics."""

import pytest

from paceline.run.listeners import Diagnostics, Listener, RunFiles
from paceline.store.records import Event
from paceline.store.run import Run
from tests.helpers.quiet_runs import a_run, after
from tests.helpers.records import a_measurement, a_step


class Steps(Listener):
    """A listener that hears of steps alone."""

    def __init__(self):
        self.heard = []

    def step(self, record, round):
        self.heard.append(record.step)


def test_a_listener_hears_only_what_it_asks_for():
    listener = Steps()
    listener.begins(None)
    listener.earlier_step(a_step(step=1))
    listener.evaluated("before training", a_measurement(0.5))
    listener.event(Event.now("note", 1))
    listener.step(a_step(step=2), None)
    assert listener.heard == [2]


def test_steps_and_events_become_lines(tmp_path):
    run = Run(tmp_path)
    files = RunFiles(run)
    for step in (1, 2):
        files.step(a_step(step=step, reasons={"é": 1}), None)
    event = Event.now("note", 2, "in words")
    files.event(event)
    assert list(run.records()) == [a_step(step=s, reasons={"é": 1}) for s in (1, 2)]
    assert list(run.event_records()) == [event]
    assert files.metrics_bytes == run.lines.stat().st_size


def test_a_session_that_goes_on_counts_from_where_the_last_one_stopped(tmp_path):
    first = RunFiles(Run(tmp_path))
    first.step(a_step(step=1), None)
    second = RunFiles(Run(tmp_path), first.metrics_bytes)
    second.step(a_step(step=2), None)
    assert second.metrics_bytes == Run(tmp_path).lines.stat().st_size


def test_a_diagnosis_is_told_when_it_begins():
    told = []
    listener = Diagnostics(told.append)
    listener.begins(None)
    for step in a_run(30, repeated_mistakes=after(3, 0.9, 0.0)):
        listener.step(step, None)
        assert len(told) == (step.step >= 8)
    assert told[0].startswith("one answer fits all: in the last 5 rounds 90 % of the completions")


def told_after(earlier, later):
    """What is told of the steps of a second session."""
    told = []
    listener = Diagnostics(told.append)
    for step in earlier:
        listener.earlier_step(step)
    for step in later:
        listener.step(step, None)
    return told


def test_what_an_earlier_session_told_is_known_and_not_told_again():
    steps = a_run(40, groups_without_signal=after(10, 8, 2))
    assert told_after(steps[:20], steps[20:]) == []  # it was told at step 19
    assert len(told_after([], steps[20:])) == 1
    repeated = a_run(40, repeated_mistakes=after(20, 0.9, 0.0))
    assert len(told_after(repeated[:20], repeated[20:])) == 1  # the first round was another


@pytest.mark.parametrize("measured", [True, False])
def test_the_accuracy_before_training_is_one_to_compare_with(measured):
    told = []
    listener = Diagnostics(told.append)
    listener.begins(a_measurement(0.10) if measured else None)
    steps = a_run(30, reward=lambda r: r / 30, accuracy=lambda r: r / 30)
    steps[-1] = steps[-1].evaluated(a_measurement(0.08))
    for step in steps:
        listener.step(step, None)
    assert [text.partition(":")[0] for text in told] == (
        ["reward ahead of held-out accuracy"] if measured else []
    )
