"""compare.html: one self-contained page that shows the compared settings, and how the runs differ.

It is built like a run's report, and is as closed: nothing is loaded, the template escapes all text,
and what the models wrote reaches the page as JSON and is only ever shown as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...report.elements import Chart, Section, Term
from ...report.page import CHARTS, TEXT, Page
from ...report.run_sections import config_sections, name_of
from ...report.sentences import objective_in_words
from ...store.comparison import ComparisonRecord
from ...text import counted, counted_any, listed
from .aggregate import Runs
from .comparison import Comparison
from .panels import Panel, drawn, held_out, kl_to_start, panels
from .rollouts import side_by_side
from .tables import Cost, DiagnosisRow, Table, cost, diagnosed, table

FOLDER = Path(__file__).parent
"""Folder of the page's sections, styles and script."""
LINKS = (
    ("result", "Result"), ("curves", "Curves"), ("diagnostics", "Diagnostics"), ("cost", "Cost"),
    ("rollouts", "Rollouts"), ("setup", "Set-up"),
)  # fmt: skip
"""Sections of the page: (id, title)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A run's own report."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the things that are compared."""

    label: str
    words: str
    """The objective in words."""
    objective: str
    """The objective as it is written."""
    reports: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """Command, what was compared, and the configuration of the first."""

    command: str | None
    compared: tuple[Compared, ...]
    failed: tuple[str, ...]
    config: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class CompareSections:
    """All that a comparison's page shows, from top to bottom."""

    table: Table
    sentences: Sequence[str]
    charts: tuple[Chart, ...]
    constant: Sequence[Term]
    """Metrics that are the same in all runs."""
    diagnoses: tuple[DiagnosisRow, ...]
    cost: Cost
    setup: Setup


def write_page(result: Comparison) -> Path:
    """Write the page of a comparison from its compare.json and its runs; returns its path."""
    return page(result.record, result.runs()).write(result.page)


def page(data: ComparisonRecord, runs: Runs) -> Page:
    """The whole page."""
    others, constants = panels(runs)
    shown: list[Panel] = [held_out(data), *kl_to_start(runs), *others]
    return Page(
        template=FOLDER / "templates/compare.html",
        content=CompareSections(
            table=table(data),
            sentences=data.sentences,
            charts=tuple(panel.chart for panel in shown),
            constant=constants,
            diagnoses=diagnosed(data),
            cost=cost(data, runs),
            setup=setup(data, runs),
        ),
        title=f"{data.name} compared · paceline",
        heading=f"{data.name}, compared",
        verdict=verdict(data),
        subject=subject(data),
        links=LINKS,
        footer=f"Written {data.written[:16].replace('T', ' ')} by paceline.",
        style=FOLDER / "static/compare.css",
        scripts=(CHARTS, TEXT, FOLDER / "static/compare.js"),
        data={"curves-data": {"sets": drawn(shown)}, "side-data": side_by_side(runs)},
    )


def verdict(data: ComparisonRecord) -> str:
    """One sentence: the number of differences shown, of how many."""
    differences = data.differences.final_accuracy
    first = data.baseline
    if not data.same_test:
        return "Measured on different tests, so that nothing is compared."
    unfinished = f"Not finished, {data.finished} of {counted(data.planned, 'run')}"
    if not differences:
        return f"{unfinished}: nothing to compare yet."
    n = min((len(d.seeds) for d in differences.values()), default=0)
    shown = {
        word: [label for label, d in differences.items() if d.shown and (d.mean > 0) == up]
        for word, up in (("better", True), ("worse", False))
    }
    seeds = f"over {counted(n, 'seed')}"
    told = [
        f"{listed(labels)} {'is' if len(labels) == 1 else 'are'} {word} than {first}"
        for word, labels in shown.items()
        if labels
    ]
    one, many = next(iter(differences)), f"any of the {len(differences)} others"
    others = one if len(differences) == 1 else many
    found = " and ".join(told) or f"no difference shown between {first} and {others}"
    if not data.complete:
        return f"{unfinished}; {found} {seeds}."
    return f"{found[0].upper() if not told else found[0]}{found[1:]} {seeds}."


def subject(data: ComparisonRecord) -> tuple[Term, ...]:
    """Task, model and size, for the head of the page."""
    config = data.config
    rollouts, every = config["rollouts"], list(data.objectives.values())
    steps = counted_any((e.steps for e in every), "step")
    updates = counted_any((e.updates_a_round for e in every), "update")
    state = "" if data.complete else f", {data.finished} of {data.planned} finished"
    seeds = counted(len(data.seeds), "seed")
    problems = counted(rollouts["problems"], "problem")
    completions = counted(rollouts["completions"], "completion")
    return (
        Term("Task", name_of(config["task"])),
        Term("Model", name_of(config["model"])),
        Term("Runs", f"{len(data.objectives)} × {seeds} of {steps}{state}; {alike(data)}"),
        Term("A round", f"{problems} × {completions}, {updates}"),
    )


def alike(data: ComparisonRecord) -> str:
    """A sentence about the common ground of the runs of one seed."""
    if data.same_start:
        return "same start, problems and random numbers for one seed"
    same = "same problems, other starts" if data.same_test else "other problems, or other starts"
    return f"{same} for one seed, as what is compared decides about them"


def setup(data: ComparisonRecord, runs: Runs) -> Setup:
    """Command, what was compared, the configuration, and every run's own report."""
    compared = (
        Compared(
            label=label,
            words=objective_in_words(next(iter(runs[label].values())).description),
            objective=one.objective,
            reports=tuple(
                Link(f"seed {seed}", f"{folder}/report.html")
                for seed, folder in zip(one.seeds, one.runs, strict=True)
            ),
        )
        for label, one in data.objectives.items()
    )
    return Setup(
        command=data.command,
        compared=tuple(compared),
        failed=tuple(f"{failed.run}: {failed.why}" for failed in data.failed),
        config=config_sections(data.config),
    )
