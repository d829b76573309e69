"""SwanLab. Its own variables hold: SWANLAB_MODE=offline, SWANLAB_PROJ_NAME, SWANLAB_API_KEY, …"""

import os
from html import escape
from pathlib import Path
from typing import Any

from .tracker import PROJECT, Completions, Figures, TrackedRun

STATES = {"finished": "success", "interrupted": "aborted"}
"""State of a run -> its name at SwanLab; all others crashed."""


class SwanlabTracker:
    """An experiment of SwanLab; sessions of one run share it by its id."""

    def start(self, run: TrackedRun, sent: int) -> str:
        """As `Tracker.start`. Raises: an error of swanlab's where nobody is logged in."""
        import swanlab  # pyright: ignore[reportMissingImports]

        self._swanlab = swanlab
        self._run: Any = swanlab.init(
            project=os.environ.get("SWANLAB_PROJ_NAME", PROJECT),
            id=run.id,
            name=run.name,
            config=run.settings,
            log_dir=str(run.place),
            resume="allow",
        )
        if self._run.mode == "online":
            return f"is at {self._run.url}"
        return f"is kept offline; `swanlab sync {self._run.dir}` sends it"

    def log(self, figures: Figures, step: int) -> None:
        """As `Tracker.log`."""
        self._run.log(dict(figures), step=step)

    def completions(self, table: Completions, step: int) -> None:
        """As `Tracker.completions`; cells are shown as HTML there, so they are escaped."""
        shown = self._swanlab.echarts.Table()
        rows = [[escape(f"{cell}") for cell in row] for row in table.rows]
        shown.add(list(table.columns), rows)
        self._run.log({"completions": shown}, step=step)

    def report(self, page: Path, step: int) -> None:
        """Keep the report as a page of the last step."""
        html = self._swanlab.Html(page.read_text(encoding="utf-8"))
        self._run.log({"report": html}, step=step)

    def finish(self, state: str) -> None:
        """As `Tracker.finish`."""
        self._run.finish(STATES.get(state, "crashed"))
