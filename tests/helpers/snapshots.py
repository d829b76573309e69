"""Snapshots of runs, for whoever shows them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paceline.store.base import Json
from paceline.store.description import RunDescription
from paceline.store.records import StepRecord, Summary
from paceline.store.snapshot import RunSnapshot


def a_description(**fields: Any) -> RunDescription:
    """A run's config.json with these keys."""
    return RunDescription.from_json({"name": "x", "config": {}, **fields})


def a_snapshot(
    steps: Iterable[StepRecord] = (),
    summary: Summary | None = None,
    described: Json | None = None,
    **changes: Any,
) -> RunSnapshot:
    """A run of these steps; without a summary it is still going on.

    Args:
        described: keys of its config.json.
    """
    made = {"folder": Path("runs/x"), "summary": summary, "metrics": tuple(steps)}
    return RunSnapshot(description=a_description(**(described or {})), **(made | changes))
