"""The report's words and tables as HTML. Everything that comes from the run's files is escaped."""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from statistics import median

from ..stats import change_interval
from ..store.base import Json, finite
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
from .curves import Chart, curve_data
from .sentences import measured, objective_in_words

SECRET = re.compile(r"(^|[._-])(token|key|password|secret)$", re.IGNORECASE)


def name_of(value: object) -> str:
    """What to call a part of the config: itself, or the name or path that it holds."""
    if isinstance(value, dict):
        value = next((value[k] for k in ("name", "path", "type") if value.get(k)), None)
    return value if isinstance(value, str) else ""


def subject(run: RunSnapshot) -> str:
    """Task, model and objective, for the head of the page."""
    config = run.config.get("config") or {}
    objective = str(run.config.get("objective") or "")
    rows = [(label, name_of(config.get(label.lower()))) for label in ("Task", "Model")]
    rows.append(("Objective", objective_in_words(objective) if objective else ""))
    return terms(row for row in rows if row[1])


def result_table(run: RunSnapshot) -> str:
    """Before and after, with intervals; a sentence where there is not yet an after."""
    settings = (run.config.get("config") or {}).get("evaluation") or {}
    heat = finite(settings.get("temperature"))
    drawn = "drawn at random" if heat is None else f"drawn at temperature {heat:g}"
    rows = (
        result_row(run, "sampled_accuracy", "Sampled accuracy", drawn)
        + result_row(run, "greedy_accuracy", "Greedy accuracy", "the likeliest token each time")
        + result_row(run, "cut", "Cut by length", "completions that met the limit")
    )
    if not rows:
        later = "The table of before and after appears when the run has finished."
        never = "This run was not measured on held-out problems, so there is no before and after."
        return f'<p class="muted">{later if run.state == "going" else never}</p>'
    count = counted(run.after.n, "held-out problem", ",") if run.after else "Held-out problems"
    return (
        f"<table><caption>{count}, before the first update and after the last. Small figures are"
        f" 95{THIN}% intervals; that of the change takes the two measurements as independent, so"
        " it errs on the wide side (Newcombe’s method 10).</caption>"
        '<thead><tr><th scope="col">Measure</th><th scope="col">Before</th>'
        f'<th class="strip-head" aria-hidden="true"><span>0</span><span>100{THIN}%</span></th>'
        '<th scope="col">After</th><th scope="col">Change, points</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def result_row(run: RunSnapshot, metric: str, title: str, explained: str) -> str:
    """One measure's row; an interrupted run has only its value before."""
    sides = [measured(one, metric) for one in (run.before, run.after)]
    values = [value for value, _ in sides if value is not None]
    if not values:
        return ""
    cells = [
        ("–", "")
        if value is None
        else (thin_percent(value), "" if math.isnan(low) else percent_range(low, high))
        for value, (low, high) in sides
    ]
    change = ("–", "")
    if len(values) == 2:
        interval = change_interval(values[0], values[1], (sides[0][1], sides[1][1]))
        change = (
            signed_points(values[1] - values[0]),
            "" if math.isnan(interval[0]) else points_range(*interval),
        )
    before, after, moved = (
        f'<td data-label="{label}"><b>{value}</b> <small>{small}</small></td>'
        for label, (value, small) in zip(
            ("Before", "After", "Change"), [*cells, change], strict=True
        )
    )
    return (
        f'<tr><th scope="row">{title} <small>{explained}</small></th>{before}'
        f'<td class="strip" aria-hidden="true">{strip(sides)}</td>{after}{moved}</tr>'
    )


def strip(sides: list[tuple[float | None, tuple[float, float]]]) -> str:
    """A line from 0 to 100 % with the values before and after, and their intervals."""

    def x(share: float) -> str:
        return f"{min(max(share, 0), 1) * 100:.2f}%"

    def line(kind: str, start: float, end: float) -> str:
        return f'<line class="{kind}" x1="{x(start)}" x2="{x(end)}" y1="50%" y2="50%"/>'

    marks = [line("axis", 0, 1)]
    values = [value for value, _ in sides if value is not None]
    marks += [line("way", values[0], values[1])] if len(values) == 2 else []
    for kind, (value, (low, high)) in zip(("before", "after"), sides, strict=True):
        marks += [] if math.isnan(low) else [line(f"range {kind}", low, high)]
        if value is not None:
            marks.append(f'<circle class="{kind}" cx="{x(value)}" cy="50%" r="4.5"/>')
    return f'<svg height="28" width="100%">{"".join(marks)}</svg>'


def facts(run: RunSnapshot) -> str:
    """The run's size, time and speed, as a row of figures."""
    going = run.state == "going"
    seconds = run.summary.seconds if run.summary and not going else 0
    seconds = seconds or sum(filter(None, run.column("seconds")))
    speed = [v for v in run.column("tokens_per_second") if v is not None]
    memory = [v for v in run.column("memory_gb") if v is not None]
    machine = run.config.get("machine") or {}
    where = [str(machine[k]) for k in ("device", "dtype") if machine.get(k)]
    found = [
        ("Steps", f"{len(run.metrics):,}"),
        ("Updates a round", quantity(run.updates_per_round) if run.metrics else ""),
        ("Completions", f"{run.completions:,}" if run.completions else ""),
        ("Time", duration(float(seconds)) if seconds else ""),
        ("Speed, median", f"{quantity(median(speed))}{THIN}tokens/s" if speed else ""),
        ("Memory, largest", f"{quantity(max(memory))}{THIN}GB" if memory else ""),
        ("Device", ", ".join(where)),
    ]
    return terms(row for row in found if row[1])


def figure(chart: Chart) -> str:
    """A figure's words; the script draws its plot."""
    note = f'<p class="note {chart.tone}">{escape(chart.note)}</p>' if chart.note else ""
    wide = " wide" if chart.id == "accuracy" else ""
    legend = '<p class="legend"></p>'
    beside, below = ("", legend) if chart.stacked else (legend, "")
    return (
        f'<figure class="chart{wide}" id="chart-{chart.id}"><figcaption>'
        f'<div class="head"><h3>{escape(chart.title)}</h3>{beside}</div>'
        f'<p>{escape(chart.text)}</p>{note}</figcaption><div class="plot"></div>{below}</figure>'
    )


def constant_list(constant: list[tuple[str, str, str]]) -> str:
    rows = "".join(
        f"<div><dt>{escape(title)}</dt><dd><b>{escape(value)}</b> {escape(text)}</dd></div>"
        for title, value, text in constant
    )
    return f'<h3>The same at every step</h3><dl class="constant">{rows}</dl>' if rows else ""


def about_curves(run: RunSnapshot) -> str:
    if not run.metrics:
        return "The curves appear with the first step."
    data = curve_data(run, [])
    text = "Thin lines are single steps" if data["window"] > 1 else "Every point is one step"
    if len(data["steps"]) < len(run.metrics):
        text = f"Every point stands for {-(-len(run.metrics) // len(data['steps']))} steps"
    if data["window"] > 1:
        text += f", thick ones and stacks the mean of {data['window']} neighbours"
    text += ". Point at a curve to read all of them at that step; click to open the nearest round."
    if run.broken_lines:
        text += f" {counted(run.broken_lines, 'line')} of metrics.jsonl could not be read."
    return text


def setup(run: RunSnapshot) -> str:
    """Command, objective, versions and the whole config."""
    config = run.config
    parts = []
    if config.get("command"):
        code = f'<code id="command">{escape(str(config["command"]))}</code>'
        parts.append(
            "<h3>To run it again</h3>"
            f'<div class="command"><pre tabindex="0">{code}</pre>'
            '<button type="button" id="copy">Copy</button></div>'
        )
    if config.get("objective"):
        code = escape(str(config["objective"]))
        parts.append(f'<h3>Objective</h3><pre class="wrap"><code>{code}</code></pre>')
    for title, key in (("Versions", "versions"), ("Machine", "machine")):
        if config.get(key):
            parts.append(f"<h3>{title}</h3>{pairs(config[key])}")
    if config.get("config"):
        sections = config_sections(config["config"])
        parts.append(
            "<details><summary>The whole configuration</summary>"
            f'<div class="config">{sections}</div></details>'
        )
    return "".join(parts)


def config_sections(config: Json) -> str:
    """One section a part of the config; its single values together come first."""
    single = {k: v for k, v in config.items() if not isinstance(v, dict)}
    sections = [("run", single)] if single else []
    sections += [(k, v) for k, v in config.items() if isinstance(v, dict) and v]
    return "".join(f"<section><h4>{escape(str(k))}</h4>{pairs(v)}</section>" for k, v in sections)


def pairs(value: object) -> str:
    """Names and values of one part of the config, nested names joined by dots."""
    return f'<dl class="pairs">{terms(flat(value))}</dl>'


def terms(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what is said of each, for a list of them."""
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in rows
    )


def flat(value: object, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [row for k, v in value.items() for row in flat(v, f"{name}.{k}" if name else str(k))]
    if isinstance(value, str):
        return [(name, "•••" if SECRET.search(name) else value)]
    return [(name, "none" if value is None else json.dumps(value, ensure_ascii=False))]


def footer(run: RunSnapshot) -> str:
    version = (run.config.get("versions") or {}).get("paceline", "")
    started = str(run.config.get("started") or "")
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    began = f"Run started {started[:16].replace('T', ' ')}. " if started else ""
    return f"{began}Page written {now} by paceline {version}".strip() + "."
