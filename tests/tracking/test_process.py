"""The process that follows a run for a tracker, with tools that break in every way."""

import json
import time
from threading import Event, Thread

import pytest

from paceline.companion import Companion
from paceline.run.trackers import SERVE
from paceline.store.run import Run
from paceline.tracking.follower import Follower
from paceline.tracking.process import follow
from tests.helpers.broken_tools import breaks, hangs_until
from tests.helpers.fake_run import fake_run
from tests.helpers.kept_tracker import KeptTracker


@pytest.fixture
def followed(tmp_path):
    """Starts the process for a run; returns it with what it has said."""
    folder = fake_run(tmp_path / "run", 3, of=3)
    begun = []

    def start():
        said = []
        process = Companion(SERVE, [str(folder), "tensorboard"], said.append)
        begun.append(process)
        return process, said

    yield folder, start
    for process in begun:
        process.kill()


def kinds(said):
    return [json.loads(line)["kind"] for line in said]


def until(true):
    while not true():
        time.sleep(0.02)


def test_it_says_where_the_run_is_seen_and_that_it_is_over(followed, tmp_path, monkeypatch):
    folder, start = followed
    breaks(tmp_path / "tool", monkeypatch)
    process, said = start()
    until(lambda: said)
    process.close()
    assert process.ends_within(60)
    until(lambda: len(said) == 2)
    assert kinds(said) == ["place", "over"]
    log = (folder / "trackers/tensorboard.log").read_text()
    assert "a tool that talks" in log and "on all channels" in log


@pytest.mark.parametrize("moment", ["opens", "logs", "closes"])
def test_what_a_tool_raises_is_told_in_a_sentence(followed, tmp_path, monkeypatch, moment):
    folder, start = followed
    breaks(tmp_path / "tool", monkeypatch, **{moment: "raise ValueError('no such\\nproject')"})
    process, said = start()
    process.close()
    assert process.ends_within(60)
    until(lambda: "over" in kinds(said))
    note = json.loads(said[kinds(said).index("note")])["text"]
    assert "left out from here on (ValueError: no such project)" in note
    assert f"`paceline track {folder} tensorboard` sends the rest" in note
    assert "Traceback" in (folder / "trackers/tensorboard.log").read_text()


def test_two_sessions_do_not_send_at_once(followed, tmp_path, monkeypatch):
    """The process of a run that has just ended may still send, when the run is resumed."""
    _, start = followed
    breaks(tmp_path / "tool", monkeypatch, closes=hangs_until(tmp_path / "go"))
    first, of_first = start()
    until(lambda: of_first)
    first.close()
    second, of_second = start()
    second.close()
    assert not second.ends_within(1.0) and not of_second
    (tmp_path / "go").touch()
    assert first.ends_within(60) and second.ends_within(60)
    assert kinds(of_second) == ["place", "over"]


def test_a_tool_that_does_not_answer_is_told_once_and_gets_the_rest_when_it_does(tmp_path):
    folder = fake_run(tmp_path / "run", 3, of=3)
    go, over, said = Event(), Event(), []

    class Slow(KeptTracker):
        def log(self, figures, step):
            go.wait()
            super().log(figures, step)

    tracker = Slow()
    follower = Follower(Run(folder), "kept", tracker)
    work = (follower, over, lambda kind, text="": said.append((kind, text)), 0.05)
    thread = Thread(target=follow, args=work)
    thread.start()
    until(lambda: len(said) == 2)
    time.sleep(0.3)
    assert [kind for kind, _ in said] == ["place", "note"]
    assert said[1][1] == "has not answered for 0 s; the run goes on without it."
    over.set()
    go.set()
    thread.join()
    assert tracker.sent("train") == [1, 2, 3]
