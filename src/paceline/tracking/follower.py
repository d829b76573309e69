"""A follower: sends what is new in a run's files to a tracker, each thing once, however many
sessions the run has."""

from dataclasses import dataclass, replace
from typing import ClassVar

from ..store.base import Record, read_object
from ..store.new_lines import NewLines
from ..store.records import Measured, StepRecord
from ..store.rollout_row import read_rows
from ..store.run import Run
from .figures import completions_of, figures_of_evaluation, figures_of_step
from .tracker import FOLDER, TrackedRun, Tracker, state_of

NEVER = -1
"""The step of an evaluation that was not sent yet, and the round of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Record):
    """The part of a run that a tracker has: trackers/NAME.json in the run's folder.

    Steps that a resumed run takes again are the same to the bit, so they are not sent again.
    """

    noun: ClassVar[str] = "state of a tracker"

    step: int = 0
    """The last step that was sent."""
    round: int = NEVER
    """The last round whose completions were sent."""
    evaluation: int = NEVER
    """The step of the last evaluation that was sent; 0 is the one before training."""


class Follower:
    """Follows a run for one tracker.

    Args:
        name: the tracker's, under which its state is kept.
    """

    def __init__(self, run: Run, name: str, tracker: Tracker) -> None:
        self.run, self.tracker = run, tracker
        self._told = TrackedRun.of(run, name)
        self._file = f"{FOLDER}/{name}.json"
        self._lines = NewLines(run.lines)
        self._kept = self.sent = self._read()

    def start(self) -> str:
        """Open the run in the tracker; returns where it can be seen."""
        self._told.place.mkdir(parents=True, exist_ok=True)
        return self.tracker.start(self._told, self.sent.step)

    def look(self) -> None:
        """Send everything that is new. What was sent is known afterwards, also where it ends in an
        error."""
        try:
            if self.sent.evaluation == NEVER:
                self._send_before()
            for line in self._lines:
                self._send(StepRecord.from_json(line))
        finally:
            self._keep()

    def finish(self) -> None:
        """Send what the run has left at its end, and close the tracker."""
        self.look()
        outcome, page = self.run.outcome, self.run.path / "report.html"
        if outcome and outcome.finished and outcome.after:
            self._evaluation(outcome.after, outcome.steps)
            self._keep()
        if page.is_file():
            self.tracker.report(page, self.sent.step)
        self.tracker.finish(state_of(self.run))

    def _send_before(self) -> None:
        outcome = self.run.outcome
        if outcome and outcome.before:
            self._evaluation(outcome.before, 0)

    def _send(self, record: StepRecord) -> None:
        """Send a step, with its evaluation and the completions of a round that begins."""
        if record.step <= self.sent.step:
            return
        self.tracker.log(figures_of_step(record), record.step)
        if record.round > self.sent.round:
            self._completions(record)
        if record.evaluation is not None:
            self._evaluation(record.evaluation, record.step)
        self._now(step=record.step)

    def _completions(self, record: StepRecord) -> None:
        rows = read_rows(self.run.rollouts_of(record.round))
        if rows:  # the file may have been removed, to make room
            self.tracker.completions(completions_of(rows), record.step)
        self._now(round=record.round)

    def _evaluation(self, measured: Measured, step: int) -> None:
        if step > self.sent.evaluation:
            self.tracker.log(figures_of_evaluation(measured), step)
            self._now(evaluation=step)

    def _now(self, **changes: int) -> None:
        self.sent = replace(self.sent, **changes)

    def _read(self) -> Sent:
        path = self.run.path / self._file
        return read_object(path, Sent) if path.is_file() else Sent()

    def _keep(self) -> None:
        if self.sent != self._kept:
            self.run.write_json(self._file, self.sent.to_json())
            self._kept = self.sent
