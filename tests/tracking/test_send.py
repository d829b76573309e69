"""Sending a run to a tracker afterwards."""

import pytest
from filelock import FileLock

from paceline.errors import ConfigError
from paceline.preflight.trackers import PACKAGES
from paceline.store.run import Run
from paceline.tracking import track
from tests.helpers.fake_run import fake_run
from tests.helpers.kept_tracker import KeptTracker


@pytest.fixture
def kept(monkeypatch):
    tracker = KeptTracker()
    monkeypatch.setattr("paceline.tracking.send.make_tracker", lambda name: tracker)
    monkeypatch.setitem(PACKAGES, "wandb", "json")
    return tracker


def test_a_run_that_was_trained_without_it_is_sent_whole_and_once(tmp_path, kept):
    folder, said = fake_run(tmp_path / "run", 3, of=3), []
    track(folder, "wandb", said.append)
    assert said == ["wandb is kept in memory"]
    assert kept.sent("train") == [1, 2, 3] and kept.calls[-1] == ("finish", "finished")
    track(folder, "wandb", said.append)
    assert kept.sent("train") == [1, 2, 3]


def test_a_tracker_that_fails_is_a_sentence(tmp_path, kept):
    kept.fails_at = 2
    with pytest.raises(ConfigError, match=r"wandb failed \(ConnectionError: the server has gone\)"):
        track(fake_run(tmp_path / "run", 3, of=3), "wandb")


def test_what_cannot_be_sent_is_told_first(tmp_path, kept, monkeypatch):
    with pytest.raises(ConfigError, match="not a run directory"):
        track(tmp_path, "wandb")
    folder = fake_run(tmp_path / "run", 3, of=3)
    (folder / "trackers").mkdir()
    with (
        FileLock(folder / "trackers/wandb.lock"),
        pytest.raises(ConfigError, match="is being sent to wandb by another process"),
    ):
        track(folder, "wandb")
    monkeypatch.setitem(PACKAGES, "wandb", "no_such_module")
    with pytest.raises(
        ConfigError, match="wandb needs no_such_module, which is not installed: pip install"
    ):
        track(folder, "wandb")
    monkeypatch.setitem(PACKAGES, "wandb", "json")
    with Run(folder)._lock, pytest.raises(ConfigError, match="is still going on; its own trackers"):
        track(folder, "wandb")
    assert kept.calls == []
