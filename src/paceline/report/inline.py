"""A run's report inside a notebook, below the cell that asks for it."""

from pathlib import Path

from ..store.run import Run
from ..store.snapshot import read_run
from . import page

FRAME = (
    '<iframe srcdoc="{{ page }}" sandbox="allow-scripts" width="100%" height="{{ height }}" '
    'style="border:1px solid #ccc"></iframe>'
)
"""Template of the frame; the page in it is escaped."""
HEIGHT = 720
"""Height of the frame, in pixels of CSS."""


class InlineReport:
    """A report that a notebook shows in a frame.

    The page is in the notebook itself, a few hundred kilobytes to some megabytes: no server is
    asked, so it is also seen where files of the machine are not, as on Colab. What a model wrote
    can reach nothing outside the frame.
    """

    def __init__(self, html: str, height: int) -> None:
        self.html, self.height = html, height

    def _repr_html_(self) -> str:
        from jinja2 import Environment  # only a page needs it

        frame = Environment(autoescape=True).from_string(FRAME)
        return frame.render(page=self.html, height=self.height)

    def __repr__(self) -> str:
        return "a report, which a notebook shows"


def show_report(run: Run | Path | str, height: int = HEIGHT) -> InlineReport:
    """The report of a run as its files are now, for the last line of a notebook's cell.

    Args:
        run: the run, or its directory.
        height: height of the frame, in pixels.

    Raises: ConfigError for a directory that is no run.

    Example: show_report(train(recipes.demo()))
    """
    folder = run.path if isinstance(run, Run) else Path(run)
    return InlineReport(page(read_run(folder)).html(), height)
