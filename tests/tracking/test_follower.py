"""What a follower sends, and that it sends each thing once."""

import json

import pytest

from paceline.store.records import Event
from paceline.store.run import Run
from paceline.tracking.follower import Follower
from tests.helpers.fake_run import fake_run, fake_step, rollout_rows, write_rows
from tests.helpers.kept_tracker import KeptTracker


def followed(folder, tracker=None):
    tracker = tracker or KeptTracker()
    follower = Follower(Run(folder), "kept", tracker)
    follower.start()
    return follower, tracker


def append(folder, step, of=80):
    write_rows(folder / f"rollouts/round-{step:06d}.parquet", rollout_rows(step, of, 2, 4))
    Run(folder).append_metrics(fake_step(step, of).to_json())


def test_a_whole_run_is_sent_in_order(tmp_path):
    folder = fake_run(tmp_path / "run", 20, of=20)
    (folder / "report.html").write_text("<p>")
    follower, kept = followed(folder)
    follower.finish()
    assert kept.calls[0] == ("start", 0)
    assert kept.sent("train") == list(range(1, 21))
    # Before training, in the middle, in the last step's line; the summary's is of that step too.
    assert kept.sent("eval") == [0, 10, 20]
    assert kept.calls.index(("eval", 0)) < kept.calls.index(("train", 1))
    assert kept.sent("completions") == list(range(1, 21))
    assert kept.calls[-2:] == [("report", "report.html"), ("finish", "finished")]
    assert kept.run.name == "run" and kept.run.config["steps"] == 20
    assert kept.run.about["objective"].startswith("Objective(")
    assert len(kept.run.id) == 32 and kept.run.id.isalnum()


def test_a_run_that_goes_on_is_sent_step_by_step(tmp_path):
    folder = fake_run(tmp_path / "run", 2, of=80, finished=False)
    follower, kept = followed(folder)
    follower.look()
    follower.look()
    assert kept.sent("train") == [1, 2]
    append(folder, 3)
    follower.look()
    assert kept.sent("train") == [1, 2, 3]
    follower.finish()
    assert kept.calls[-1] == ("finish", "going") and not kept.sent("report")


def test_a_resumed_run_goes_on_where_the_tracker_is(tmp_path):
    """The steps behind the checkpoint are taken again, the same to the bit: they are not sent
    twice."""
    folder = fake_run(tmp_path / "run", 5, of=80, finished=False)
    followed(folder)[0].look()
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:3]))
    follower, kept = followed(folder)
    assert kept.calls == [("start", 5)]
    follower.look()
    for step in range(4, 8):
        append(folder, step)
        follower.look()
    assert kept.sent("train") == [6, 7] and kept.sent("completions") == [6, 7]


def test_after_an_error_nothing_is_sent_twice_and_nothing_is_left_out(tmp_path):
    folder = fake_run(tmp_path / "run", 6, of=6)
    follower, kept = followed(folder, KeptTracker(fails_at=4, fails=1))
    with pytest.raises(ConnectionError):
        follower.look()
    assert kept.sent("train") == [1, 2, 3] and kept.sent("completions") == [1, 2, 3, 4]
    follower.look()  # the same process tries again
    assert kept.sent("train") == kept.sent("completions") == [1, 2, 3, 4, 5, 6]


def test_a_process_that_ends_at_any_moment_has_noted_what_it_sent(tmp_path):
    folder = fake_run(tmp_path / "run", 6, of=6)
    follower, kept = followed(folder, KeptTracker(fails_at=4))
    with pytest.raises(ConnectionError):
        follower.look()
    noted = json.loads((folder / "trackers/kept.json").read_text())
    assert (noted["step"], noted["round"], noted["evaluation"]) == (3, 4, 0)
    follower, kept = followed(folder)
    follower.finish()
    assert kept.sent("train") == [4, 5, 6] and kept.sent("completions") == [5, 6]
    assert kept.sent("eval") == [6]


def changed_at(folder, step):
    """The run's description since a resume with another learning rate."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change = {"step": step, "keys": {"optimizer.lr": [1e-5, 2e-5]}}
    path.write_text(json.dumps(config | {"changes": [*config.get("changes", []), change]}))


def test_a_resume_that_changes_something_sends_its_steps_again(tmp_path):
    folder = fake_run(tmp_path / "run", 5, of=80, finished=False)
    followed(folder)[0].look()
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:3]))
    changed_at(folder, 3)
    follower, kept = followed(folder)
    assert kept.calls == [("start", 3)]
    assert kept.run.changes == ["after step 3: optimizer.lr is 2e-05, was 1e-05"]
    for step in (4, 5):
        append(folder, step)
    follower.look()
    assert kept.sent("train") == kept.sent("completions") == [4, 5]
    # It is known now, and no reason to go back once more.
    assert followed(folder)[1].calls == [("start", 5)]


def test_a_change_that_is_noted_while_the_tracker_is_open_is_seen(tmp_path):
    folder = fake_run(tmp_path / "run", 5, of=80, finished=False)
    follower, kept = followed(folder)
    follower.look()
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:3]))
    changed_at(folder, 3)
    append(folder, 4)
    follower.look()
    assert kept.sent("train") == [1, 2, 3, 4, 5, 4]


def test_a_round_of_several_steps_has_one_table_and_a_lost_one_none(tmp_path):
    folder = fake_run(tmp_path / "run", 3, of=3, finished=False)
    lines = [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]
    lines[1]["round"] = 1
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    (folder / "rollouts/round-000003.parquet").unlink()
    follower, kept = followed(folder)
    follower.look()
    assert kept.sent("train") == [1, 2, 3]
    assert kept.sent("completions") == [1]


def test_a_longer_run_has_its_new_end_measured(tmp_path):
    folder = fake_run(tmp_path / "run", 3, of=3)
    follower, kept = followed(folder)
    follower.finish()
    assert kept.sent("eval") == [0, 3]
    summary = json.loads((folder / "summary.json").read_text()) | {"steps": 5}
    for step in (4, 5):
        append(folder, step)
    (folder / "summary.json").write_text(json.dumps(summary))
    Run(folder).append_event(Event.now("resumed", 3))
    follower, kept = followed(folder)
    follower.finish()
    assert kept.sent("eval") == [5] and kept.sent("train") == [4, 5]
