"""MLflow with its database, read back by its own client."""

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.tracked_runs import sent_in_two_sessions

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

READ = """
import json
from mlflow import MlflowClient
client = MlflowClient()
experiment = client.get_experiment_by_name("mine")
(run,) = client.search_runs([experiment.experiment_id])
def history(name):
    return [m.step for m in client.get_metric_history(run.info.run_id, name)]
print(json.dumps({
    "name": run.info.run_name, "status": run.info.status, "params": run.data.params,
    "tags": run.data.tags, "steps": history("train/accuracy"),
    "measured": history("eval/sampled_accuracy"),
    "files": [one.path for one in client.list_artifacts(run.info.run_id)],
    "tables": [one.path for one in client.list_artifacts(run.info.run_id, "completions")],
}))
"""


def test_a_run_of_two_sessions_is_one_run_with_all_that_it_has(tmp_path):
    folder = tmp_path / "demo"
    kept = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/kept.db", "MLFLOW_EXPERIMENT_NAME": "mine",
    }  # fmt: skip
    first, second = sent_in_two_sessions(folder, "mlflow", **kept)
    assert "of experiment mine at sqlite:///" in first and first == second
    done = subprocess.run(
        [sys.executable, "-c", READ], capture_output=True, text=True, env=os.environ | kept,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["name"], found["status"]) == ("demo", "FINISHED")
    assert found["steps"] == list(range(1, 13)) and found["measured"] == [0, 10, 12]
    assert found["params"]["optimizer.lr"] and found["params"]["steps"] == "12"
    assert found["tags"]["objective"].startswith("Objective(")
    assert "report.html" in found["files"] and len(found["tables"]) == 12


MANY = """
import os
from pathlib import Path
from paceline.tracking.mlflow import MlflowTracker
from paceline.tracking.tracker import Completions, TrackedRun
tracker = MlflowTracker()
tracker.start(TrackedRun("0" * 32, "many", {}, {}, [], None, Path("place")), 0)
for step in range(1, 201):
    tracker.completions(Completions(("prompt", "reward"), [("What is 2 + 3?", 1.0)]), step)
tables = tracker._client.list_artifacts(tracker._id, "completions")
assert len(tables) == 200, len(tables)
"""


def test_a_long_run_may_have_any_number_of_tables(tmp_path):
    """MLflow's own log_table keeps a list of them in one tag, which ends at some hundred."""
    kept = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/kept.db"}
    done = subprocess.run(
        [sys.executable, "-c", MANY], capture_output=True, text=True, env=os.environ | kept,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
