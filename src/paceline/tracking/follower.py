"""A follower: sends what is new in a run's files to a tracker, each thing once, however many
sessions the run has."""

from dataclasses import dataclass, replace
from typing import ClassVar

from ..store.base import Record, read_object
from ..store.folder import CONFIG_FILE
from ..store.new_lines import NewLines
from ..store.records import Measured, StepRecord
from ..store.rollout_row import read_table
from ..store.run import Run
from ..store.snapshot import state_of
from .figures import COLUMNS_READ, completions_of, figures_of_evaluation, figures_of_step
from .tracker import FOLDER, TrackedRun, Tracker

NEVER = -1
"""The round of a table, and the step of an evaluation, where none was sent yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Record):
    """The part of a run that a tracker has: trackers/NAME.json in the run's folder.

    A resumed run takes the steps behind its checkpoint again. They are the same to the bit, and not
    sent twice, unless the resume has changed something: then the tracker goes back to where that
    was.
    """

    noun: ClassVar[str] = "state of a tracker"

    step: int = 0
    """The last step whose figures were sent."""
    round: int = NEVER
    """The last round whose completions were sent."""
    evaluation: int = NEVER
    """The step of the last evaluation that was sent; 0 is the one before training."""
    changes: int = 0
    """Number of the run's changes at resumes that are known."""


class Follower:
    """Follows a run for one tracker.

    Args:
        name: the tracker's, under which its state is kept.
        pid: the run's process; None where it is over.
    """

    def __init__(self, run: Run, name: str, tracker: Tracker, pid: int | None = None) -> None:
        self.run, self.tracker = run, tracker
        self._told = TrackedRun.of(run, name, pid)
        self._file = f"{FOLDER}/{name}.json"
        self._lines = NewLines(run.lines)
        self._kept = self.sent = self._read()
        self._described = 0
        self._go_back()

    @property
    def has_steps(self) -> bool:
        """True once the run has taken a step: one that takes none leaves nothing anywhere."""
        return self.run.lines.exists()

    def start(self) -> str:
        """Open the run in the tracker; returns where it can be seen."""
        self._told.place.mkdir(parents=True, exist_ok=True)
        return self.tracker.start(self._told, self.sent.step)

    def look(self) -> None:
        """Send everything that is new. After an error, the next look begins with what failed."""
        try:
            self._go_back()
            self._send_before()
            for line in self._lines:
                self._send(StepRecord.from_json(line))
        except BaseException:
            self._lines = NewLines(self.run.lines)
            raise

    def finish(self) -> None:
        """Send what the run has left at its end, and close the tracker."""
        self.look()
        outcome, page = self.run.outcome, self.run.path / "report.html"
        if outcome and outcome.finished and outcome.after:
            self._evaluation(outcome.after, outcome.steps)
        if page.is_file():
            self.tracker.report(page, self.sent.step)
        self.tracker.finish(state_of(outcome))

    def _send_before(self) -> None:
        if self.sent.evaluation == NEVER:
            outcome = self.run.outcome
            if outcome and outcome.before:
                self._evaluation(outcome.before, 0)

    def _send(self, record: StepRecord) -> None:
        """Send what a step has, part by part, as each part may fail."""
        if record.step <= self.sent.step:
            return
        if record.round > self.sent.round:
            table = read_table(self.run.rollouts_of(record.round), COLUMNS_READ)
            if table is not None:  # the file may have been removed, to make room
                self.tracker.completions(completions_of(table.to_pylist()), record.step)
            self._keep(round=record.round)
        if record.evaluation is not None:
            self._evaluation(record.evaluation, record.step)
        self.tracker.log(figures_of_step(record), record.step)
        self._keep(step=record.step)

    def _evaluation(self, measured: Measured, step: int) -> None:
        if step > self.sent.evaluation:
            self.tracker.log(figures_of_evaluation(measured), step)
            self._keep(evaluation=step)

    def _read(self) -> Sent:
        path = self.run.path / self._file
        return read_object(path, Sent) if path.is_file() else Sent()

    def _keep(self, **changes: int) -> None:
        """Note what was sent, on disk: the process may end at any moment."""
        self.sent = replace(self.sent, **changes)
        if self.sent != self._kept:
            self.run.write_json(self._file, self.sent.to_json())
            self._kept = self.sent

    def _go_back(self) -> None:
        """Go back to the checkpoint of the first change that the tracker does not know: from there
        on the run's steps are other ones."""
        described = (self.run.path / CONFIG_FILE).stat().st_mtime_ns
        if described == self._described:
            return
        self._described = described
        changes = self.run.description.changes
        first = min((one.step for one in changes[self.sent.changes :]), default=self.sent.step)
        if first < self.sent.step:
            rounds = (record.round for record in self.run.records() if record.step <= first)
            self.sent = replace(
                self.sent, step=first, round=max(rounds, default=NEVER),
                evaluation=min(self.sent.evaluation, first),
            )  # fmt: skip
        self.sent = replace(self.sent, changes=len(changes))
