"""report.html: one self-contained page that shows what a training run did, down to the token."""

from pathlib import Path

from ..store.snapshot import RunSnapshot, read_run
from .curves import charts, curve_data
from .page import CHARTS, STATIC, TEMPLATES, TEXT, TOKENS, Page
from .rollouts import rollouts
from .run_sections import RunSections, footer, subject
from .sentences import verdict

LINKS = (
    ("result", "Result"), ("diagnostics", "Diagnostics"), ("curves", "Curves"),
    ("rollouts", "Rollouts"), ("history", "History"), ("setup", "Set-up"),
)  # fmt: skip
"""Sections of the page that its head links to: (anchor, title)."""


def write_report(run_dir: Path) -> Path:
    """Write run_dir/report.html and return its path; the run may still be going on.

    Raises ConfigError (a UserError) where the directory is no run.
    """
    return page(read_run(run_dir)).write(run_dir / "report.html")


def page(run: RunSnapshot) -> Page:
    """The whole page."""
    found, constant = charts(run)
    name = run.description.name or run.folder.name
    return Page(
        template=TEMPLATES / "run.html",
        content=RunSections.of(run, found, constant),
        title=f"{name} · paceline",
        heading=name,
        verdict=verdict(run),
        subject=subject(run),
        links=LINKS,
        footer=footer(run),
        scripts=(CHARTS, TEXT, TOKENS, STATIC / "page.js"),
        data={"curves-data": curve_data(run, found), "rollouts-data": rollouts(run.folder)},
    )
