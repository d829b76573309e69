"""The process that makes one run of a comparison."""

import io
import json
from types import SimpleNamespace

import pytest

from paceline import config as configuration
from paceline.analysis.compare import worker
from paceline.analysis.compare.planned import Spec, planned
from paceline.analysis.compare.worker import _given_up
from paceline.recipes import tiny
from paceline.run import Run
from paceline.store.places import create_run
from tests.helpers.records import a_measurement


def test_a_run_without_a_checkpoint_is_made_again(tmp_path):
    begun = create_run(tmp_path / "begun")
    begun.write_json("config.json", {"config": {"save_every": 0}})
    begun.append_metrics({"step": 1})
    begun.release()
    assert _given_up(Run(tmp_path / "begun")) and not (tmp_path / "begun").exists()


def test_a_run_whose_checkpoints_are_all_broken_is_made_again(tmp_path):
    begun = create_run(tmp_path / "begun")
    begun.write_json("config.json", {"id": "1", "config": {"save_every": 4}})
    (begun.checkpoints / "step-000004").mkdir()
    begun.release()
    assert _given_up(Run(tmp_path / "begun")) and not (tmp_path / "begun").exists()


def test_a_finished_run_is_no_run_to_make_again(trained):
    run = trained[0].run
    assert not _given_up(run) and run.finished


@pytest.fixture
def ordered(monkeypatch):
    """Gives the process its order, and leaves out that it ends with its parent."""
    monkeypatch.setattr(worker, "_end_with_parent", lambda: None)

    def order(config, before=None) -> int:
        spec = Spec(config=configuration.to_json(config), before=before)
        line = json.dumps(spec.to_json()).encode() + b"\n"
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(line)))
        return worker.main()

    return order


def test_an_error_is_the_last_line_of_its_output_and_its_exit_code(ordered, tmp_path, capsys):
    config = tiny().with_(out=str(tmp_path / "r"), rollouts={"problems": 99})
    assert ordered(config) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("paceline: Task 'arithmetic' has 14 training problems, but a round")
    assert not (tmp_path / "r").exists()


def test_a_run_is_made_with_what_was_measured_before_it(ordered, trained, tmp_path):
    [one] = planned([trained[0].arm], [0], tmp_path)
    before = a_measurement(0.125, n=5)
    assert ordered(one.config, before) == 0
    assert one.state == "finished" and one.before == before


def test_a_finished_run_is_left_as_it_is(ordered, trained, capsys):
    lines = trained[0].run.lines.read_bytes()
    assert ordered(trained[0].config) == 0
    assert trained[0].run.lines.read_bytes() == lines
