"""report.html: one self-contained page that shows what a training run did, down to the token."""

from html import escape
from pathlib import Path

from ..store.snapshot import RunSnapshot, read_run
from . import run_sections as parts
from .curves import charts, curve_data
from .diagnostics import diagnostics
from .history import history
from .page import CHARTS, HERE, TEXT, TOKENS, Page, fill
from .rollouts import rollouts
from .sentences import verdict

LINKS = (
    ("result", "Result"), ("diagnostics", "Diagnostics"), ("curves", "Curves"),
    ("rollouts", "Rollouts"), ("history", "History"), ("setup", "Set-up"),
)  # fmt: skip


def write_report(run_dir: Path) -> Path:
    """Writes run_dir/report.html and returns its path; the run may still be going on.

    Raises ConfigError (a UserError) where the directory is no run.
    """
    return page(read_run(run_dir)).write(run_dir / "report.html")


def page(run: RunSnapshot) -> Page:
    """The whole page."""
    found, constant = charts(run)
    name = str(run.config.get("name") or run.folder.name)
    return Page(
        title=f"{name} · paceline",
        heading=escape(name),
        verdict=escape(verdict(run)),
        subject=parts.subject(run),
        links=LINKS,
        main=fill(
            HERE / "sections.html",
            result=parts.result_table(run),
            facts=parts.facts(run),
            diagnostics=diagnostics(run),
            figures="\n".join(parts.figure(chart) for chart in found),
            constant=parts.constant_list(constant),
            about_curves=escape(parts.about_curves(run)),
            history=history(run),
            setup=parts.setup(run),
        ),
        footer=escape(parts.footer(run)),
        needs="The curves and the rollouts need JavaScript, which is all in this file.",
        scripts=(CHARTS, TEXT, TOKENS, HERE / "page.js"),
        data={"curves-data": curve_data(run, found), "rollouts-data": rollouts(run.folder)},
    )
