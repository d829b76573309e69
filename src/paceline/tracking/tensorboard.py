"""TensorBoard, through tensorboardX, which writes its files without TensorFlow and torch."""

import json
from collections.abc import Sequence
from pathlib import Path

from .tracker import Completions, Figures, TrackedRun


class TensorboardTracker:
    """Event files that TensorBoard shows, in the run's own folder."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`; what an earlier session wrote of steps behind `sent` goes."""
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

        self._writer = SummaryWriter(str(run.place), purge_step=sent + 1 if sent else None)
        text = json.dumps(run.settings, ensure_ascii=False, indent=2)
        self._writer.add_text("config", "\n".join(f"    {row}" for row in text.splitlines()), sent)
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


MARKDOWN = str.maketrans({letter: f"&#{ord(letter)};" for letter in "\\`*_[]()!~#|<>&\"'"})
"""Letters that mean something to Markdown or HTML -> their entities."""


def _row(cells: Sequence[object]) -> str:
    """A row of a table in Markdown. A cell is shown as it is: nothing in it formats, links, loads
    or ends the row."""
    made = (f"{cell}".translate(MARKDOWN) for cell in cells)
    return f"| {' | '.join('<br>'.join(cell.splitlines()) for cell in made)} |"
