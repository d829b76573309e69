"""The writing of summary.json: the progress and the results of a run."""

import time
from dataclasses import asdict

from ..config import Config
from ..store.records import Measured, Summary, counters_of
from ..store.run import Run
from ..training import Trainer


class SummaryFile:
    """Writes a run's summary.json, at any point of the run.

    Args:
        spent: seconds that earlier sessions took.
        before: accuracy before training, if it is known without measuring.
    """

    def __init__(
        self, run: Run, config: Config, spent: float, before: Measured | None = None
    ) -> None:
        self.run, self.config, self.before = run, config, before
        self.began = time.perf_counter() - spent

    @property
    def seconds(self) -> float:
        """Seconds spent on the run so far, over all its sessions."""
        return time.perf_counter() - self.began

    @property
    def earlier(self) -> Summary | None:
        """The summary of an earlier session, if that measured in the same way."""
        told = self.run.outcome
        same = told is not None and told.evaluation == asdict(self.config.evaluation)
        return told if same else None

    def write(
        self,
        trainer: Trainer,
        error: BaseException | None = None,
        after: Measured | None = None,
        *,
        finished: bool = False,
    ) -> None:
        """Write summary.json.

        Args:
            error: the error that stopped the session.
            after: accuracy after the last step.
        """
        summary = Summary(
            finished=finished,
            before=self.before,
            after=after,
            evaluation=asdict(self.config.evaluation),
            steps=trainer.steps,
            rounds=trainer.rounds,
            interrupted=isinstance(error, KeyboardInterrupt),
            stopped=None if error is None else in_words(error),
            counters=counters_of(self.run.records(), self.run.event_records()),
            seconds=self.seconds,
        )
        self.run.write_json("summary.json", summary.to_json())


def in_words(error: BaseException) -> str:
    """An error's class and its sentence."""
    return f"{type(error).__name__}: {error}"
