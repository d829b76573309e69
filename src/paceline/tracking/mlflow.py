"""MLflow. Its own variables hold: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, …"""

import os
import time
from pathlib import Path

from ..store.history import flat
from .tracker import PROJECT, Completions, Figures, TrackedRun

TAG = "paceline.run"
"""The tag by which a later session finds the run."""
MOST_METRICS, MOST_PARAMS = 1000, 100
"""Numbers of metrics and of parameters that a server takes at once."""
MOST_CHARACTERS = 500
"""Longest value of a parameter that every version of the server takes."""
STATES = {"finished": "FINISHED", "interrupted": "KILLED"}
"""State of a run -> its name at MLflow; all others failed."""


class MlflowTracker:
    """A run of an MLflow experiment."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`."""
        from mlflow import MlflowClient, get_tracking_uri  # pyright: ignore[reportMissingImports]
        from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]

        self._client, self._metric = MlflowClient(), Metric
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name)
        found = self._client.search_runs([experiment], f"tags.`{TAG}` = '{run.id}'")
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
        else:
            tags = {TAG: run.id, **run.about}
            made = self._client.create_run(experiment, run_name=run.name, tags=tags)
            self._id = made.info.run_id
            params = [Param(key, f"{v}"[:MOST_CHARACTERS]) for key, v in flat(run.config).items()]
            for at in range(0, len(params), MOST_PARAMS):
                self._client.log_batch(self._id, params=params[at : at + MOST_PARAMS])
        for place, change in enumerate(run.changes):
            self._client.set_tag(self._id, f"change {place + 1}", change)
        return f"is run {self._id} of experiment {name} at {get_tracking_uri()}"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        now = int(1000 * time.time())
        found = [self._metric(name, value, now, step) for name, value in figures.items()]
        for at in range(0, len(found), MOST_METRICS):
            self._client.log_batch(self._id, metrics=found[at : at + MOST_METRICS])

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`: a table a step, as an artifact."""
        # In the form of MLflow's tables; `log_table` would keep a list of all of them in one tag,
        # which has room for some hundred.
        data = {"columns": list(table.columns), "data": [list(row) for row in table.rows]}
        self._client.log_dict(self._id, data, f"completions/step-{step:06d}.json")

    def report(self, page: Path, step: int) -> None:
        """Keep the report as an artifact."""
        self._client.log_artifact(self._id, str(page))

    def finish(self, state: str) -> None:
        """As `Tracker.finish`."""
        self._client.set_terminated(self._id, STATES.get(state, "FAILED"))
