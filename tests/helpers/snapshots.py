"""Snapshots of runs, for whoever shows them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paceline.store.records import StepRecord, Summary
from paceline.store.snapshot import RunSnapshot


def a_snapshot(
    steps: Iterable[StepRecord] = (), summary: Summary | None = None, **changes: Any
) -> RunSnapshot:
    """A run of these steps; without a summary it is still going on."""
    made = {"folder": Path("runs/x"), "config": {"name": "x"}, "summary": summary}
    return RunSnapshot(**{"metrics": tuple(steps), **made, **changes})
