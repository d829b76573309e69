"""compare.html: one self-contained page that shows what was compared, and how the runs differ.

It is built like a run's report, and is as closed: nothing is loaded, what Python writes is escaped,
and what the models wrote reaches the page as JSON and is only ever shown as text.
"""

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..report import asset, embedded, policy
from ..report.page import config_sections, name_of
from ..report.words import THIN, duration, objective_in_words, percent, points, quantity, signed
from .panels import Panel, drawn, drift, held_out, panels
from .record import Comparison
from .side import side_by_side

Json = dict[str, Any]
HUES = 6
"""Colours of the charts."""


def write_page(result: Comparison) -> Path:
    """Write the page of a comparison from its compare.json and its runs; returns its path."""
    aside = result.path / ".compare.html.part"
    aside.write_text(page(result), encoding="utf-8", errors="replace")
    os.replace(aside, result.page)
    return result.page


def page(result: Comparison) -> str:
    """The whole page."""
    data, runs = result.data, result.runs()
    style = asset("page.css") + own("compare.css")
    script = asset("charts.js") + asset("text.js") + own("compare.js")
    first = held_out(data)
    others, constants = panels(runs)
    others = drift(runs) + others
    slots = {
        "name": escape(data["name"]),
        "policy": escape(policy(style, script)),
        "style": style,
        "script": script,
        "verdict": escape(verdict(data)),
        "subject": subject(data),
        "table": table(data),
        "sentences": "".join(f"<li>{escape(text)}</li>" for text in data["sentences"]),
        "choice": choice(list(data["objectives"])),
        "held_out": figure(first, wide=True),
        "figures": "\n".join(figure(panel) for panel in others),
        "constant": constant(constants),
        "cost": cost(data, runs),
        "setup": setup(data),
        "footer": escape(f"Written {data['written'][:16].replace('T', ' ')} by paceline."),
        "curves_data": embedded({"sets": drawn([first, *others])}),
        "side_data": embedded(side_by_side(runs)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: slots[match[1]], own("page.html"))


def own(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def verdict(data: Json) -> str:
    """One sentence: what was shown, of how many."""
    differences = data["differences"]["final_accuracy"]
    first = data["baseline"]
    n = min((len(d["seeds"]) for d in differences.values()), default=0)
    shown = {
        word: [label for label, d in differences.items() if d["shown"] and (d["mean"] > 0) == up]
        for word, up in (("better", True), ("worse", False))
    }
    seeds = f"over {n} seed{'s' if n > 1 else ''}"
    told = [
        f"{_listed(labels)} {'is' if len(labels) == 1 else 'are'} {word} than {first}"
        for word, labels in shown.items()
        if labels
    ]
    others = "the other" if len(differences) == 1 else f"any of the {len(differences)} others"
    found = " and ".join(told) or f"no difference shown between {first} and {others}"
    if not data["complete"]:
        return f"Not finished, {data['finished']} of {data['planned']} runs; {found} {seeds}."
    return f"{found[0].upper() if not told else found[0]}{found[1:]} {seeds}."


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def subject(data: Json) -> str:
    """Task, model and size, for the head of the page."""
    config = data["config"]
    schedule, rollouts = config["schedule"], config["rollouts"]
    parts = schedule["minibatches"] * schedule["epochs"]
    state = "" if data["complete"] else f", {data['finished']} of {data['planned']} finished"
    rows = (
        ("Task", name_of(config["task"])),
        ("Model", name_of(config["model"])),
        (
            "Runs",
            f"{len(data['objectives'])} × {len(data['seeds'])} seeds of {config['steps']} steps"
            f"{state}; same start, problems and random numbers for one seed",
        ),
        (
            "A round",
            f"{rollouts['problems']} problems × {rollouts['completions']} completions, "
            f"{parts} update{'s' if parts > 1 else ''}",
        ),
    )
    return "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in rows)


def table(data: Json) -> str:
    """Initial, final, Δ and the differences, one row a label."""
    until = percent(data["threshold"], 0)
    heads = ("Initial", None, "Final", "Δ, points", f"Against {data['baseline']}", "Area",
             f"Samples to {until}", f"Time to {until}")  # fmt: skip
    head = "".join(
        f'<th scope="col">{escape(text)}</th>'
        if text
        else f'<th class="strip-head" aria-hidden="true"><span>0</span><span>100{THIN}%</span></th>'
        for text in heads
    )
    rows = "".join(
        _row(data, label, one, place)
        for place, (label, one) in enumerate(data["objectives"].items())
    )
    problems = min(one["problems"] for one in data["objectives"].values())
    return (
        f"<table><caption>Right answers, sampled, on {problems:,} held-out problems: means over "
        f"seeds. Small figures are 95{THIN}% t intervals over seeds, p values those of paired t "
        "tests after Holm’s correction, dots single seeds. The area is the mean accuracy on the "
        f"way, over samples; {until} is half of the way from the start to the best mean, unless a "
        "threshold was asked for. Time is that of training alone.</caption>"
        f'<thead><tr><th scope="col">Objective</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(data: Json, label: str, one: Json, place: int) -> str:
    difference = data["differences"]["final_accuracy"].get(label)
    cells = [
        ("Initial", percent(one["initial_accuracy"]["mean"]), _span(one["initial_accuracy"])),
        ("Final", percent(one["final_accuracy"]["mean"]), _span(one["final_accuracy"])),
        ("Δ", signed(one["delta"]["mean"]), _points(one["delta"])),
        (f"Against {data['baseline']}", *_against(difference)),
        ("Area", percent(one["area"]["mean"]), _span(one["area"])),
        ("Samples", *_until(one["samples_to_threshold"], quantity)),
        ("Time", *_until(one["seconds_to_threshold"], duration)),
    ]
    made = [
        f'<td data-label="{escape(name)}"><b>{escape(value)}</b> '
        f"<small>{escape(small)}</small></td>"
        for name, value, small in cells
    ]
    made.insert(1, f'<td class="strip" aria-hidden="true">{_strip(one, place)}</td>')
    hue = place % HUES
    return (
        f'<tr><th scope="row"><i class="swatch hue{hue}"></i>{escape(label)}</th>'
        f"{''.join(made)}</tr>"
    )


def _span(mean: Json) -> str:
    if mean["low"] is None:
        return "one seed"
    return f"{mean['low'] * 100:.1f}–{mean['high'] * 100:.1f}{THIN}%"


def _points(mean: Json) -> str:
    return "" if mean["low"] is None else points(mean["low"], mean["high"])


def _against(difference: Json | None) -> tuple[str, str]:
    if difference is None:
        return "–", ""
    p = difference["p_holm"]
    small = _points(difference) + ("" if p is None else f", p {_p(p)}")
    return signed(difference["mean"]), small


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _until(counted: Json, worded: Any) -> tuple[str, str]:
    if counted["mean"] is not None:
        low, high = counted["low"], counted["high"]
        return worded(counted["mean"]), "" if low is None else f"{worded(low)}–{worded(high)}"
    return "–", f"{counted['reached']} of {len(counted['per_seed'])} seeds"


def _strip(one: Json, place: int) -> str:
    """A line from 0 to 100 % with the mean at the end, its interval, and every seed."""

    def x(share: float) -> str:
        return f"{min(max(share, 0), 1) * 100:.2f}%"

    def line(kind: str, start: float, end: float) -> str:
        return f'<line class="{kind}" x1="{x(start)}" x2="{x(end)}" y1="50%" y2="50%"/>'

    start, end = one["initial_accuracy"], one["final_accuracy"]
    marks = [line("axis", 0, 1), line("way", start["mean"], end["mean"])]
    if end["low"] is not None:
        marks.append(line(f"range hue{place % HUES}", end["low"], end["high"]))
    marks.append(f'<circle class="before" cx="{x(start["mean"])}" cy="50%" r="3.5"/>')
    marks += [f'<circle class="seed" cx="{x(v)}" cy="50%" r="2"/>' for v in end["per_seed"]]
    return f'<svg height="24" width="100%">{"".join(marks)}</svg>'


def choice(labels: Sequence[str]) -> str:
    """A button for each label, which hides and shows it in every figure."""
    return "".join(
        f'<button type="button" aria-pressed="true" data-label="{escape(label)}">'
        f'<i class="swatch hue{place % HUES}"></i>{escape(label)}</button>'
        for place, label in enumerate(labels)
    )


def figure(panel: Panel, *, wide: bool = False) -> str:
    """A figure's words; the script draws its plot."""
    return (
        f'<figure class="chart{" wide" if wide else ""}" id="chart-{panel.id}"><figcaption>'
        f'<div class="head"><h3>{escape(panel.title)}</h3></div><p>{escape(panel.text)}</p>'
        '</figcaption><div class="plot"></div><p class="legend"></p></figure>'
    )


def constant(rows: Sequence[tuple[str, str]]) -> str:
    made = "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(text)}</dd></div>" for title, text in rows
    )
    return f'<h3>The same in all runs</h3><dl class="constant">{made}</dl>' if made else ""


def cost(data: Json, runs: Mapping[str, Mapping[int, Any]]) -> str:
    """Where the time went, a row a label: seconds of a run by phase, means over seeds."""
    spent = {label: _phases(of) for label, of in runs.items()}
    names = sorted({name for of in spent.values() for name in of}, key=lambda n: -_sum(spent, n))
    head = "".join(f'<th scope="col">{escape(n)}</th>' for n in names)
    rows = ""
    for label, one in data["objectives"].items():
        cells = "".join(f"<td>{quantity(spent[label].get(n, 0.0))}</td>" for n in names)
        rows += (
            f'<tr><th scope="row">{escape(label)}</th><td>{quantity(one["samples"]["mean"])}</td>'
            f"<td><b>{duration(one['seconds']['mean'])}</b></td>{cells}</tr>"
        )
    return (
        '<div class="scroll"><table class="plain"><caption>Seconds of a run by phase, means over seeds. Runs that went '
        "on beside others, or beside other programs, took longer than they would alone.</caption>"
        '<thead><tr><th scope="col">Objective</th><th scope="col">Samples</th>'
        f'<th scope="col">Training</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _phases(runs: Mapping[int, Any]) -> dict[str, float]:
    total: dict[str, float] = {}
    for run in runs.values():
        for line in run.metrics():
            for name, seconds in (line.get("phases") or {}).items():
                total[name] = total.get(name, 0.0) + seconds / len(runs)
    return total


def _sum(spent: Mapping[str, Mapping[str, float]], name: str) -> float:
    return sum(of.get(name, 0.0) for of in spent.values())


def setup(data: Json) -> str:
    """Command, what was compared, the configuration, and every run's own report."""
    parts = []
    if data.get("command"):
        code = escape(data["command"])
        parts.append(f'<h3>To make it again</h3><pre tabindex="0"><code>{code}</code></pre>')
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(objective_in_words(one['objective']))}<br>"
        f"<code>{escape(one['objective'])}</code><br>{_reports(one)}</dd></div>"
        for label, one in data["objectives"].items()
    )
    parts.append(f'<h3>What was compared</h3><dl class="pairs">{rows}</dl>')
    if data["failed"]:
        items = "".join(f"<li>{escape(f['run'])}: {escape(f['why'])}</li>" for f in data["failed"])
        parts.append(f"<h3>Runs that failed</h3><ul>{items}</ul>")
    sections = config_sections(data["config"])
    parts.append(
        "<details><summary>The configuration of the first</summary>"
        f'<div class="config">{sections}</div></details>'
    )
    return "".join(parts)


def _reports(one: Json) -> str:
    links = (
        f'<a href="{escape(folder)}/report.html">seed {seed}</a>'
        for seed, folder in zip(one["seeds"], one["runs"], strict=True)
    )
    return "Reports: " + ", ".join(links)
