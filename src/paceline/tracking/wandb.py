"""Weights & Biases. Its own variables hold: WANDB_MODE=offline, WANDB_PROJECT, WANDB_ENTITY, …"""

import os
from pathlib import Path

from .tracker import PROJECT, Completions, Figures, TrackedRun

STEP = "step"
"""The figure that curves are drawn over."""


class WandbTracker:
    """A run of Weights & Biases; sessions of one run of ours share it by its id."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`. Raises: wandb.errors.Error where nobody is logged in."""
        import wandb  # pyright: ignore[reportMissingImports]

        self._wandb, self._id = wandb, run.id
        # What this process prints is nothing of the run's. The machine is looked at for the run's
        # own process; afterwards nothing of it is left to look at.
        settings = wandb.Settings(console="off", silent=True, x_disable_stats=run.pid is None)
        if run.pid is not None:
            settings.x_stats_pid = run.pid
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.id,
            name=run.name,
            config=run.settings,
            dir=run.place,
            resume="allow",
            settings=settings,
        )
        # A step is a figure like others: wandb's own count takes none that is below its last one,
        # as the last evaluation is, and steps that are taken again.
        self._run.define_metric(STEP, hidden=True)
        self._run.define_metric("*", step_metric=STEP)
        self._run.config.update({"changes": list(run.changes)}, allow_val_change=True)
        if self._run.settings.mode == "online":
            return f"is at {self._run.url}"
        return f"is kept offline; `wandb sync {run.place}/wandb/offline-run-*` sends it"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        self._run.log({**figures, STEP: step})

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`."""
        columns, rows = list(table.columns), [list(row) for row in table.rows]
        self._run.log({"completions": self._wandb.Table(columns=columns, data=rows), STEP: step})

    def report(self, page: Path, step: int) -> None:
        """Keep the report as an artifact of the type report."""
        kept = self._wandb.Artifact(f"report-{self._id}", type="report")
        kept.add_file(str(page))
        self._run.log_artifact(kept)

    def finish(self, state: str) -> None:
        """As `Tracker.finish`; only a run that is finished ends with success."""
        self._run.finish(exit_code=0 if state == "finished" else 1)
