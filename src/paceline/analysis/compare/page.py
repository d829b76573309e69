"""compare.html: one self-contained page that shows what was compared, and how the runs differ.

It is built like a run's report, and is as closed: nothing is loaded, what Python writes is escaped,
and what the models wrote reaches the page as JSON and is only ever shown as text.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from ...report.page import CHARTS, TEXT, Page, fill
from ...report.run_sections import config_sections, name_of, terms
from ...report.sentences import objective_in_words
from ...store.comparison import ArmRecord, ComparisonRecord
from ...text import counted, listed
from .comparison import Comparison
from .panels import Panel, drawn, held_out, kl_to_start, panels
from .rollouts import side_by_side
from .tables import cost, diagnosed, hue_of, table

HERE = Path(__file__).parent
LINKS = (
    ("result", "Result"), ("curves", "Curves"), ("diagnostics", "Diagnostics"), ("cost", "Cost"),
    ("rollouts", "Rollouts"), ("setup", "Set-up"),
)  # fmt: skip


def write_page(result: Comparison) -> Path:
    """Write the page of a comparison from its compare.json and its runs; returns its path."""
    return page(result).write(result.page)


def page(result: Comparison) -> Page:
    """The whole page."""
    data, runs = result.record, result.runs()
    first = held_out(data)
    others, constants = panels(runs)
    others = kl_to_start(runs) + others
    return Page(
        title=f"{data.name} compared · paceline",
        heading=escape(f"{data.name}, compared"),
        verdict=escape(verdict(data)),
        subject=subject(data),
        links=LINKS,
        main=fill(
            HERE / "sections.html",
            table=table(data),
            sentences="".join(f"<li>{escape(text)}</li>" for text in data.sentences),
            choice=choice(list(data.objectives)),
            held_out=figure(first, wide=True),
            figures="\n".join(figure(panel) for panel in others),
            constant=constant(constants),
            diagnoses=diagnosed(data),
            cost=cost(data, runs),
            setup=setup(data),
        ),
        footer=escape(f"Written {data.written[:16].replace('T', ' ')} by paceline."),
        needs="The curves and the rollouts need JavaScript, which is all in this file.",
        style=HERE / "compare.css",
        scripts=(CHARTS, TEXT, HERE / "compare.js"),
        data={
            "curves-data": {"sets": drawn([first, *others])},
            "side-data": side_by_side(runs),
        },
    )


def verdict(data: ComparisonRecord) -> str:
    """One sentence: what was shown, of how many."""
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
    others = "the other" if len(differences) == 1 else f"any of the {len(differences)} others"
    found = " and ".join(told) or f"no difference shown between {first} and {others}"
    if not data.complete:
        return f"{unfinished}; {found} {seeds}."
    return f"{found[0].upper() if not told else found[0]}{found[1:]} {seeds}."


def subject(data: ComparisonRecord) -> str:
    """Task, model and size, for the head of the page."""
    config = data.config
    rollouts, every = config["rollouts"], list(data.objectives.values())
    steps, parts = _either(e.steps for e in every), _either(e.updates_a_round for e in every)
    state = "" if data.complete else f", {data.finished} of {data.planned} finished"
    rows = (
        ("Task", name_of(config["task"])),
        ("Model", name_of(config["model"])),
        (
            "Runs",
            f"{len(data.objectives)} × {counted(len(data.seeds), 'seed')} of {steps} steps"
            f"{state}; {alike(data)}",
        ),
        (
            "A round",
            f"{counted(rollouts['problems'], 'problem')} × "
            f"{counted(rollouts['completions'], 'completion')}, "
            f"{parts} update{'' if parts == '1' else 's'}",
        ),
    )
    return terms(rows)


def _either(values: Iterable[int]) -> str:
    """80, or 40 or 80 where things differ."""
    return " or ".join(str(value) for value in dict.fromkeys(values))


def alike(data: ComparisonRecord) -> str:
    """What the runs of one seed have in common."""
    if data.same_start:
        return "same start, problems and random numbers for one seed"
    same = "same problems, other starts" if data.same_test else "other problems, or other starts"
    return f"{same} for one seed, as what is compared decides about them"


def choice(labels: Sequence[str]) -> str:
    """A button for each label, which hides and shows it in every figure."""
    return "".join(
        f'<button type="button" aria-pressed="true" data-label="{escape(label)}">'
        f'<i class="swatch {hue_of(place)}"></i>{escape(label)}</button>'
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
    if not rows:
        return ""
    return f'<h3>The same in all runs</h3><dl class="constant">{terms(rows)}</dl>'


def setup(data: ComparisonRecord) -> str:
    """Command, what was compared, the configuration, and every run's own report."""
    parts = []
    if data.command:
        code = escape(data.command)
        parts.append(f'<h3>To make it again</h3><pre tabindex="0"><code>{code}</code></pre>')
    rows = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(objective_in_words(one.objective))}<br>"
        f"<code>{escape(one.objective)}</code><br>{_reports(one)}</dd></div>"
        for label, one in data.objectives.items()
    )
    parts.append(f'<h3>What was compared</h3><dl class="pairs">{rows}</dl>')
    if data.failed:
        items = "".join(f"<li>{escape(f.run)}: {escape(f.why)}</li>" for f in data.failed)
        parts.append(f"<h3>Runs that failed</h3><ul>{items}</ul>")
    sections = config_sections(data.config)
    parts.append(
        "<details><summary>The configuration of the first</summary>"
        f'<div class="config">{sections}</div></details>'
    )
    return "".join(parts)


def _reports(one: ArmRecord) -> str:
    links = (
        f'<a href="{escape(folder)}/report.html">seed {seed}</a>'
        for seed, folder in zip(one.seeds, one.runs, strict=True)
    )
    return "Reports: " + ", ".join(links)
