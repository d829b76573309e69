"""A run with trackers: whatever they do, it is the run without them."""

import json
import os

import pytest

from paceline.preflight.trackers import PACKAGES
from paceline.run import resume, trackers, train
from paceline.store.run import Run
from tests.helpers.broken_tools import breaks, hangs_until
from tests.helpers.runs import small


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return weights(train(small(tmp_path_factory.mktemp("plain") / "run"), quiet=True))


def weights(run):
    return (run.model / "model.safetensors").read_bytes()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine is no reason for a tracker to go on without its run."""
    monkeypatch.setattr(trackers, "END_SECONDS", 600.0)


@pytest.fixture
def steps_sent(tmp_path, monkeypatch):
    """Gives the steps that a tool was sent, in order."""
    seen = tmp_path / "seen"
    breaks(
        tmp_path / "tool", monkeypatch,
        logs=f"name == 'train/reward' and open({str(seen)!r}, 'a').write(f'{{step}} ')",
    )  # fmt: skip
    return lambda: seen.read_text().split()


def notes(run):
    return [event["text"] for event in run.events() if event["kind"] == "note"]


def tracked(out):
    return train(small(out, tracker=("tensorboard",)), quiet=True)


@pytest.mark.parametrize("moment", ["opens", "logs", "closes"])
def test_a_tracker_that_raises(tmp_path, monkeypatch, plain, moment):
    breaks(tmp_path / "tool", monkeypatch, **{moment: "raise OSError('unreachable')"})
    run = tracked(tmp_path / "run")
    assert weights(run) == plain
    *earlier, note = notes(run)
    assert note.startswith("tensorboard is left out from here on (OSError: unreachable)")
    again = "tensorboard failed (OSError: unreachable); it is tried again."
    assert earlier == ([again] if moment == "logs" and earlier else [])


def test_a_tracker_that_dies(tmp_path, monkeypatch, plain):
    breaks(tmp_path / "tool", monkeypatch, logs="os.kill(os.getpid(), 9)")
    run = tracked(tmp_path / "run")
    assert weights(run) == plain
    (note,) = notes(run)
    assert note.startswith("tensorboard is left out: its process ended by itself")


@pytest.mark.parametrize("moment", ["opens", "logs", "closes"])
def test_a_tracker_that_never_answers(tmp_path, monkeypatch, plain, moment, capsys):
    monkeypatch.setattr(trackers, "END_SECONDS", 0.2)
    monkeypatch.setattr(trackers, "QUIET_SECONDS", 0.1)
    breaks(tmp_path / "tool", monkeypatch, **{moment: hangs_until(tmp_path / "go")})
    run = train(small(tmp_path / "run", tracker=("tensorboard",)))
    (tmp_path / "go").touch()  # for its process, which would wait ten minutes
    assert weights(run) == plain
    told = "tensorboard takes long, and goes on without the run."
    assert told in capsys.readouterr().out and notes(run) == [told]


def test_one_that_is_not_installed(tmp_path, monkeypatch, plain, capsys):
    monkeypatch.setitem(PACKAGES, "tensorboard", "no_such_module")
    run = train(small(tmp_path / "run", tracker=("tensorboard",)))
    assert weights(run) == plain
    said = " ".join(capsys.readouterr().out.split())
    told = "not tracked by tensorboard, as no_such_module is not installed"
    assert said.count(told) == 1 and told in notes(run)[0]


def test_where_no_process_can_be_started(tmp_path, monkeypatch, plain):
    def refuse(*words, **more):
        raise OSError(12, os.strerror(12))

    monkeypatch.setattr(trackers, "Companion", refuse)
    run = tracked(tmp_path / "run")
    assert weights(run) == plain
    assert notes(run) == ["tensorboard could not be started (Cannot allocate memory)."]


def test_a_resumed_run_sends_on_from_where_it_was(tmp_path, steps_sent):
    config = small(tmp_path / "run", tracker=("tensorboard",), optimizer={"decay": "constant"})
    run = train(config, quiet=True)
    resume(run.path, config.with_(steps=5), quiet=True)
    assert steps_sent() == ["1", "2", "3", "4", "5"]
    sent = json.loads((run.path / "trackers/tensorboard.json").read_text())
    assert (sent["step"], sent["round"], sent["evaluation"]) == (5, 4, 5)


def test_one_that_is_added_at_a_resume_gets_the_run_from_its_beginning(tmp_path, steps_sent):
    config = small(tmp_path / "run", optimizer={"decay": "constant"})
    train(config, quiet=True)
    added = config.with_(steps=4, tracker=("tensorboard",))
    resume(tmp_path / "run", added, quiet=True)
    assert steps_sent() == ["1", "2", "3", "4"]
    assert Run(tmp_path / "run").finished


def test_a_run_that_comes_to_nothing_is_opened_nowhere_and_leaves_nothing(tmp_path, monkeypatch):
    opened = tmp_path / "opened"
    breaks(tmp_path / "tool", monkeypatch, opens=f"open({str(opened)!r}, 'w')")

    def fail(*words, **more):
        raise RuntimeError("before the first step")

    monkeypatch.setattr("paceline.training.Trainer.step", fail)
    with pytest.raises(RuntimeError, match="before the first step"):
        tracked(tmp_path / "run")
    assert not opened.exists() and not (tmp_path / "run").exists()
