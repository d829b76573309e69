"""What a run has to show: accuracy before, on the way and after, the summary and the report."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..training import Evaluation, Trainer, evaluate
from ..training.memory import with_less
from ..verify.calling.pool import VerifierPool
from .check import Checked, evaluation_sampling
from .log import counters_of
from .plan import next_command
from .report import write_report
from .run import Run
from .screen import Screen
from .signals import Interrupts


class Results:
    """Measures a run and leaves what it came to.

    Args:
        spent: seconds of earlier sittings.
        before: accuracy before training, where it is known without measuring.
    """

    def __init__(
        self,
        checked: Checked,
        run: Run,
        screen: Screen,
        judges: VerifierPool,
        interrupts: Interrupts,
        spent: float,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        self.checked, self.config, self.run, self.screen = checked, checked.config, run, screen
        self.judges, self.interrupts = judges, interrupts
        self.began = time.perf_counter() - spent
        self.before = before

    @property
    def seconds(self) -> float:
        """Spent on the run so far, over all its sittings."""
        return time.perf_counter() - self.began

    def measure_before(self, trainer: Trainer) -> None:
        """Measure the model as it was at the start, unless that was done in the same way."""
        measured = self.run.summary
        if self.before is not None:
            self.screen.evaluation(
                "before training, measured elsewhere", Evaluation.of(self.before)
            )
        elif "before" in measured and measured["evaluation"] == asdict(self.config.evaluation):
            self.before = measured["before"]
            return
        else:
            evaluation = self.evaluate(trainer, "before training")
            self.before = evaluation and asdict(evaluation)
        self.summarize(trainer)

    def evaluate(self, trainer: Trainer, title: str) -> Evaluation | None:
        """Accuracy of the policy as it is; None where nothing is to be measured."""
        settings = self.config.evaluation
        if not settings.problems:
            return None
        work = partial(
            evaluate,
            trainer.policy,
            trainer.engine,
            self.checked.task,
            evaluation_sampling(self.config),
            problems=settings.problems,
            completions=settings.completions,
            seed=self.config.seed,
            progress=self.screen.progress,
            judges=self.judges,
        )
        with self.screen.busy(f"evaluating {title}"), self.interrupts.abandonable():
            evaluation, _ = with_less(work, trainer.fewer_rows)
        self.screen.evaluation(title, evaluation)
        return evaluation

    def summarize(
        self,
        trainer: Trainer,
        error: BaseException | None = None,
        after: Evaluation | None = None,
        *,
        finished: bool = False,
    ) -> None:
        """Write summary.json as far as the run is."""
        summary = {
            "finished": finished,
            "before": self.before,
            "after": after and asdict(after),
            "evaluation": asdict(self.config.evaluation),
            "steps": trainer.steps,
            "rounds": trainer.rounds,
            "interrupted": isinstance(error, KeyboardInterrupt),
            "stopped": None if error is None else in_words(error),
            "counters": counters_of(self.run.metrics(), self.run.events()),
            "seconds": self.seconds,
            "model": "model",
        }
        self.run.write_json("summary.json", summary)

    def report(self) -> Path | None:
        """Write the report, as soon as there is a step to report."""
        return write_report(self.run.path) if self.run.lines.exists() else None

    def finish(self, trainer: Trainer, after: Evaluation | None) -> None:
        """The summary, the report, and the last lines on the screen."""
        self.run.event("finished", "", trainer.steps)
        self.summarize(trainer, after=after, finished=True)
        report = self.report()
        if self.before and after:
            self.screen.table(Evaluation.of(self.before), after)
            self.screen.remark_on("after training", after)
        if report is not None:
            self.screen.say(f"report   {report}")
        self.screen.say(f"model    {self.run.model}")
        self.screen.say(f"seconds  {self.seconds:.0f}")
        self.screen.say(f"next     {next_command(self.checked, self.run.path)}")


def in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
