"""A snapshot of a run's files, for the report: a run that is still going on lacks a summary and
more."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .base import finite, read_lines, read_object, read_objects
from .description import RunDescription
from .folder import CONFIG_FILE, check_is_run
from .records import Event, Measured, StepRecord, Summary

Metric = Callable[[StepRecord], float | None]
"""A figure of a step."""


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """The files of one run directory, parsed; nothing in them is changed."""

    folder: Path
    description: RunDescription
    """config.json: name, config, objective, versions, machine, command, start."""
    metrics: tuple[StepRecord, ...]
    """Records of the steps, in order; empty before the first one."""
    summary: Summary | None
    """Content of summary.json; None as long as nothing was measured."""
    events: tuple[Event, ...] = ()
    """Starts, stops, notes, in order."""
    broken_lines: int = 0
    """Number of lines of metrics.jsonl that are not a JSON object, not counting a half-written last
    one."""

    @property
    def state(self) -> str:
        """State of the run, as `state_of` has it."""
        return state_of(self.summary)

    @property
    def before(self) -> Measured | None:
        """Accuracy before training, if it was measured."""
        return self.summary and self.summary.before

    @property
    def after(self) -> Measured | None:
        return self.summary and self.summary.after

    @property
    def steps(self) -> list[int]:
        """The number of each step."""
        return [record.step for record in self.metrics]

    @property
    def updates_per_round(self) -> float:
        """Steps divided by the rounds that they used; 1 if every round served one update."""
        rounds = {record.round for record in self.metrics}
        return len(self.metrics) / len(rounds) if rounds else 1.0

    @property
    def completions(self) -> int:
        """Number of completions sampled: those of each round once, however many updates it
        served."""
        return sum({record.round: record.completions for record in self.metrics}.values())

    def column(self, of: Metric) -> list[float | None]:
        """A metric over the steps, None where it is missing or not finite."""
        return [finite(of(record)) for record in self.metrics]


def state_of(summary: Summary | None) -> str:
    """State of a run by its summary: going, finished, interrupted (by a signal) or stopped (by an
    error)."""
    if summary is None:
        return "going"
    if summary.interrupted:
        return "interrupted"
    if summary.finished:
        return "finished"
    return "stopped" if summary.stopped else "going"


def read_run(folder: Path) -> RunSnapshot:
    """Read everything but the rollouts.

    Raises: ConfigError if the directory is not a run; RecordError for a file that this version
        cannot read.
    """
    check_is_run(folder)
    summary = folder / "summary.json"
    steps = folder / "metrics.jsonl"
    lines = list(read_objects(steps))
    broken = sum(found is None for _, found in lines[:-1])  # the last may be half written yet
    return RunSnapshot(
        folder=folder,
        description=read_object(folder / CONFIG_FILE, RunDescription),
        metrics=tuple(read_lines(steps, StepRecord, lines)),
        summary=read_object(summary, Summary) if summary.is_file() else None,
        events=tuple(read_lines(folder / "events.jsonl", Event)),
        broken_lines=broken,
    )
