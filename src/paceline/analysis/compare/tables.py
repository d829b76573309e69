"""The tables of a comparison's page: what came out, what went wrong, what it cost."""

from collections.abc import Callable, Mapping
from html import escape

from ...store.comparison import (
    ArmRecord,
    ComparisonRecord,
    DifferenceRecord,
    MeanRecord,
    ReachedRecord,
)
from ...store.run import Run
from ...text import (
    THIN,
    counted,
    duration,
    percent_range,
    points_range,
    quantity,
    signed_points,
    thin_percent,
)
from .aggregate import Runs
from .conclusions import by_name, p_value

HUES = 6
"""Colours of the charts."""


def hue_of(place: int) -> str:
    """Classes of the place's colour; beyond the last colour they come again, and look otherwise."""
    return f"hue{place % HUES}" + (" again" if place >= HUES else "")


def table(data: ComparisonRecord) -> str:
    """Initial, final, Δ and the differences, one row a label."""
    threshold = data.threshold
    until = "–" if threshold is None else thin_percent(threshold, 0)
    heads = ("Initial", None, "Final", "Δ, points", f"Against {data.baseline}", "Area",
             f"Samples to {until}", f"Time to {until}")  # fmt: skip
    head = "".join(
        f'<th scope="col">{escape(text)}</th>'
        if text
        else f'<th class="strip-head" aria-hidden="true"><span>0</span><span>100{THIN}%</span></th>'
        for text in heads
    )
    rows = "".join(
        _row(data, label, one, place) for place, (label, one) in enumerate(data.objectives.items())
    )
    problems = min(one.problems for one in data.objectives.values())
    on = counted(problems, "held-out problem", ",")
    return (
        f"<table><caption>Right answers, sampled, on {on}: means over "
        f"seeds. Small figures are 95{THIN}% t intervals over seeds, p values those of paired t "
        "tests after Holm’s correction, dots single seeds. The area is the mean accuracy on the "
        f"way, over samples; {until} is half of the way from the start to the best mean, unless a "
        "threshold was asked for. Time is that of training alone.</caption>"
        f'<thead><tr><th scope="col">Objective</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(data: ComparisonRecord, label: str, one: ArmRecord, place: int) -> str:
    difference = data.differences.final_accuracy.get(label)
    cells = [
        ("Initial", thin_percent(one.initial_accuracy.mean), _span(one.initial_accuracy)),
        ("Final", thin_percent(one.final_accuracy.mean), _span(one.final_accuracy)),
        ("Δ", signed_points(one.delta.mean), _points(one.delta)),
        (f"Against {data.baseline}", *_against(difference)),
        ("Area", thin_percent(one.area.mean), _span(one.area)),
        ("Samples", *_until(one.samples_to_threshold, quantity)),
        ("Time", *_until(one.seconds_to_threshold, duration)),
    ]
    made = [
        f'<td data-label="{escape(name)}"><b>{escape(value)}</b> '
        f"<small>{escape(small)}</small></td>"
        for name, value, small in cells
    ]
    made.insert(1, f'<td class="strip" aria-hidden="true">{_strip(one, place)}</td>')
    head, n = f'<i class="swatch {hue_of(place)}"></i>{escape(label)}', len(one.seeds)
    if n < (most := max(len(other.seeds) for other in data.objectives.values())):
        head += f" <small>{n} of {most} seeds</small>"
    return f'<tr><th scope="row">{head}</th>{"".join(made)}</tr>'


def _span(mean: MeanRecord) -> str:
    return "one seed" if mean.interval is None else percent_range(*mean.interval)


def _points(mean: MeanRecord) -> str:
    return "" if mean.interval is None else points_range(*mean.interval)


def _against(difference: DifferenceRecord | None) -> tuple[str, str]:
    if difference is None:
        return "–", ""
    p = difference.p_holm
    small = _points(difference) + ("" if p is None else f", p {p_value(p)}")
    return signed_points(difference.mean), small


def _until(reached: ReachedRecord, worded: Callable[[float], str]) -> tuple[str, str]:
    if reached.mean is not None:
        ends = map(worded, reached.interval or ())
        return worded(reached.mean), "–".join(ends)
    return "–", f"{reached.reached} of {len(reached.per_seed)} seeds"


def _strip(one: ArmRecord, place: int) -> str:
    """A line from 0 to 100 % with the mean at the end, its interval, and every seed."""

    def x(share: float) -> str:
        return f"{min(max(share, 0), 1) * 100:.2f}%"

    def line(kind: str, start: float, end: float) -> str:
        return f'<line class="{kind}" x1="{x(start)}" x2="{x(end)}" y1="50%" y2="50%"/>'

    start, end = one.initial_accuracy, one.final_accuracy
    marks = [line("axis", 0, 1), line("way", start.mean, end.mean)]
    if end.interval is not None:
        marks.append(line(f"range {hue_of(place)}", *end.interval))
    marks.append(f'<circle class="before" cx="{x(start.mean)}" cy="50%" r="3.5"/>')
    marks += [f'<circle class="seed" cx="{x(v)}" cy="50%" r="2"/>' for v in end.per_seed]
    return f'<svg height="24" width="100%">{"".join(marks)}</svg>'


def diagnosed(data: ComparisonRecord) -> str:
    """What was going on in the runs, by name, label by label."""
    rows = ""
    for label, one in data.objectives.items():
        for name, found in by_name(one).items():
            first = found[0]
            where = ", ".join(str(diagnosis.seed) for diagnosis in found)
            rows += (
                f'<tr><th scope="row">{escape(label)}</th><td>{escape(name)}</td>'
                f"<td>{len(found)} of {len(one.seeds)} (seed {where})</td>"
                f"<td>Seed {first.seed}, step {first.first:,}: {escape(first.finding)}. "
                f"{escape(first.remedy)}</td></tr>"
            )
    if not rows:
        return '<p class="muted">None of the rules for what goes wrong held in any run.</p>'
    return (
        '<div class="scroll"><table class="plain"><thead><tr><th scope="col">Objective</th>'
        '<th scope="col">Diagnosis</th><th scope="col">Seeds</th><th scope="col">The first of them'
        f"</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def cost(data: ComparisonRecord, runs: Runs) -> str:
    """Where the time went, a row a label: seconds of a run by phase, means over seeds."""
    spent = {label: _phases(of) for label, of in runs.items()}
    names = sorted({name for of in spent.values() for name in of}, key=lambda n: -_sum(spent, n))
    head = "".join(f'<th scope="col">{escape(n)}</th>' for n in names)
    rows = ""
    for label, one in data.objectives.items():
        cells = "".join(f"<td>{quantity(spent[label].get(n, 0.0))}</td>" for n in names)
        rows += (
            f'<tr><th scope="row">{escape(label)}</th><td>{quantity(one.samples.mean)}</td>'
            f"<td><b>{duration(one.seconds.mean)}</b></td>{cells}</tr>"
        )
    return (
        '<div class="scroll"><table class="plain"><caption>Seconds of a run by phase, means over '
        "seeds. Runs that went on beside others, or beside other programs, took longer than they "
        "would alone.</caption>"
        '<thead><tr><th scope="col">Objective</th><th scope="col">Samples</th>'
        f'<th scope="col">Training</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _phases(runs: Mapping[int, Run]) -> dict[str, float]:
    total: dict[str, float] = {}
    for run in runs.values():
        for record in run.records():
            for name, seconds in record.phases.items():
                total[name] = total.get(name, 0.0) + seconds / len(runs)
    return total


def _sum(spent: Mapping[str, Mapping[str, float]], name: str) -> float:
    return sum(of.get(name, 0.0) for of in spent.values())
