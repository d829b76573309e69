"""Weights & Biases. Its own variables hold: WANDB_MODE=offline, WANDB_PROJECT, WANDB_ENTITY, …"""

import os
from pathlib import Path

from .tracker import PROJECT, Completions, Figures, TrackedRun


class WandbTracker:
    """A run of Weights & Biases; sessions of one run of ours share it by its id."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`. Raises: wandb.errors.Error where nobody is logged in."""
        import wandb  # pyright: ignore[reportMissingImports]

        self._wandb, self._id = wandb, run.id
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.id,
            name=run.name,
            config={**run.config, "about": dict(run.about)},
            dir=run.place,
            resume="allow",
            # What this process prints is of no interest, and is nothing of the run's.
            settings=wandb.Settings(console="off", silent=True),
        )
        if self._run.settings.mode == "online":
            return f"is at {self._run.url}"
        return f"is kept offline; `wandb sync {Path(self._run.dir).parent}` sends it"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        self._run.log(dict(figures), step=step)

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`."""
        columns, rows = list(table.columns), [list(row) for row in table.rows]
        self._run.log({"completions": self._wandb.Table(columns=columns, data=rows)}, step=step)

    def report(self, page: Path, step: int) -> None:
        """Keep the report as an artifact of the type report."""
        kept = self._wandb.Artifact(f"report-{self._id}", type="report")
        kept.add_file(str(page))
        self._run.log_artifact(kept)

    def finish(self, state: str) -> None:
        """As `Tracker.finish`; only a run that is finished ends with success."""
        self._run.finish(exit_code=0 if state == "finished" else 1)
