"""A sitting: a run from where it stands to its end, or to whatever stops it.

A run has one sitting, or as many as it takes. What a sitting knows beyond the trainer is read back
from what the run has written, so that the next one goes on as if there had been no stop.
"""

import errno
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, DivergedError
from ..layout import PADDED
from ..model.allocator import give_back_freed_memory
from ..training import Evaluation, Keeper, Report, Trainer, evaluate
from ..types import Round
from ..verify.judges import Judges
from . import checkpoint, prepare
from .checkpoint import State
from .log import counters_of, line
from .plan import next_command
from .prepare import Checked, evaluation_sampling
from .report import write_report
from .rollouts import write_round
from .run import Run
from .saver import Saver
from .screen import Screen
from .signals import Interrupts
from .watch import Watch
from .watchdog import Watchdog

GIVE_BACK_EVERY = 20
"""Steps after which memory that was kept for reuse goes back to the system."""
FULL = (errno.ENOSPC, errno.EDQUOT)
MOST_SKIPPED = 5
"""Steps in a row whose gradient was not finite, after which a run stops."""


class Sitting(Keeper):
    """One sitting of a run.

    Args:
        found: the checkpoint to go on from; None begins at the start.
    """

    def __init__(
        self,
        checked: Checked,
        run: Run,
        screen: Screen,
        judges: Judges,
        found: tuple[Path, State] | None = None,
    ) -> None:
        self.checked, self.config = checked, checked.config
        self.run, self.screen, self.judges, self.found = run, screen, judges, found
        self.interrupts, self.watch = Interrupts(), Watch()
        self.began = time.perf_counter() - (found[1].seconds if found else 0.0)
        self.metrics_bytes = found[1].metrics_bytes if found else 0
        self.line = found[1].line if found else None
        """The step's line until it is written."""
        self.round: str | None = found[1].round if found else None
        """sha256 of the file of the round in use."""
        self.skipped = 0
        self.before: dict[str, Any] | None = None

    def go(self) -> None:
        """Evaluate, train, evaluate, and leave everything on disk.

        Raises: Interrupted, or whatever stopped it, behind a checkpoint, the model, the summary
            and the report; nothing of these where no step was taken.
        """
        with self.interrupts:
            trainer = self._trainer()
            self._evaluate_before(trainer)
            with self._saver() as saver, self._watchdog(trainer):
                self.saver = saver
                self._take_up(trainer)
                try:
                    self._train(trainer)
                    after = self._evaluate(trainer, "after training")
                except (KeyboardInterrupt, Exception) as error:
                    self._stop(trainer, error)
                    if isinstance(error, OSError) and error.errno in FULL:
                        raise self._full(error) from error
                    raise
                self._finish(trainer, after)

    def _trainer(self) -> Trainer:
        with self.screen.busy("loading the model"):
            policy = prepare.policy_of(self.checked)
            trainer = prepare.trainer_of(self.checked, policy, self, self.judges)
        if policy.layout is PADDED:
            self.screen.say_once(
                "not every layer of this model is plain attention, so rows are padded: slower, "
                "with the same gradient."
            )
        return trainer

    def _evaluate_before(self, trainer: Trainer) -> None:
        """Measure the model as it was at the start, unless that was done in the same way."""
        measured = self.run.summary
        if "before" in measured and measured["evaluation"] == asdict(self.config.evaluation):
            self.before = measured["before"]
            return
        evaluation = self._evaluate(trainer, "before training")
        self.before = evaluation and asdict(evaluation)
        self._write_summary(trainer, None)

    def _take_up(self, trainer: Trainer) -> None:
        """Put the trainer where the checkpoint was, and know what earlier sittings knew."""
        self.trainer = trainer
        for old in self.run.metrics():
            list(self.watch.notices(old))  # told then
            self.screen.recent.append(old["seconds"])
            self.skipped = self.skipped + 1 if old["skipped"] else 0
        if self.found is None:
            return
        folder, state = self.found
        file = self.run.rollouts_of(state.rounds - 1)
        try:
            checkpoint.restore(folder, state, trainer, file)
        except CheckpointError as error:
            raise CheckpointError(f"'{folder}' cannot be gone on from: {error}.") from error
        self.saver.check_start(trainer, state)

    def _saver(self) -> Saver:
        return Saver(
            self.run.checkpoints, self.run.config["id"], self.config.save_keep, self.run.lines,
            self._not_saved, self.found[0] if self.found else None,
        )  # fmt: skip

    def _watchdog(self, trainer: Trainer) -> Watchdog:
        def tell(text: str) -> None:
            self.run.event("stuck", text, trainer.steps)
            self.screen.say(f"  note: {text}", "yellow")

        return Watchdog(trainer, self.judges, tell)

    def _train(self, trainer: Trainer) -> None:
        """Every step, its evaluation, its line, its checkpoint."""
        config = self.config
        while self.line is not None or trainer.steps < config.steps:
            if self.line is None:
                self.interrupts.check()
                with self._busy("training"):
                    report = trainer.step()
                self.line = line(report)
                self._look_at(report)
            every = config.evaluation.every
            if every and trainer.steps % every == 0 and trainer.steps < config.steps:
                evaluation = self._evaluate(trainer, f"after step {trainer.steps}")
                self.line["evaluation"] = evaluation and asdict(evaluation)
            self._write_line(trainer)
            last = trainer.steps == config.steps
            if config.save_every and (last or trainer.steps % config.save_every == 0):
                self.saver.begin(self.state(trainer), trainer)

    def _look_at(self, report: Report) -> None:
        """What has to be known of a step besides its line."""
        for lost in report.drawn.lost if report.part == 0 else ():
            told = f" ({lost.detail.rstrip('.')})" if lost.detail else ""
            self.screen.say_once(
                f"a group was dropped because {lost.reason}{told}; its problem had no verdict.",
                once_for=lost.reason,
            )
        if report.step % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()

    def _write_line(self, trainer: Trainer) -> None:
        """Keep and show the step's line."""
        assert self.line is not None
        written, self.line = self.line, None
        try:
            self.metrics_bytes += self.run.append_metrics(written)
        except OSError:
            self.line = written  # the next sitting writes it
            raise
        self.screen.step(written)
        for notice in self.watch.notices(written):
            self.run.event("note", notice, trainer.steps)
            self.screen.say_once(notice)
        every = self.config.show_every
        if every and (trainer.steps - 1) % every == 0 and trainer.drawn is not None:
            self.screen.completions(trainer.drawn.round)
        self.skipped = self.skipped + 1 if written["skipped"] else 0
        if self.skipped >= MOST_SKIPPED:
            raise DivergedError(
                f"The gradient was not finite in {self.skipped} steps in a row, the last of them "
                f"step {trainer.steps}; {self._go_back(trainer)} Lower optimizer.lr, or look at "
                "the last rounds in the report."
            )

    def _go_back(self, trainer: Trainer) -> str:
        """Return to the last checkpoint, for the model that is left behind."""
        self.saver.settle()
        if self.saver.newest is None:
            return "there is no checkpoint to go back to."
        state = checkpoint.verify(self.saver.newest, self.run.config["id"])
        file = self.run.rollouts_of(state.rounds - 1)
        checkpoint.restore(self.saver.newest, state, trainer, file)
        return f"the model is that of step {state.step} again, the last checkpoint."

    def state(self, trainer: Trainer) -> State:
        """Where the run stands."""
        used_up = trainer.part == trainer.schedule.parts
        drawn = trainer.drawn
        return State(
            step=trainer.steps,
            rounds=trainer.rounds,
            part=trainer.part,
            draw=trainer.sampler.draw,
            version=trainer.policy.version,
            tokens_per_forward=trainer.tokens_per_forward,
            rows_at_once=trainer.engine.rows_at_once,
            metrics_bytes=self.metrics_bytes,
            round=None if used_up else self.round,
            drawn=None if used_up or drawn is None else checkpoint.counted(drawn),
            line=self.line,
            seconds=self.seconds,
            start=None,
        )

    @property
    def seconds(self) -> float:
        """Spent on the run so far, over all its sittings."""
        return time.perf_counter() - self.began

    def _stop(self, trainer: Trainer, error: BaseException) -> None:
        """Leave everything from which the run can go on, and what was learned."""
        self.saver.settle()
        if trainer.steps == 0:
            return
        self.screen.say(
            f"Stopped ({type(error).__name__}) after step {trainer.steps}: saving.", "yellow"
        )
        diverged = isinstance(error, DivergedError)
        if trainer.whole and not diverged:
            self.saver.begin(self.state(trainer), trainer)
            self.saver.settle()
        self.run.event("stopped", _in_words(error), trainer.steps)
        self._write_summary(trainer, error)
        if trainer.whole and not (diverged and self.saver.newest is None):
            self.run.save_model(trainer.policy)
        self._report()
        if self.saver.newest is not None:
            self.screen.say(f"go on    paceline resume {self.run.path}")

    def _full(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"The disk that holds '{self.run.path}' is full ({error.strerror}); make room, then "
            f"`paceline resume {self.run.path}`."
        )

    def _finish(self, trainer: Trainer, after: Evaluation | None) -> None:
        """The model, the summary, the report, and the last lines on the screen."""
        self.run.save_model(trainer.policy)
        self.saver.finish()
        self._write_summary(trainer, None, after, finished=True)
        self.run.event("finished", "", trainer.steps)
        report = self._report()
        if self.before and after:
            self.screen.table(Evaluation.of(self.before), after)
        self.screen.say(f"report   {report}")
        self.screen.say(f"model    {self.run.model}")
        self.screen.say(f"seconds  {self.seconds:.0f}")
        self.screen.say(f"next     {next_command(self.checked, self.run.path)}")

    def _write_summary(
        self,
        trainer: Trainer,
        error: BaseException | None,
        after: Evaluation | None = None,
        *,
        finished: bool = False,
    ) -> None:
        summary = {
            "finished": finished,
            "before": self.before,
            "after": after and asdict(after),
            "evaluation": asdict(self.config.evaluation),
            "steps": trainer.steps,
            "rounds": trainer.rounds,
            "interrupted": isinstance(error, KeyboardInterrupt),
            "stopped": None if error is None else _in_words(error),
            "counters": counters_of(self.run.metrics(), self.run.events()),
            "seconds": self.seconds,
            "model": "model",
        }
        self.run.write_json("summary.json", summary)

    def _report(self) -> Path | None:
        return write_report(self.run.path) if self.run.lines.exists() else None

    def _evaluate(self, trainer: Trainer, title: str) -> Evaluation | None:
        settings = self.config.evaluation
        if not settings.problems:
            return None
        with self.screen.busy(f"evaluating {title}"), self.interrupts.abandonable():
            evaluation, _ = evaluate(
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
        self.screen.evaluation(title, evaluation)
        return evaluation

    def _busy(self, what: str) -> AbstractContextManager[None]:
        return self.screen.busy(what) if self.screen.console.is_terminal else nullcontext()

    # What the trainer asks of its surroundings.

    def keep(self, round: Round) -> None:
        trainer, path = self.trainer, self.run.rollouts_of(round.index)
        written = write_round(
            path, round, trainer.objective, trainer.policy.tokenizer, trainer.steps + 1
        )
        self.round = written.sha256

    def abandonable(self) -> AbstractContextManager[object]:
        return self.interrupts.abandonable()

    def before_change(self) -> None:
        self.saver.settle()

    def out_of_memory(self, what: str) -> None:
        text = f"memory ran out in step {self.trainer.steps + 1}, which is done again: {what}"
        self.run.event("memory", text, self.trainer.steps)
        self.screen.say(f"  note: {text}", "yellow")

    def _not_saved(self, text: str) -> None:
        self.run.event("not saved", text, self.trainer.steps)
        self.screen.say(f"  note: {text}; training goes on.", "yellow")


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
