"""The sections of a run's report, as plain values that templates/run.html shows."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from ..stats import change_interval
from ..store.records import Measured, Share
from ..store.snapshot import RunSnapshot
from ..text import (
    THIN,
    counted,
    duration,
    percent_range,
    points_range,
    quantity,
    signed_points,
    thin_percent,
)
from .curves import curve_data
from .diagnostics import DiagnosticsSection, diagnostics
from .elements import Cell, Chart, Section, Spot, Stretch, Strip, Term
from .history import History, history
from .reliability import ReliabilityRow, reliability
from .sentences import ShareOf, known, objective_in_words

SECRET = re.compile(r"(^|[._-])(token|key|password|secret)$", re.IGNORECASE)
"""Names of values that a page does not show."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One measure before and after training."""

    title: str
    explained: str
    before: Cell
    after: Cell
    change: Cell
    strip: Strip


@dataclass(frozen=True, slots=True)
class Result:
    """The table of before and after, or the sentence that stands in its place."""

    rows: tuple[ResultRow, ...] = ()
    count: str = ""
    """Held-out problems, as the table's caption begins."""
    none: str = ""
    """Sentence on why there is no table."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Command, objective, versions and the whole config."""

    command: str
    objective: str
    sections: tuple[Section, ...]
    """Versions and machine."""
    config: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class RunSections:
    """All that a run's report shows, from top to bottom."""

    result: Result
    facts: tuple[Term, ...]
    diagnostics: DiagnosticsSection
    reliability: tuple[ReliabilityRow, ...]
    """Held-out pairs of a reward model by how sure it is; empty for other runs."""
    about_curves: str
    charts: tuple[Chart, ...]
    constant: tuple[Term, ...]
    """Metrics that never changed."""
    history: History
    setup: Setup

    @classmethod
    def of(
        cls, run: RunSnapshot, found: Sequence[Chart], constant: Sequence[Term]
    ) -> "RunSections":
        """The sections of a run with these curves."""
        return cls(
            result=result(run),
            facts=facts(run),
            diagnostics=diagnostics(run),
            reliability=reliability(run),
            about_curves=about_curves(run),
            charts=tuple(found),
            constant=tuple(constant),
            history=history(run),
            setup=setup(run),
        )


def name_of(value: object) -> str:
    """The name of a part of the config: itself, or the name or path that it holds."""
    if isinstance(value, dict):
        value = next((value[k] for k in ("name", "path", "type") if value.get(k)), None)
    return value if isinstance(value, str) else ""


def subject(run: RunSnapshot) -> tuple[Term, ...]:
    """Task, model and objective, for the head of the page."""
    config = run.description.config
    rows = (
        Term("Task", name_of(config.get("task"))),
        Term("Model", name_of(config.get("model"))),
        Term("Objective", objective_in_words(run.description)),
    )
    return tuple(row for row in rows if row.text)


def result(run: RunSnapshot) -> Result:
    """Before and after, with intervals; a sentence where there is not yet an after."""
    heat = run.description.evaluation_temperature
    sampling = "drawn at random" if heat is None else f"drawn at temperature {heat:g}"
    judged = any(side and side.sampled for side in (run.before, run.after))
    rows = (
        result_row(run, lambda side: side.sampled, "Sampled accuracy", sampling),
        result_row(
            run, lambda side: side.greedy, "Greedy accuracy", "the likeliest token each time"
        ),
        result_row(
            run, lambda side: Share(side.cut) if judged else None, "Cut by length",
            "completions that met the limit",
        ),
        result_row(
            run, lambda side: _share(side.token_accuracy), "Likeliest tokens",
            "tokens of the rows' completions that greedy decoding would take",
        ),
        result_row(
            run, lambda side: side.ordered, "Pairs in order",
            "the preferred completion has the higher reward",
        ),
        result_row(
            run, lambda side: _share(side.longer_wins), "The longer wins",
            "the same pairs, if length alone decides",
        ),
        _number_row(
            run, lambda side: side.pair_margin, "Margin", "mean difference of the two rewards"
        ),
        result_row(
            run, lambda side: _share(side.calibration_error), "Calibration error",
            "how far σ of the margin is from the share in order",
        ),
        _number_row(
            run, lambda side: side.nll, "Likelihood",
            "−log π of a token of the rows' completions, in nats", "nll",
        ),
    )  # fmt: skip
    told = tuple(row for row in rows if row is not None)
    if not told:
        later = "The table of before and after appears when the run has finished."
        never = "This run was not measured on held-out problems, so there is no before and after."
        return Result(none=later if run.state == "going" else never)
    what = "held-out problem" if judged else "held-out row"
    count = counted(run.after.n, what, ",") if run.after else f"{what.capitalize()}s"
    return Result(told, count)


def _share(value: float | None) -> Share | None:
    """A share without an interval."""
    return None if value is None else Share(value)


def _number_row(
    run: RunSnapshot,
    of: Callable[[Measured], float | None],
    title: str,
    explained: str,
    interval: str = "",
) -> ResultRow | None:
    """A figure before and after that is no share, so that it has no strip.

    Args:
        interval: name of its interval among those of the measurement.
    """
    first, last = (None if side is None else of(side) for side in (run.before, run.after))
    if first is None and last is None:
        return None
    cells = (
        _number_cell("Before", first, run.before, interval),
        _number_cell("After", last, run.after, interval),
    )
    change = Cell("Change", "–")
    if first is not None and last is not None:
        change = Cell("Change", f"{last - first:+.4f}".replace("-", "−"))
    return ResultRow(title, explained, *cells, change, Strip(28, [], []))


