"""Listeners of a run: objects that are told of its events, and the two that every run has besides
the screen."""

from collections.abc import Callable

from ..diagnostics import Watch
from ..store.records import Event, Measured, StepRecord
from ..store.run import Run
from ..types import Round


class Listener:
    """A receiver of a run's events, in order; each method does nothing unless it is overridden.

    An error that a listener raises stops the run, after a checkpoint. A listener that must never do
    so, such as a tracker, catches its own errors.
    """

    def begins(self, before: Measured | None) -> None:
        """Training begins or continues; with the accuracy that was measured before the first
        step."""

    def earlier_step(self, record: StepRecord) -> None:
        """A step that an earlier session of the run has taken, to be known but not shown."""

    def evaluated(self, title: str, measured: Measured) -> None:
        """Accuracy was measured on held-out problems.

        Args:
            title: the time, such as "before training" or "after step 20".
        """

    def step(self, record: StepRecord, round: Round | None) -> None:
        """A step was taken.

        Args:
            round: the round that it trained on; None if a later session writes down the step.
        """

    def event(self, event: Event) -> None:
        """Any other event."""


class RunFiles(Listener):
    """Writes metrics.jsonl and events.jsonl.

    Attributes:
        metrics_bytes: the length of metrics.jsonl up to the last written step.
    """

    def __init__(self, run: Run, metrics_bytes: int = 0) -> None:
        self.run, self.metrics_bytes = run, metrics_bytes

    def step(self, record: StepRecord, round: Round | None) -> None:
        self.metrics_bytes += self.run.append_metrics(record.to_json())

    def event(self, event: Event) -> None:
        self.run.append_event(event)


class Diagnostics(Listener):
    """Checks every step with the rules of diagnostics, and reports findings as notes.

    Args:
        note: called with each sentence.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self.watch, self.note = Watch(), note

    def begins(self, before: Measured | None) -> None:
        if before is not None:
            self.watch.starts(before)

    def earlier_step(self, record: StepRecord) -> None:
        self.watch.sees(record)  # its notes were told then

    def step(self, record: StepRecord, round: Round | None) -> None:
        for notice in self.watch.notices(record):
            self.note(notice)
