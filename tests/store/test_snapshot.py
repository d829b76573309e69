"""The files of a run, read at whatever point it has reached."""

import json
from pathlib import Path

import pytest

from paceline.errors import ConfigError
from paceline.store.base import RecordError
from paceline.store.records import Event, StepRecord
from paceline.store.snapshot import RunSnapshot, read_run
from tests.helpers.fake_run import write_lines, write_summary
from tests.helpers.records import a_measurement, a_step, a_summary
from tests.helpers.snapshots import a_snapshot


def snapshot(*steps: StepRecord, **fields) -> RunSnapshot:
    return a_snapshot(steps, **fields)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"finished": False}, "going"),
        ({"finished": True}, "finished"),
        ({"finished": False, "interrupted": True, "stopped": "Interrupted: 15"}, "interrupted"),
        ({"finished": False, "stopped": "ValueError: x"}, "stopped"),
    ],
)
def test_a_run_says_what_it_is_doing(fields, state):
    assert snapshot(a_step(), summary=a_summary(**fields)).state == state


def test_before_anything_was_measured_a_run_is_going():
    begun = snapshot()
    assert begun.state == "going" and begun.before is begun.after is None
    assert (begun.steps, begun.updates_per_round, begun.completions) == ([], 1.0, 0)


def test_a_round_of_several_updates_is_counted_once():
    steps = [a_step(step=s + 1, round=s // 2, part=s % 2, completions=64) for s in range(5)]
    run = snapshot(*steps)
    # 5 steps over rounds 0, 1 and 2, the last not used up: 5/3; three times 64 completions.
    assert run.steps == [1, 2, 3, 4, 5] and run.updates_per_round == pytest.approx(5 / 3)
    assert run.completions == 192


def test_a_column_has_gaps_where_there_is_no_number():
    run = snapshot(a_step(kl=0.25), a_step(kl=None), a_step(kl=float("nan")))
    assert run.column(lambda step: step.kl) == [0.25, None, None]
    assert run.column(lambda step: step.rows) == [64, 64, 64]


def a_folder(folder: Path, steps: int = 3) -> Path:
    (folder / "config.json").write_text('{"config": {"steps": 8}, "name": "r"}')
    write_lines(folder / "metrics.jsonl", [a_step(step=s) for s in range(1, steps + 1)])
    return folder


def test_everything_is_read_from_the_files(tmp_path):
    run = a_folder(tmp_path)
    write_summary(run, a_summary(before=a_measurement(0.1), after=a_measurement(0.7)))
    write_lines(run / "events.jsonl", [Event(time="", kind="note", step=2, text="said")])
    read = read_run(run)
    assert read.folder == run and read.description.name == "r"
    assert read.description.steps == 8
    assert read.metrics == tuple(a_step(step=s) for s in (1, 2, 3)) and read.broken_lines == 0
    assert [event.text for event in read.events] == ["said"] and read.state == "finished"
    assert read.before == a_measurement(0.1) and read.after == a_measurement(0.7)


def test_a_run_that_has_only_begun_is_read(tmp_path):
    (tmp_path / "config.json").write_text('{"config": {}}')
    read = read_run(tmp_path)
    assert (read.metrics, read.summary, read.events) == ((), None, ())


def test_broken_lines_are_counted_but_for_a_last_one_that_is_being_written(tmp_path):
    lines = (a_folder(tmp_path) / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(f"not json\n[1]\n{lines}" + '{"step": 4, "ro')
    read = read_run(tmp_path)
    assert read.broken_lines == 2 and read.steps == [1, 2, 3]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    run = a_folder(tmp_path)
    (run / "summary.json").write_text(json.dumps({"finished": True}))
    with pytest.raises(RecordError, match=r"summary\.json' cannot be read by this version"):
        read_run(run)
    (run / "summary.json").unlink()
    (run / "metrics.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(RecordError, match=r"metrics\.jsonl', line 1, cannot be read"):
        read_run(run)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a run directory"):
        read_run(tmp_path)
