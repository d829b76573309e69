"""Trackio, read back from its own database."""

import os
import subprocess
import sys

import pytest

from tests.helpers.tracked_runs import sent_in_two_sessions

pytest.importorskip("trackio")

READ = """
import json
from trackio.sqlite_storage import SQLiteStorage as Storage
(name,) = Storage.get_runs("paceline")
logs = Storage.get_logs("paceline", name)
config = Storage.get_run_config("paceline", name)
print(json.dumps([name, config, logs], default=str))
"""


def test_a_run_of_two_sessions_is_one_run_with_all_that_it_has(tmp_path):
    import json

    folder, kept = tmp_path / "demo", {"TRACKIO_DIR": str(tmp_path / "kept")}
    said = sent_in_two_sessions(folder, "trackio", **kept)
    assert all("trackio is seen with `trackio show --project paceline`" in one for one in said)
    done = subprocess.run(
        [sys.executable, "-c", READ], capture_output=True, text=True, env=os.environ | kept
    )
    assert done.returncode == 0, done.stderr
    name, config, logs = json.loads(done.stdout.splitlines()[-1])
    assert name.startswith("demo-") and config["steps"] == 12
    steps = [row["step"] for row in logs if "train/accuracy" in row]
    assert steps == list(range(1, 13))
    assert [row["step"] for row in logs if "eval/sampled_accuracy" in row] == [0, 10, 12]
    assert [row["step"] for row in logs if "completions" in row] == steps
    assert any(path.read_text() == "<p>the report</p>" for path in blobs(tmp_path / "kept"))


def blobs(folder):
    return [path for path in folder.glob("artifacts/*/blobs/**/*") if path.is_file()]