def _number_cell(label: str, value: float | None, side: Measured | None, interval: str) -> Cell:
    if value is None or side is None:
        return Cell(label, "–")
    ends = side.intervals.get(interval)
    shown = f"{value:.4f}".replace("-", "−")
    return Cell(label, shown, f"{ends[0]:.4f}–{ends[1]:.4f}" if ends else "")


def result_row(run: RunSnapshot, of: ShareOf, title: str, explained: str) -> ResultRow | None:
    """One measure's row; an interrupted run has only its value before."""
    before, after = known(run.before, of), known(run.after, of)
    if before is None and after is None:
        return None
    change = Cell("Change", "–")
    if before and after:
        low, high = change_interval(before.value, after.value, (before.bounds, after.bounds))
        interval = "" if math.isnan(low) else points_range(low, high)
        change = Cell("Change", signed_points(after.value - before.value), interval)
    cells = cell("Before", before), cell("After", after)
    return ResultRow(title, explained, *cells, change, strip(before, after))


def cell(label: str, share: Share | None) -> Cell:
    """A share with its interval below it; a dash where it was not measured."""
    if share is None:
        return Cell(label, "–")
    interval = percent_range(*share.interval) if share.interval else ""
    return Cell(label, thin_percent(share.value), interval)


def strip(before: Share | None, after: Share | None) -> Strip:
    """A line from 0 to 100 % with the values before and after, and their intervals."""
    lines, dots = list[Stretch](), list[Spot]()
    if before and after:
        lines.append(Stretch("way", before.value, after.value))
    for kind, share in (("before", before), ("after", after)):
        if share:
            lines += [Stretch(f"range {kind}", *share.interval)] if share.interval else []
            dots.append(Spot(kind, share.value, 4.5))
    return Strip(28, lines, dots)


def facts(run: RunSnapshot) -> tuple[Term, ...]:
    """The run's size, time and speed, as a row of figures."""
    going = run.state == "going"
    seconds = run.summary.seconds if run.summary and not going else 0
    seconds = seconds or sum(filter(None, run.column(lambda step: step.seconds)))
    speed = [v for v in run.column(lambda step: step.tokens_per_second) if v is not None]
    memory = [v for v in run.column(lambda step: step.memory_gb) if v is not None]
    where = filter(None, (run.description.device, run.description.dtype))
    found = (
        Term("Steps", f"{len(run.metrics):,}"),
        Term("Updates a round", quantity(run.updates_per_round) if run.metrics else ""),
        Term("Completions", f"{run.completions:,}" if run.completions else ""),
        Term("Time", duration(float(seconds)) if seconds else ""),
        Term("Speed, median", f"{quantity(median(speed))}{THIN}tokens/s" if speed else ""),
        Term("Memory, largest", f"{quantity(max(memory))}{THIN}GB" if memory else ""),
        Term("Device", ", ".join(where)),
    )
    return tuple(row for row in found if row.text)


def about_curves(run: RunSnapshot) -> str:
    """The way to read the curves, and what is missing in them."""
    if not run.metrics:
        return "The curves appear with the first step."
    data = curve_data(run, [])
    text = "Thin lines are single steps" if data.window > 1 else "Every point is one step"
    if len(data.steps) < len(run.metrics):
        text = f"Every point stands for {-(-len(run.metrics) // len(data.steps))} steps"
    if data.window > 1:
        text += f", thick ones and stacks the mean of {data.window} neighbours"
    text += ". Point at a curve to read all of them at that step; click to open the nearest round."
    if run.broken_lines:
        text += f" {counted(run.broken_lines, 'line')} of metrics.jsonl could not be read."
    return text


def setup(run: RunSnapshot) -> Setup:
    """Command, objective, versions and the whole config."""
    about = run.description
    parts = (("Versions", about.versions), ("Machine", about.machine))
    return Setup(
        command=about.command or "",
        objective=about.objective,
        sections=tuple(Section(title, terms_of(value)) for title, value in parts if value),
        config=config_sections(about.config),
    )


def config_sections(config: Mapping[str, Any]) -> tuple[Section, ...]:
    """One section a part of the config; its single values together come first."""
    single = {k: v for k, v in config.items() if not isinstance(v, dict)}
    sections = [("run", single)] if single else []
    sections += [(k, v) for k, v in config.items() if isinstance(v, dict) and v]
    return tuple(Section(str(title), terms_of(value)) for title, value in sections)


def terms_of(value: object, name: str = "") -> tuple[Term, ...]:
    """Names and values of a part of the config, nested names joined by dots."""
    if isinstance(value, dict) and value:
        nested = (terms_of(v, f"{name}.{k}" if name else str(k)) for k, v in value.items())
        return tuple(row for rows in nested for row in rows)
    if isinstance(value, str):
        return (Term(name, "•••" if SECRET.search(name) else value),)
    return (Term(name, "none" if value is None else json.dumps(value, ensure_ascii=False)),)


def footer(run: RunSnapshot) -> str:
    """When the run began, and when and by which version the page was written."""
    version, started = run.description.paceline, run.description.started
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    began = f"Run started {started[:16].replace('T', ' ')}. " if started else ""
    return f"{began}Page written {now} by paceline {version}".strip() + "."
