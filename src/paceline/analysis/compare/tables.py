"""The tables of a comparison's page: results, problems, cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...report.elements import Cell, Spot, Stretch, Strip
from ...stats import all_same
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
"""Number of colours of the charts."""
ALL_SAME = "all seeds the same"
"""Text in place of an interval whose values do not vary."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """The outcome of one label."""

    label: str
    hue: str
    """Classes of its colour."""
    seeds: str
    """Number of its seeds, where others have more."""
    initial: Cell
    strip: Strip
    cells: tuple[Cell, ...]
    """Cells below the table's `heads`."""


@dataclass(frozen=True, slots=True)
class Table:
    """Initial, final, Δ and the differences, one row a label."""

    caption: str
    heads: tuple[str, ...]
    """Heads of the columns behind the strip."""
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class DiagnosisRow:
    """A diagnosis of a label's runs."""

    label: str
    name: str
    seeds: str
    first: str
    """The sentence of the first of them."""


@dataclass(frozen=True, slots=True)
class CostRow:
    """Where the time of a label's runs went."""

    label: str
    samples: str
    training: str
    phases: tuple[str, ...]
    """Seconds of each of the table's `phases`."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a run by phase, means over seeds, a row a label."""

    phases: tuple[str, ...]
    """Names of the phases, the longest first."""
    rows: tuple[CostRow, ...]


def hue_of(place: int) -> str:
    """CSS classes of a label's colour; after the last colour they start again, with another
    look."""
    return f"hue{place % HUES}" + (" again" if place >= HUES else "")


def table(data: ComparisonRecord) -> Table:
    """Initial, final, Δ and the differences, one row a label."""
    threshold = data.threshold
    until = "–" if threshold is None else thin_percent(threshold, 0)
    problems = min(one.problems for one in data.objectives.values())
    on = counted(problems, "held-out problem", ",")
    return Table(
        caption=f"Right answers, sampled, on {on}: means over "
        f"seeds. Small figures are 95{THIN}% t intervals over seeds, p values those of paired t "
        "tests after Holm’s correction, dots single seeds. The area is the mean accuracy on the "
        f"way, over samples; {until} is half of the way from the start to the best mean, unless a "
        "threshold was asked for. Time is that of training alone.",
        heads=("Final", "Δ, points", f"Against {data.baseline}", "Area", f"Samples to {until}",
               f"Time to {until}"),
        rows=tuple(
            _row(data, label, one, place)
            for place, (label, one) in enumerate(data.objectives.items())
        ),
    )  # fmt: skip


def _row(data: ComparisonRecord, label: str, one: ArmRecord, place: int) -> TableRow:
    n, most = len(one.seeds), max(len(other.seeds) for other in data.objectives.values())
    difference = data.differences.final_accuracy.get(label)
    return TableRow(
        label=label,
        hue=hue_of(place),
        seeds=f"{n} of {most} seeds" if n < most else "",
        initial=Cell(
            "Initial", thin_percent(one.initial_accuracy.mean), _span(one.initial_accuracy)
        ),
        strip=_strip(one, place),
        cells=(
            Cell("Final", thin_percent(one.final_accuracy.mean), _span(one.final_accuracy)),
            Cell("Δ", signed_points(one.delta.mean), _points(one.delta)),
            Cell(f"Against {data.baseline}", *_against(difference)),
            Cell("Area", thin_percent(one.area.mean), _span(one.area)),
            Cell("Samples", *_until(one.samples_to_threshold, quantity)),
            Cell("Time", *_until(one.seconds_to_threshold, duration)),
        ),
    )


def _span(mean: MeanRecord) -> str:
    if all_same(mean.per_seed):
        return ALL_SAME
    return "one seed" if mean.interval is None else percent_range(*mean.interval)


def _points(mean: MeanRecord) -> str:
    if all_same(mean.per_seed):
        return ALL_SAME
    return "" if mean.interval is None else points_range(*mean.interval)


def _against(difference: DifferenceRecord | None) -> tuple[str, str]:
    if difference is None:
        return "–", ""
    p = difference.p_holm
    small = _points(difference) + ("" if p is None else f", p {p_value(p)}")
    return signed_points(difference.mean), small


def _until(reached: ReachedRecord, worded: Callable[[float], str]) -> tuple[str, str]:
    if reached.mean is not None and all_same(reached.per_seed):
        return worded(reached.mean), ALL_SAME
    if reached.mean is not None:
        ends = map(worded, reached.interval or ())
        return worded(reached.mean), "–".join(ends)
    return "–", f"{reached.reached} of {len(reached.per_seed)} seeds"


def _strip(one: ArmRecord, place: int) -> Strip:
    """A line from 0 to 100 % with the mean at the end, its interval, and every seed."""
    start, end = one.initial_accuracy, one.final_accuracy
    lines = [Stretch("way", start.mean, end.mean)]
    if end.interval is not None:
        lines.append(Stretch(f"range {hue_of(place)}", *end.interval))
    dots = [Spot("before", start.mean, 3.5), *(Spot("seed", v, 2) for v in end.per_seed)]
    return Strip(24, lines, dots)


def diagnosed(data: ComparisonRecord) -> tuple[DiagnosisRow, ...]:
    """Diagnoses of the runs, by name, label by label."""
    rows = list[DiagnosisRow]()
    for label, one in data.objectives.items():
        for name, found in by_name(one).items():
            first = found[0]
            where = ", ".join(str(diagnosis.seed) for diagnosis in found)
            rows.append(
                DiagnosisRow(
                    label,
                    name,
                    f"{len(found)} of {len(one.seeds)} (seed {where})",
                    f"Seed {first.seed}, step {first.first:,}: {first.finding}. {first.remedy}",
                )
            )
    return tuple(rows)


def cost(data: ComparisonRecord, runs: Runs) -> Cost:
    """Where the time went, a row a label: seconds of a run by phase, means over seeds."""
    spent = {label: _phases(of) for label, of in runs.items()}
    names = sorted({name for of in spent.values() for name in of}, key=lambda n: -_sum(spent, n))
    rows = (
        CostRow(
            label,
            quantity(one.samples.mean),
            duration(one.seconds.mean),
            tuple(quantity(spent[label].get(name, 0.0)) for name in names),
        )
        for label, one in data.objectives.items()
    )
    return Cost(tuple(names), tuple(rows))


def _phases(runs: Mapping[int, Run]) -> dict[str, float]:
    total: dict[str, float] = {}
    for run in runs.values():
        for record in run.records():
            for name, seconds in record.phases.items():
                total[name] = total.get(name, 0.0) + seconds / len(runs)
    return total


def _sum(spent: Mapping[str, Mapping[str, float]], name: str) -> float:
    return sum(of.get(name, 0.0) for of in spent.values())
