"""A run sent to a real tracker in two sessions, each in a process of its own."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from paceline.store.run import Run
from tests.helpers.fake_run import SUMMARY, fake_run, fake_step, write_rows, write_summary
from tests.helpers.fake_run import rollout_rows as rows


def sent_in_two_sessions(folder: Path, tracker: str, **variables: str) -> tuple[str, str]:
    """Make a run of 12 steps that is sent after the 5th and at its end; returns what was said."""
    fake_run(folder, 5, of=12, finished=False)
    write_summary(folder, replace(SUMMARY, finished=False, after=None, steps=5))
    first = track(folder, tracker, variables)
    for step in range(6, 13):
        write_rows(folder / f"rollouts/round-{step:06d}.parquet", rows(step, 12, 2, 4))
        Run(folder).append_metrics(fake_step(step, 12).to_json())
    write_summary(folder, replace(SUMMARY, steps=12))
    (folder / "report.html").write_text("<p>the report</p>")
    return first, track(folder, tracker, variables)


def track(folder: Path, tracker: str, variables: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "paceline.cli", "track", str(folder), tracker],
        capture_output=True, text=True, cwd=folder.parent, env=os.environ | variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
