"""A session: takes a run from its current step to its end, or to an interruption.

A run has one session, or as many as it takes. Everything that a session knows beyond the trainer is
read back from the run's files, so that the next session continues as if there had been no stop.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from ..errors import DataError, DivergedError, UnfitCheckpointError
from ..layout import PADDED
from ..model.allocator import give_back_freed_memory, memory_gb
from ..preflight.load import Loaded
from ..report import write_report
from ..store import checkpoint
from ..store.async_writer import Saver
from ..store.base import RecordError
from ..store.checkpoint import FoundCheckpoint, State
from ..store.hints import go_on
from ..store.records import Event, Measured, StepRecord
from ..store.rounds import read_round, write_round
from ..store.run import Run
from ..training import StepReport, Trainer, TrainerHooks
from ..training.retry import retry_smaller
from ..training.round_checks import refuse_hopeless
from ..types import Round
from ..verify.calling.pool import VerifierPool
from . import build
from .continuation import newest, refusal
from .describe import next_command
from .evaluation import Evaluator
from .listeners import Diagnostics, Listener, RunFiles
from .screen import Screen
from .signals import Interrupts
from .summary import SummaryFile, in_words
from .watchdog import Watchdog

GIVE_BACK_EVERY = 20
"""Number of steps after which memory that was kept for reuse goes back to the system."""
MOST_SKIPPED = 5
"""Number of steps in a row with a gradient that is not finite, after which a run stops."""


class Session(TrainerHooks):
    """One process's share of a run.

    Args:
        found: the checkpoint to continue from; None begins at the start.
        taken_up: called when the checkpoint has been restored.
        before: accuracy before training, if it is known without measuring.
    """

    def __init__(
        self,
        loaded: Loaded,
        run: Run,
        screen: Screen,
        verifiers: VerifierPool,
        interrupts: Interrupts,
        found: FoundCheckpoint | None = None,
        taken_up: Callable[[], None] = lambda: None,
        before: Measured | None = None,
    ) -> None:
        self.loaded, self.config, self.run, self.screen = loaded, loaded.config, run, screen
        self.verifiers, self.interrupts, self.found = verifiers, interrupts, found
        self.taken_up = taken_up
        state = found.state if found else None
        self.evaluator = Evaluator(loaded, verifiers, screen, interrupts)
        self.summary = SummaryFile(run, self.config, state.seconds if state else 0.0, before)
        self.files = RunFiles(run, state.metrics_bytes if state else 0)
        diagnostics = Diagnostics(lambda text: self.event("note", text))
        self.listeners: tuple[Listener, ...] = (self.files, screen, diagnostics)
        line = state.line if state else None
        self.record = None if line is None else StepRecord.from_json(line)
        """The step's record until it is written."""
        self.round: str | None = state.round if state else None
        """sha256 of the file of the round in use."""
        self.skipped, self.deaths = 0, 0

    def go(self) -> None:
        """Evaluate, train, evaluate, and leave everything on disk.

        Raises: Interrupted, or the error that stopped it, after a checkpoint, the model, the
            summary and the report are saved; none of these if no step was taken.
        """
        trainer = self._trainer()
        with self._watchdog(trainer), self._saver() as saver:
            self.saver = saver
            self._measure_before(trainer)
            self._take_up(trainer)
            try:
                self._train(trainer)
                self.saver.settle()  # the model that is being saved may be changed now
                after = self._evaluate(trainer, "after training", last=True)
                self.run.save_model(trainer.policy)
            except BaseException as error:
                self._stop(trainer, error)
                raise
            saver.finish()
            self._finish(trainer, after)

    def event(self, kind: str, text: str) -> None:
        """Tell every listener of an event besides the steps."""
        event = Event.now(kind, self.trainer.steps, text)
        for listener in self.listeners:
            listener.event(event)

    def _trainer(self) -> Trainer:
        def load() -> Trainer:
            return build.trainer_of(self.loaded, build.model_of(self.loaded), self, self.verifiers)

        with self.screen.busy("loading the model"), self.interrupts.interruptible():
            trainer = retry_smaller(load, None, self.out_of_memory)
        if trainer.policy.layout is PADDED:
            self.screen.say_once(
                "not every layer of this model is plain attention, so rows are padded: slower, "
                "with the same gradient."
            )
        self.trainer = trainer
        return trainer

    def _measure_before(self, trainer: Trainer) -> None:
        """Measure the model as it was at the start, unless that was done in the same way."""
        summary = self.summary
        if summary.before is not None:
            self.screen.evaluated("before training, measured elsewhere", summary.before)
        elif (earlier := summary.earlier) is not None:
            summary.before = earlier.before
            return
        else:
            summary.before = self._evaluate(trainer, "before training")
        summary.write(trainer)

    def _evaluate(self, trainer: Trainer, title: str, *, last: bool = False) -> Measured | None:
        measured = self.evaluator.measure(trainer, title, last=last)
        if measured is not None:
            for listener in self.listeners:
                listener.evaluated(title, measured)
        return measured

    def _take_up(self, trainer: Trainer) -> None:
        """Restore the checkpoint, and everything that earlier sessions knew."""
        for listener in self.listeners:
            listener.begins(self.summary.before)
        for old in self.run.records():
            for listener in self.listeners:
                listener.earlier_step(old)
            self.skipped = self.skipped + 1 if old.skipped else 0
        if self.found is not None:
            try:
                restore(trainer, self.found, self.run)
            except UnfitCheckpointError as error:
                raise refusal("resume", self.run, self.found.folder, error) from error
            self.saver.check_fixed(trainer.fixed(), self.found.state)
        self.taken_up()
        self.summary.write(trainer)  # an earlier session's may say that it is over

    def _saver(self) -> Saver:
        run = self.run
        return Saver(
            run.checkpoints, run.description.id or "", self.config.save_keep, run.lines,
            lambda text: self.event("not saved", text), self.found.folder if self.found else None,
        )  # fmt: skip

    def _watchdog(self, trainer: Trainer) -> Watchdog:
        def tell(text: str) -> None:
            try:
                self.event("stuck", text)
            except OSError:  # whoever watches the screen shall know it in any case
                self.screen.event(Event.now("stuck", trainer.steps, text))

        return Watchdog(trainer, self.verifiers, tell)

    def _train(self, trainer: Trainer) -> None:
        """Take every step, with its evaluation, its record and its checkpoint."""
        config = self.config
        while self.record is not None or trainer.steps < config.steps:
            if self.record is None:
                self.interrupts.check()
                with self._busy("training"):
                    report = trainer.step()
                self.record = StepRecord.of(report, memory_gb())
                self._look_at(report)
            every = config.evaluation.every
            if every and trainer.steps % every == 0 and trainer.steps < config.steps:
                measured = self._evaluate(trainer, f"after step {trainer.steps}")
                self.record = self.record.evaluated(measured)
            self._write_record(trainer)
            due = trainer.steps % max(1, config.save_every) == 0 or trainer.steps == config.steps
            # Not among steps whose gradient is not finite: what they come from may be the weights.
            if config.save_every and due and not self.skipped:
                self._save(trainer)

    def _look_at(self, report: StepReport) -> None:
        """Report whatever has to be known of a step besides its record."""
        for lost in report.sampled.lost if report.part == 0 else ():
            self.screen.say_once(
                f"a group was dropped because {lost.because}; its problem had no verdict.",
                once_for=lost.reason,
            )
        before, self.deaths = self.deaths, self.verifiers.deaths
        for _ in range(self.deaths - before):
            self.event("worker", "a process of the reward ended by itself, and was started again")
        if report.step % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()

    def _write_record(self, trainer: Trainer) -> None:
        """Hand the step's record to every listener; the file is the first of them."""
        assert self.record is not None
        written, self.record = self.record, None
        sampled = trainer.sampled
        try:
            self.files.step(written, None)
        except OSError:
            self.record = written  # the next session writes it
            raise
        for listener in self.listeners:
            if listener is not self.files:
                listener.step(written, sampled and sampled.round)
        self.skipped = self.skipped + 1 if written.skipped else 0
        if self.skipped >= MOST_SKIPPED:
            raise DivergedError(
                f"The gradient was not finite in {self.skipped} steps in a row, the last of them "
                f"step {trainer.steps}; {self._go_back(trainer)} Lower optimizer.lr, or look at "
                "the last rounds in the report."
            )

    def _go_back(self, trainer: Trainer) -> str:
        """Return to the last checkpoint, for the model that is left at the end."""
        self.saver.settle()
        found, _ = newest(self.run)
        while found is not None:
            step = found.state.step
            with suppress(UnfitCheckpointError):  # a file that can be hashed may be none to be read
                restore(trainer, found, self.run)
                return f"the model is that of step {step} again, the last checkpoint."
            found, _ = newest(self.run, before=step)
        return "there is no checkpoint to go back to."

    def _save(self, trainer: Trainer) -> None:
        """Begin a checkpoint of the current state."""
        tensors, numbers = checkpoint.split(trainer.state_dict())
        state = State(
            trainer=numbers,
            metrics_bytes=self.files.metrics_bytes,
            round=None if trainer.used_up else self.round,
            line=self.record and self.record.to_json(),
            seconds=self.summary.seconds,
            fixed=None,
        )
        self.saver.begin(state, tensors, trainer.fixed())

    def _stop(self, trainer: Trainer, error: BaseException) -> None:
        """Leave everything that the run needs to continue, and the trained model, as far as
        possible: the error that stopped it is the one to report."""
        if trainer.steps == 0:
            return
        diverged = isinstance(error, DivergedError)
        sound = trainer.whole and not (diverged and self.saver.newest is None)
        self.screen.say(
            f"Stopped ({type(error).__name__}) after step {trainer.steps}: saving.", "yellow"
        )
        leaving: list[Callable[[], object]] = [self.saver.settle]
        if trainer.whole and not diverged:
            leaving += [lambda: self._save(trainer), self.saver.settle]
        leaving.append(lambda: self.event("stopped", in_words(error)))
        leaving.append(lambda: self.summary.write(trainer, error))
        if sound:
            leaving.append(lambda: self.run.save_model(trainer.policy))
        leaving.append(self._report)
        for leave in leaving:
            try:
                leave()
            except Exception as another:
                self.screen.say(f"  note: on the way out, {in_words(another)}", "yellow")
        if self.saver.newest is not None:
            on = go_on(self.run.path, self.run.description.config)
            self.screen.say(f"resume   {on.replace('`', '')}")

    def _report(self) -> Path | None:
        """Write the report, as soon as there is a step to report."""
        return write_report(self.run.path) if self.run.lines.exists() else None

    def _finish(self, trainer: Trainer, after: Measured | None) -> None:
        """Write the summary, the report, and the last lines on the screen."""
        self.event("finished", "")
        self.summary.write(trainer, after=after, finished=True)
        report, before = self._report(), self.summary.before
        if before and after:
            self.screen.table(before, after)
            self.screen.remark_on("after training", after)
        if report is not None:
            self.screen.say(f"report   {report}")
        self.screen.say(f"model    {self.run.model}")
        if self.loaded.objective.of_scores and after:
            self.screen.scorer(after, self.run.model)
        if self.run.adapter.is_dir():
            self.screen.say(f"adapter  {self.run.adapter}")
        self.screen.say(f"seconds  {self.summary.seconds:.0f}")
        if not self.loaded.objective.of_scores:
            self.screen.say(f"next     {next_command(self.loaded, self.run.path)}")

    def _busy(self, what: str) -> AbstractContextManager[None]:
        return self.screen.busy(what) if self.screen.console.is_terminal else nullcontext()

    # The trainer's hooks.

    def keep_round(self, round: Round) -> None:
        if self.trainer.source.repeatable:
            return
        if round.index == 0:
            refuse_hopeless(round, self.config.rollouts.max_tokens)
        trainer, path = self.trainer, self.run.rollouts_of(round.index)
        written = write_round(
            path, round, trainer.loss, trainer.policy.tokenizer, trainer.steps + 1
        )
        self.round = written.sha256

    def interruptible(self) -> AbstractContextManager[object]:
        return self.interrupts.interruptible()

    def before_change(self) -> None:
        self.saver.settle()

    def out_of_memory(self, what: str) -> None:
        step = self.trainer.steps
        self.event("memory", f"memory ran out after step {step}; again with less: {what}")


def restore(trainer: Trainer, found: FoundCheckpoint, run: Run) -> None:
    """Restore a verified checkpoint into a trainer, with the current round from its file.

    Raises: UnfitCheckpointError if it does not fit the trainer.
    """
    round, state = None, found.state
    if state.round is not None:
        try:
            round = read_round(run.rollouts_of(state.rounds - 1), trainer.source.problem_at)
        except (DataError, RecordError) as error:
            why = f"cannot read its round: {str(error).rstrip('.')}"
            raise UnfitCheckpointError(why) from error
    trainer.load_state_dict(checkpoint.trainer_state(found.folder, state), round)
