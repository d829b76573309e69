"""Trackio, the local tracker of Hugging Face. Its own variables hold: TRACKIO_DIR,
TRACKIO_SPACE_ID, …"""

from pathlib import Path

from .tracker import PROJECT, Completions, Figures, TrackedRun


class TrackioTracker:
    """A run of Trackio, in its own database, where all runs of a project are seen together."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`."""
        import trackio  # pyright: ignore[reportMissingImports]

        self._trackio, self._id = trackio, run.id
        self._run = trackio.init(
            project=PROJECT,
            # Trackio knows runs by their names, and two of ours may have the same.
            name=f"{run.name}-{run.id[:6]}",
            config=run.settings,
            resume="allow",
            embed=False,
        )
        return f"is seen with `trackio show --project {PROJECT}`"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        self._run.log(dict(figures), step=step)

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`."""
        columns, rows = list(table.columns), [list(row) for row in table.rows]
        self._run.log({"completions": self._trackio.Table(columns=columns, data=rows)}, step=step)

    def report(self, page: Path, step: int) -> None:
        """Keep the report as an artifact of the type report."""
        kept = self._trackio.Artifact(f"report-{self._id}", type="report")
        kept.add_file(str(page))
        self._trackio.log_artifact(kept)

    def finish(self, state: str) -> None:
        """As `Tracker.finish`; Trackio has no states."""
        self._run.finish()
