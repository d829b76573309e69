"""A comparison on the terminal: what it will do, and the table of what it came to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from ..check import Checked
from ..check_room import gigabytes
from ..report.words import signed
from ..screen import Screen, duration
from .planned import Planned
from .record import Comparison
from .statistics import half_width

Json = dict[str, Any]
WIDE = 100
"""Columns of a terminal that holds the whole table."""


def tell_plan(
    checked: Checked, runs: Sequence[Planned], path: Path, jobs: int, screen: Screen
) -> None:
    """The whole comparison, before anything long starts."""
    config = runs[0].arm.config
    arms = {p.arm.label: p.arm for p in runs}
    seeds = sorted({p.seed for p in runs})
    r, schedule = config.rollouts, config.schedule
    screen.say(f"paceline: comparing on {config.name}  →  {path}", "bold")
    for label, arm in arms.items():
        screen.say(f"  {label:12} {arm.config.objective.resolved(r.max_tokens)}")
    once = "once" if schedule.epochs == 1 else f"{schedule.epochs} times"
    screen.say(
        f"  plan       {len(arms)} × {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}) = {len(runs)} "
        f"runs of {config.steps} steps, {jobs} at a time; {schedule.parts} "
        f"update{'s' if schedule.parts > 1 else ''} a round of {r.problems} × {r.completions}, "
        f"gone through {once}"
    )
    e = config.evaluation
    n = min(e.problems, len(checked.task.heldout))
    screen.say(f"  measured   on {n} held-out problems: before, every {e.every} steps, after")
    counted = {s: sum(p.state == s for p in runs) for s in ("finished", "begun")}
    if counted["finished"] or counted["begun"]:
        screen.say(
            f"  found      {counted['finished']} runs finished, {counted['begun']} begun: they are "
            "used"
        )
    _tell_needs(checked, sum(p.state != "finished" for p in runs), jobs, screen)
    for note in checked.notes:
        screen.say_once(note)


def _tell_needs(checked: Checked, left: int, jobs: int, screen: Screen) -> None:
    """Time, and memory where several runs share it."""
    estimate = checked.estimate
    if not left or estimate is None:
        return
    if estimate.seconds is not None:
        one = estimate.seconds.total
        screen.say(
            f"  time       up to {duration(one * left / jobs)} for {left} runs, up to "
            f"{duration(one)} each alone; less where answers end early"
        )
    needed = estimate.memory.total * min(jobs, left)
    if jobs > 1 and needed > estimate.room.memory:
        screen.say_once(
            f"{jobs} runs at a time may need {gigabytes(needed)} of memory, and "
            f"{gigabytes(estimate.room.memory)} are free; make fewer at a time."
        )


def tell_result(result: Comparison, screen: Screen) -> None:
    """The table, the sentences, and where the rest is."""
    data = result.data
    if not data:
        return
    wide = screen.console.width >= WIDE or not screen.console.is_terminal
    screen.show(table(data, wide=wide), width=WIDE)
    for text in data["sentences"]:
        screen.say(f"– {text}")
    screen.say(f"figures  {result.file}")
    if result.page.exists():
        screen.say(f"page     {result.page}")


def table(data: Json, *, wide: bool = True) -> Table:
    """Initial, final, Δ, and how fast, one row a label; means with 95 % t intervals over seeds.

    Args:
        wide: with the columns that a narrow terminal has no room for.
    """
    most = max(len(one["seeds"]) for one in data["objectives"].values())
    made = Table(
        title=f"% right on held-out problems: means over {most} seeds, ± 95 % t interval",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    made.add_column("")
    threshold = f"{100 * data['threshold']:.0f} %"
    columns = ["initial", "final", "Δ", f"to {data['baseline']}", "p"]
    columns += ["area", f"samples\nto {threshold}", "time"] if wide else []
    for column in columns:
        made.add_column(column, justify="right", no_wrap=True)
    for label, one in data["objectives"].items():
        difference = data["differences"]["final_accuracy"].get(label)
        p = None if difference is None else difference["p_holm"]
        cells = [
            label,
            share(one["initial_accuracy"]),
            share(one["final_accuracy"]),
            change(one["delta"]),
            "" if difference is None else change(difference),
            "" if p is None else f"{p:.3f}",
            share(one["area"]),
            until(one["samples_to_threshold"]),
            duration(one["seconds"]["mean"]),
        ]
        made.add_row(*cells[: len(columns) + 1])
    return made


def share(mean: Json) -> str:
    """Example: 77.0 ±2.9"""
    return f"{100 * mean['mean']:.1f}{_half(mean)}"


def change(mean: Json) -> str:
    """Example: +75.2 ±3.2"""
    return f"{signed(mean['mean'])}{_half(mean)}"


def _half(mean: Json) -> str:
    """The half of the interval, from the values: the interval itself ends at 0 and 100 %."""
    half = half_width(mean["per_seed"])
    return "" if half is None else f" ±{100 * half:.1f}"


def until(counted: Json) -> str:
    """A mean; or how many seeds came that far."""
    if counted["mean"] is not None:
        return f"{counted['mean']:,.0f}"
    return f"{counted['reached']} of {len(counted['per_seed'])}"
