"""Weights & Biases, offline, read back from its own files."""

import json
from collections import defaultdict

import pytest

from tests.helpers.tracked_runs import sent_in_two_sessions
from tests.helpers.tracker_files import wandb_records

pytest.importorskip("wandb")


def test_a_run_of_two_sessions_is_one_run_with_all_that_it_has(tmp_path):
    folder = tmp_path / "demo"
    said = sent_in_two_sessions(folder, "wandb", WANDB_MODE="offline", WANDB_PROJECT="mine")
    assert all("wandb is kept offline; `wandb sync " in one for one in said)
    records = wandb_records(folder / "trackers/wandb")
    runs = [record.run for record in records if record.HasField("run")]
    assert len(runs) == 2 and len({run.run_id for run in runs}) == 1
    assert {(run.project, run.display_name) for run in runs} == {("mine", "demo")}
    config = {one.key: json.loads(one.value_json) for one in runs[0].config.update}
    assert config["steps"] == 12 and config["optimizer"]["lr"] > 0
    assert config["about"]["objective"].startswith("Objective(")

    history = defaultdict(dict)
    for record in records:
        if record.HasField("history"):
            row = {
                one.key or "/".join(one.nested_key): one.value_json for one in record.history.item
            }
            history[int(row["step"])] |= row
    assert sorted(history) == list(range(13))
    for step in range(1, 13):
        assert 0 <= float(history[step]["train/accuracy"]) <= 1
        assert history[step]["completions/nrows"] == ("8" if step < 6 else "4")
    assert all("eval/sampled_accuracy" in history[step] for step in (0, 10, 12))
    tables = sorted(folder.glob("trackers/wandb/wandb/*/files/media/table/*.json"))
    first = json.loads(tables[0].read_text())
    assert first["columns"][:3] == ["prompt", "answer", "completion"]
    artifacts = [record.artifact for record in records if record.HasField("artifact")]
    (report,) = (one for one in artifacts if one.type == "report")
    assert [entry.path for entry in report.manifest.contents] == ["report.html"]
    exits = [record.exit.exit_code for record in records if record.HasField("exit")]
    assert exits == [1, 0]  # the first session did not see its end
