"""The process that follows a run for a tracker, with tools that break in every way."""

import json
import time
from threading import Event, Thread

import pytest
from filelock import FileLock

from paceline.companion import Companion
from paceline.run.trackers import SERVE
from paceline.store.run import Run
from paceline.tracking import process
from paceline.tracking.follower import Follower
from paceline.tracking.process import Patience, follow
from tests.helpers.broken_tools import breaks
from tests.helpers.fake_run import fake_run
from tests.helpers.kept_tracker import KeptTracker
from tests.helpers.waiting import until


@pytest.fixture
def followed(tmp_path):
    """Starts the process for a run; returns it with what it has said."""
    folder = fake_run(tmp_path / "run", 3, of=3)
    begun = []

    def start():
        said = []
        begun.append(Companion(SERVE, [str(folder), "tensorboard"], said.append))
        return begun[-1], said

    yield folder, start
    for beside in begun:
        beside.kill()


def kinds(said):
    return [json.loads(line)["kind"] for line in said]


def test_it_says_where_the_run_is_seen_and_that_it_is_over(followed, tmp_path, monkeypatch):
    folder, start = followed
    breaks(tmp_path / "tool", monkeypatch)
    beside, said = start()
    until(lambda: said)
    beside.close()
    assert beside.ends_within(60)
    assert kinds(said) == ["place", "over"]
    log = (folder / "trackers/tensorboard.log").read_text()
    assert "a tool that talks" in log and "on all channels" in log


@pytest.mark.parametrize("moment", ["opens", "logs", "closes"])
def test_what_a_tool_raises_is_told_in_a_sentence(followed, tmp_path, monkeypatch, moment):
    folder, start = followed
    breaks(tmp_path / "tool", monkeypatch, **{moment: "raise ValueError('no such\\nproject')"})
    beside, said = start()
    beside.close()
    assert beside.ends_within(60)
    note = [json.loads(line)["text"] for line in said if "note" in line][-1]
    assert "left out from here on (ValueError: no such project)" in note
    assert f"`paceline track {folder} tensorboard` sends the rest" in note
    assert "Traceback" in (folder / "trackers/tensorboard.log").read_text()


def test_two_sessions_do_not_send_at_once(followed, tmp_path, monkeypatch):
    """The process of a run that has just ended may still send, when the run is resumed."""
    folder, start = followed
    opened = tmp_path / "opened"
    breaks(tmp_path / "tool", monkeypatch, opens=f"open({str(opened)!r}, 'w')")
    (folder / "trackers").mkdir()
    with FileLock(folder / "trackers/tensorboard.lock"):
        second, said = start()
        until(lambda: (folder / "trackers/tensorboard.log").exists())
        second.close()
        assert not second.ends_within(1.0) and not opened.exists()
    assert second.ends_within(60)
    assert kinds(said) == ["place", "over"] and opened.exists()


def test_a_run_that_takes_no_step_is_opened_nowhere(followed, tmp_path, monkeypatch):
    folder, start = followed
    (folder / "metrics.jsonl").unlink()
    breaks(tmp_path / "tool", monkeypatch, opens="raise AssertionError('opened')")
    beside, said = start()
    beside.close()
    assert beside.ends_within(60)
    assert kinds(said) == ["over"]


class Noted(list):
    """What a process has said: (kind, text) of each."""

    def __call__(self, kind, text=""):
        self.append((kind, text))

    def of(self, kind):
        return [text for one, text in self if one == kind]


def following(tracker, folder, over, say):
    follower = Follower(Run(folder), "kept", tracker)
    thread = Thread(target=follow, args=(follower, over, say))
    thread.start()
    return thread


def test_a_tool_that_does_not_answer_is_told_once_and_gets_the_rest_when_it_does(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(process, "LATE_SECONDS", 0.2)
    go, over, said = Event(), Event(), Noted()

    class Slow(KeptTracker):
        def log(self, figures, step):
            go.wait()
            super().log(figures, step)

    tracker = Slow()
    thread = following(tracker, fake_run(tmp_path / "run", 3, of=3), over, said)
    until(lambda: len(said) == 2)
    time.sleep(0.5)
    assert [kind for kind, _ in said] == ["place", "note"]
    assert said.of("note") == ["has not answered for 0 s; the run goes on without it."]
    over.set()
    go.set()
    thread.join()
    assert tracker.sent("train") == [1, 2, 3]


def test_a_tool_that_answers_slowly_but_steadily_is_not_late(tmp_path):
    follower = Follower(Run(fake_run(tmp_path / "run", 3, of=3)), "kept", KeptTracker())
    follower.start()
    patience = Patience(follower, Noted())
    most = process.LATE_SECONDS
    with patience:
        begun = time.monotonic()
        assert not patience.late(begun + most / 2) and patience.late(begun + 2 * most)
        follower.look()  # something was sent: the time counts from when that is seen
        assert not patience.late(begun + 2 * most) and not patience.late(begun + 2.9 * most)
        assert patience.late(begun + 3.1 * most)
    assert not patience.late(begun + 9 * most)  # nothing is asked of it


def test_a_tool_that_fails_for_a_while_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PAUSES", (0.01,))
    monkeypatch.setattr(process, "LOOK_SECONDS", 0.01)
    over, said = Event(), Noted()
    tracker = KeptTracker(fails_at=2, fails=3)
    thread = following(tracker, fake_run(tmp_path / "run", 4, of=4), over, said)
    until(lambda: tracker.sent("train") == [1, 2, 3, 4])
    over.set()
    thread.join()
    assert said.of("note") == ["failed (ConnectionError: the server has gone); it is tried again."]
    assert tracker.calls[-1] == ("finish", "finished")


def test_a_tool_that_still_fails_at_the_end_sends_what_it_has_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PAUSES", (0.01,))
    over, said = Event(), Noted()
    tracker = KeptTracker(fails_at=2)
    follower = Follower(Run(fake_run(tmp_path / "run", 4, of=4)), "kept", tracker)
    over.set()
    with pytest.raises(ConnectionError):
        follow(follower, over, said)
    assert tracker.sent("train") == [1] and tracker.calls[-1] == ("finish", "stopped")
