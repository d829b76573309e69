"""A comparison on the terminal: its plan, and the table of its results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import torch

from ...config import Config
from ...preflight.preflight import Preflight
from ...run.screen import Screen
from ...stats import all_same, half_width
from ...store.comparison import ArmRecord, ComparisonRecord, MeanRecord, ReachedRecord
from ...text import counted, counted_any, data_size, percent, short_duration, signed_points
from .comparison import Comparison
from .conclusions import on_one_update, p_value
from .forecast import time_for
from .planned import Planned

STARTING_SECONDS = 10.0
"""Seconds until a process has loaded everything."""
PAIR_SPEEDUP = 1.25
"""Speed of two runs at a time on two processors, relative to one at a time (LAB.md)."""


def tell_plan(
    name: str,
    preflights: Mapping[str, Preflight],
    runs: Sequence[Planned],
    path: Path,
    jobs: int,
    screen: Screen,
) -> None:
    """Print the whole plan, before any long work.

    Args:
        name: the comparison's.
        preflights: findings about each label's runs.
    """
    configs = {p.arm.label: p.arm.config for p in runs}
    first = runs[0].arm.config
    most = first.rollouts.max_tokens
    screen.say(f"paceline: comparing on {name}  →  {path}", "bold")
    wide = max(map(len, configs))
    for label, config in configs.items():
        screen.say(f"  {label:{wide}}  {config.objective.resolved(most)}")
    for line in _plan(configs, runs, jobs):
        screen.say(f"  {line}")
    n = min(first.evaluation.problems, *(len(c.loaded.task.heldout) for c in preflights.values()))
    every = [c.evaluation.every for c in configs.values()]
    way = "every step" if set(every) == {1} else f"every {counted_any(every, 'step')}"
    screen.say(f"  measured   on {counted(n, 'held-out problem')}: before, {way}, after")
    finished, begun = (sum(p.state == state for p in runs) for state in ("finished", "begun"))
    if finished or begun:
        screen.say(
            f"  found      {counted(finished, 'run')} finished, {begun} begun: they are used"
        )
    _tell_needs(preflights, runs, jobs, screen)
    updates = {k: (c.schedule.parts, repr(c.objective)) for k, c in configs.items()}
    notes = [note for one in preflights.values() for note in one.notes]
    for note in (*dict.fromkeys(notes), on_one_update(updates)):
        if note is not None:
            screen.say_once(note)


def _plan(configs: Mapping[str, Config], runs: Sequence[Planned], jobs: int) -> Iterator[str]:
    """The number of runs and of their steps, and the size of a round; if arms differ, all their
    values."""
    seeds = sorted({p.seed for p in runs})
    steps = counted_any((c.steps for c in configs.values()), "step")
    updates = counted_any((c.schedule.parts for c in configs.values()), "update")
    sizes = (f"{c.rollouts.problems} × {c.rollouts.completions}" for c in configs.values())
    count = counted(len(seeds), "seed")
    span = f" ({seeds[0]} to {seeds[-1]})" if len(seeds) > 1 else ""
    yield (
        f"plan       {len(configs)} × {count}{span} = {counted(len(runs), 'run')} of {steps}, "
        f"{jobs} at a time"
    )
    yield f"           {updates} a round of {' or '.join(dict.fromkeys(sizes))} completions"


def _tell_needs(
    preflights: Mapping[str, Preflight], runs: Sequence[Planned], jobs: int, screen: Screen
) -> None:
    """Print the time, and the memory if several runs share it."""
    left = [p for p in runs if p.state != "finished"]
    if not left:
        return
    took = [told for p in runs if p.state == "finished" and (told := p.run.outcome)]
    if took:
        # What runs took says more than a forecast, which supposes that every answer is cut.
        seconds = time_for(left, jobs, median(s.seconds / s.steps for s in took))
        screen.say(
            f"  time       about {short_duration(seconds)} for {_runs(left)}, if they go on as the "
            f"finished ones did, which took {short_duration(median(s.seconds for s in took))} each"
        )
    else:
        _tell_forecast(preflights, left, jobs, screen)
    estimates = [preflights[p.arm.label].estimate for p in left]
    needed = sum(sorted((e.memory.total for e in estimates), reverse=True)[:jobs])
    free = estimates[0].room.memory
    if jobs > 1 and needed > free:
        screen.say_once(
            f"{jobs} runs at a time may need {data_size(needed)} of memory, and "
            f"{data_size(free)} are free; make fewer at a time."
        )


def _tell_forecast(
    preflights: Mapping[str, Preflight], left: Sequence[Planned], jobs: int, screen: Screen
) -> None:
    """Print the longest possible time, if every run could be measured."""
    each = []
    for one in left:
        seconds = preflights[one.arm.label].estimate.seconds
        if seconds is None:
            return
        each.append(seconds.total + STARTING_SECONDS)
    # Several runs share a machine without GPUs, and together make little more than one alone.
    on_gpus = preflights[left[0].arm.label].loaded.device.type == "cuda"
    faster = min(jobs, len(left), torch.cuda.device_count() if on_gpus else PAIR_SPEEDUP)
    longest = max(each)
    whole, alone = short_duration(max(longest, sum(each) / faster)), short_duration(longest)
    screen.say(
        f"  time       up to {whole} for {_runs(left)}, up to {alone} each alone; less where "
        "answers end early"
    )


def _runs(left: Sequence[Planned]) -> str:
    return counted(len(left), "run")


def tell_result(result: Comparison, screen: Screen) -> None:
    """Print the table, the sentences, and the place of everything else."""
    data = result.record
    for line in table(data, screen.width):
        screen.say(line)
    for text in data.sentences:
        screen.say(f"– {text}")
    screen.say(f"figures  {result.file}")
    screen.say(f"page     {result.page}")


def table(data: ComparisonRecord, width: int | None = None) -> list[str]:
    """The table of initial and final accuracy, Δ, and speed, one row a label; means with 95 % t
    intervals over seeds.

    Args:
        width: width of the terminal: columns at the end are left out if there is no room for them.
    """
    most = max(len(one.seeds) for one in data.objectives.values())
    threshold = data.threshold
    until = "" if threshold is None else f"to {percent(threshold)}"
    against = data.baseline if len(data.baseline) <= 12 else "the first"
    columns = [
        ["", *(_named(label, one, most) for label, one in data.objectives.items())],
        *([head, *cells] for head, cells in _columns(data, f"to {against}", f"samples {until}")),
    ]
    widths = [max(map(len, column)) for column in columns]
    while width is not None and len(columns) > 3 and sum(widths) + 2 * len(widths) > width:
        del columns[-1], widths[-1]
    over = f" over {most} seeds, ± 95 % t interval" if most > 1 else ", one seed each"
    lines = [f"% right on held-out problems: means{over}"]
    for row in zip(*columns, strict=True):
        first, *others = (
            f"{cell:<{w}}" if place == 0 else f"{cell:>{w}}"
            for place, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join((first, *others)).rstrip())
    lines.insert(2, "─" * max(map(len, lines[1:])))
    return lines


def _named(label: str, one: ArmRecord, most: int) -> str:
    """The label, with its number of seeds if others have more."""
    n = len(one.seeds)
    return label if n == most else f"{label} ({n} of {most})"


def _columns(data: ComparisonRecord, against: str, samples: str) -> Iterator[tuple[str, list[str]]]:
    """(head, cells) of every column but the labels'."""
    every = list(data.objectives.values())
    found = data.differences.final_accuracy
    differences = [found.get(label) for label in data.objectives]
    yield "initial", [share(one.initial_accuracy) for one in every]
    yield "final", [share(one.final_accuracy) for one in every]
    yield "Δ", [change(one.delta) for one in every]
    yield against, ["" if d is None else change(d) for d in differences]
    ps = [d and d.p_holm for d in differences]
    yield "p (Holm)", ["" if p is None else p_value(p) for p in ps]
    yield "area", [share(one.area) for one in every]
    if data.threshold is not None:
        yield samples, [until(one.samples_to_threshold) for one in every]
    yield "training", [short_duration(one.seconds.mean) for one in every]


def share(mean: MeanRecord) -> str:
    """A share with half its interval, such as 77.0 ±2.9."""
    return f"{100 * mean.mean:.1f}{_half(mean)}"


def change(mean: MeanRecord) -> str:
    """A change with half its interval, such as +75.2 ±3.2."""
    return f"{signed_points(mean.mean)}{_half(mean)}"


def _half(mean: MeanRecord) -> str:
    """The half of the interval, from the values: the interval itself ends at 0 and 100 %. Nothing
    for values that are all the same."""
    half = None if all_same(mean.per_seed) else half_width(mean.per_seed)
    return "" if half is None else f" ±{100 * half:.1f}"


def until(reached: ReachedRecord) -> str:
    """A mean; or the number of seeds that reached the threshold."""
    if reached.mean is not None:
        return f"{reached.mean:,.0f}"
    return f"{reached.reached} of {len(reached.per_seed)}"
