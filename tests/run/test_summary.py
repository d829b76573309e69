"""summary.json, at any point of a run."""

import time
from dataclasses import asdict

import pytest

from paceline.errors import Interrupted, RewardError
from paceline.run.summary import SummaryFile, in_words
from paceline.store.records import Event, Summary
from paceline.store.run import Run
from tests.helpers.made_tasks import config_of
from tests.helpers.records import a_measurement, a_step
from tests.helpers.trainers import trainer_of

CONFIG = config_of(evaluation={"problems": 7})


@pytest.fixture(scope="module")
def trainer():
    trainer = trainer_of()
    trainer.steps, trainer.rounds = 12, 6
    return trainer


def told(run: Run) -> Summary:
    """The summary that stands there."""
    assert run.outcome is not None
    return run.outcome


def test_a_run_that_goes_on_says_how_far_it_is(tmp_path, trainer):
    run, before = Run(tmp_path), a_measurement(0.1)
    SummaryFile(run, CONFIG, 0.0, before).write(trainer)
    found = told(run)
    assert (found.finished, found.interrupted, found.stopped) == (False, False, None)
    assert (found.steps, found.rounds, found.before, found.after) == (12, 6, before, None)
    assert found.evaluation == asdict(CONFIG.evaluation)


def test_a_run_that_is_finished_has_its_accuracy_after_training(tmp_path, trainer):
    SummaryFile(Run(tmp_path), CONFIG, 0.0).write(trainer, after=a_measurement(0.7), finished=True)
    found = told(Run(tmp_path))
    assert found.finished and found.after == a_measurement(0.7) and found.before is None


@pytest.mark.parametrize(
    ("error", "interrupted", "words"),
    [
        (Interrupted(2), True, "Interrupted: "),
        (KeyboardInterrupt(), True, "KeyboardInterrupt: "),
        (RewardError("It raised."), False, "RewardError: It raised."),
    ],
)
def test_what_stopped_a_run_is_told(tmp_path, trainer, error, interrupted, words):
    SummaryFile(Run(tmp_path), CONFIG, 0.0).write(trainer, error)
    found = told(Run(tmp_path))
    assert found.interrupted is interrupted and not found.finished
    assert found.stopped == in_words(error) and found.stopped.startswith(words)


def test_what_went_wrong_is_counted_from_the_runs_files(tmp_path, trainer):
    run = Run(tmp_path)
    run.append_metrics(a_step(step=1, groups_lost=2, skipped=True).to_json())
    for kind in ("resumed", "memory", "memory", "note"):
        run.append_event(Event.now(kind, 1))
    SummaryFile(run, CONFIG, 0.0).write(trainer)
    found = {name: count for name, count in told(run).counters.items() if count}
    assert found == {
        "groups_lost": 2, "steps_skipped": 1, "resumes": 1, "out_of_memory": 2,
        "groups_without_signal": 2,
    }  # fmt: skip


def test_seconds_of_earlier_sessions_are_added(tmp_path, trainer, monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 7.0)  # a clock that stands still
    summary = SummaryFile(Run(tmp_path), CONFIG, 5000.0)
    assert summary.seconds == 5000.0
    assert SummaryFile(Run(tmp_path), CONFIG, 99_000.0).seconds == 99_000.0
    monkeypatch.setattr(time, "perf_counter", lambda: 9.5)  # two seconds and a half later
    summary.write(trainer)
    assert told(Run(tmp_path)).seconds == 5002.5


def test_an_earlier_summary_counts_where_accuracy_was_measured_in_the_same_way(tmp_path, trainer):
    run = Run(tmp_path)
    assert SummaryFile(run, CONFIG, 0.0).earlier is None
    SummaryFile(run, CONFIG, 0.0, a_measurement(0.1)).write(trainer)
    earlier = SummaryFile(run, CONFIG.with_(steps=99), 0.0).earlier
    assert earlier is not None and earlier.before == a_measurement(0.1)
    assert SummaryFile(run, CONFIG.with_(evaluation={"problems": 8}), 0.0).earlier is None
