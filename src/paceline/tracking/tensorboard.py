"""TensorBoard, through tensorboardX, which writes its files without TensorFlow and torch."""

import json
from html import escape
from pathlib import Path

from .tracker import Completions, Figures, TrackedRun


class TensorboardTracker:
    """Event files that TensorBoard shows, in the run's own folder."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`; steps that were sent by halves are purged."""
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

        self._writer = SummaryWriter(str(run.place), purge_step=sent + 1 if sent else None)
        if not sent:
            about = json.dumps({**run.about, **run.config}, ensure_ascii=False, indent=2)
            self._writer.add_text("config", "\n".join(f"    {row}" for row in about.splitlines()))
        return f"is seen with `tensorboard --logdir {run.place}`"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`, as a table in Markdown."""
        lines = [table.columns, ["---"] * len(table.columns), *table.rows]
        self._writer.add_text("completions", "\n".join(_row(line) for line in lines), step)

    def report(self, page: Path, step: int) -> None:
        """Name the report's file: TensorBoard shows no pages of others."""
        self._writer.add_text("report", f"`{page}`", step)

    def finish(self, state: str) -> None:
        """As `Tracker.finish`; TensorBoard has no states."""
        self._writer.close()


def _row(cells: object) -> str:
    """A row of a table in Markdown; what would part or format a cell is escaped."""
    assert isinstance(cells, list | tuple)
    made = (
        escape(f"{cell}").replace("\\", "&#92;").replace("|", "&#124;").replace("\n", "<br>")
        for cell in cells
    )
    return f"| {' | '.join(made)} |"
