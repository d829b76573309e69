"""A sitting: a run from where it stands to its end, or to whatever stops it.

A run has one sitting, or as many as it takes. What a sitting knows beyond the trainer is read back
from what the run has written, so that the next one goes on as if there had been no stop.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

from ..errors import CheckpointError, DivergedError
from ..layout import PADDED
from ..model.allocator import give_back_freed_memory, memory_gb
from ..store.records import StepRecord
from ..training import Keeper, Report, Trainer
from ..training.memory import with_less
from ..training.round_checks import refuse_hopeless
from ..types import Round
from . import checkpoint, prepare
from .checkpoint import State
from .hints import go_on
from .restore import restore
from .results import Results, in_words
from .resuming import newest
from .rollouts import write_round
from .saver import Saver
from .watch import Watch
from .watchdog import Watchdog

GIVE_BACK_EVERY = 20
"""Steps after which memory that was kept for reuse goes back to the system."""
MOST_SKIPPED = 5
"""Steps in a row whose gradient was not finite, after which a run stops."""


class Sitting(Keeper):
    """One sitting of a run.

    Args:
        results: of the run; with its config, its directory and its judges.
        found: the checkpoint to go on from; None begins at the start.
        taken_up: called when the trainer is where the checkpoint was.
    """

    def __init__(
        self,
        results: Results,
        found: tuple[Path, State] | None = None,
        taken_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.results, self.found = results, found
        self.checked, self.config, self.run = results.checked, results.config, results.run
        self.screen, self.judges, self.interrupts = (
            results.screen, results.judges, results.interrupts,
        )  # fmt: skip
        self.watch, self.taken_up = Watch(), taken_up
        self.metrics_bytes = found[1].metrics_bytes if found else 0
        line = found[1].line if found else None
        self.record = None if line is None else StepRecord.from_json(line)
        """The step's record until it is written."""
        self.round: str | None = found[1].round if found else None
        """sha256 of the file of the round in use."""
        self.skipped, self.deaths = 0, 0

    def go(self) -> None:
        """Evaluate, train, evaluate, and leave everything on disk.

        Raises: Interrupted, or whatever stopped it, behind a checkpoint, the model, the summary
            and the report; nothing of these where no step was taken.
        """
        trainer = self._trainer()
        with self._watchdog(trainer), self._saver() as saver:
            self.saver = saver
            self.results.measure_before(trainer)
            self._take_up(trainer)
            try:
                self._train(trainer)
                after = self.results.evaluate(trainer, "after training")
                self.run.save_model(trainer.policy)
            except BaseException as error:
                self._stop(trainer, error)
                raise
            saver.finish()
            self.results.finish(trainer, after)

    def _trainer(self) -> Trainer:
        def load() -> Trainer:
            policy = prepare.policy_of(self.checked)
            return prepare.trainer_of(self.checked, policy, self, self.judges)

        with self.screen.busy("loading the model"), self.interrupts.abandonable():
            trainer = with_less(load, lambda: False)
        if trainer.policy.layout is PADDED:
            self.screen.say_once(
                "not every layer of this model is plain attention, so rows are padded: slower, "
                "with the same gradient."
            )
        self.trainer = trainer
        return trainer

    def _take_up(self, trainer: Trainer) -> None:
        """Put the trainer where the checkpoint was, and know what earlier sittings knew."""
        if self.results.before is not None:
            self.watch.starts(self.results.before)
        for old in self.run.records():
            list(self.watch.notices(old))  # told then
            self.screen.knows(old)
            self.skipped = self.skipped + 1 if old.skipped else 0
        if self.found is not None:
            folder, state = self.found
            try:
                restore(folder, state, trainer, self.run.rollouts_of(state.rounds - 1))
            except CheckpointError as error:
                raise CheckpointError(f"'{folder}' cannot be gone on from: {error}.") from error
            self.saver.check_fixed(trainer, state)
        self.taken_up()
        self.results.summarize(trainer)  # an earlier sitting's may say that it is over

    def _saver(self) -> Saver:
        return Saver(
            self.run.checkpoints, self.run.config["id"], self.config.save_keep, self.run.lines,
            self._not_saved, self.found[0] if self.found else None,
        )  # fmt: skip

    def _watchdog(self, trainer: Trainer) -> Watchdog:
        def tell(text: str) -> None:
            with suppress(OSError):
                self.run.event("stuck", text, trainer.steps)
            self.screen.say(f"  note: {text}", "yellow")

        return Watchdog(trainer, self.judges, tell)

    def _train(self, trainer: Trainer) -> None:
        """Every step, its evaluation, its record, its checkpoint."""
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
                measured = self.results.evaluate(trainer, f"after step {trainer.steps}")
                self.record = self.record.evaluated(measured)
            self._write_record(trainer)
            due = trainer.steps % max(1, config.save_every) == 0 or trainer.steps == config.steps
            # Not among steps whose gradient is not finite: what they come from may be the weights.
            if config.save_every and due and not self.skipped:
                self.saver.begin(self.state(trainer), trainer)

    def _look_at(self, report: Report) -> None:
        """What has to be known of a step besides its record."""
        for lost in report.drawn.lost if report.part == 0 else ():
            told = f" ({lost.detail.rstrip('.')})" if lost.detail else ""
            self.screen.say_once(
                f"a group was dropped because {lost.reason}{told}; its problem had no verdict.",
                once_for=lost.reason,
            )
        before, self.deaths = self.deaths, self.judges.deaths
        for _ in range(self.deaths - before):
            told = "a process of the reward ended by itself, and was started again"
            self.run.event("worker", told, report.step)
            self.screen.say_once(f"{told}; as when the system ends it to have its memory.")
        if report.step % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()

    def _write_record(self, trainer: Trainer) -> None:
        """Keep and show the step's record."""
        assert self.record is not None
        written, self.record = self.record, None
        try:
            self.metrics_bytes += self.run.append_metrics(written.to_json())
        except OSError:
            self.record = written  # the next sitting writes it
            raise
        self.screen.step(written)
        for notice in self.watch.notices(written):
            self.run.event("note", notice, trainer.steps)
            self.screen.say_once(notice)
        every = self.config.show_every
        if every and (trainer.steps - 1) % every == 0 and trainer.drawn is not None:
            self.screen.completions(trainer.drawn.round)
        self.skipped = self.skipped + 1 if written.skipped else 0
        if self.skipped >= MOST_SKIPPED:
            raise DivergedError(
                f"The gradient was not finite in {self.skipped} steps in a row, the last of them "
                f"step {trainer.steps}; {self._go_back(trainer)} Lower optimizer.lr, or look at "
                "the last rounds in the report."
            )

    def _go_back(self, trainer: Trainer) -> str:
        """Return to the last checkpoint, for the model that is left behind."""
        self.saver.settle()
        found, _ = newest(self.run)
        while found is not None:
            folder, state = found
            with suppress(CheckpointError):  # a file that can be hashed may be none to be read
                restore(folder, state, trainer, self.run.rollouts_of(state.rounds - 1))
                return f"the model is that of step {state.step} again, the last checkpoint."
            found, _ = newest(self.run, before=state.step)
        return "there is no checkpoint to go back to."

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
            line=self.record and self.record.to_json(),
            seconds=self.results.seconds,
            fixed=None,
        )

    def _stop(self, trainer: Trainer, error: BaseException) -> None:
        """Leave everything from which the run can go on, and what was learned, as far as that goes:
        what stopped it is what has to be told."""
        if trainer.steps == 0:
            return
        diverged = isinstance(error, DivergedError)
        sound = trainer.whole and not (diverged and self.saver.newest is None)
        self.screen.say(
            f"Stopped ({type(error).__name__}) after step {trainer.steps}: saving.", "yellow"
        )
        leaving: list[Callable[[], object]] = [self.saver.settle]
        if trainer.whole and not diverged:
            leaving += [lambda: self.saver.begin(self.state(trainer), trainer), self.saver.settle]
        leaving.append(lambda: self.run.event("stopped", in_words(error), trainer.steps))
        leaving.append(lambda: self.results.summarize(trainer, error))
        if sound:
            leaving.append(lambda: self.run.save_model(trainer.policy))
        leaving.append(self.results.report)
        for leave in leaving:
            try:
                leave()
            except Exception as another:
                self.screen.say(f"  note: on the way out, {in_words(another)}", "yellow")
        if self.saver.newest is not None:
            on = go_on(self.run.path, self.run.config["config"])
            self.screen.say(f"go on    {on.replace('`', '')}")

    def _busy(self, what: str) -> AbstractContextManager[None]:
        return self.screen.busy(what) if self.screen.console.is_terminal else nullcontext()

    # What the trainer asks of its surroundings.

    def keep(self, round: Round) -> None:
        if round.index == 0:
            refuse_hopeless(round, self.config.rollouts.max_tokens)
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
        text = f"memory ran out after step {self.trainer.steps}; again with less: {what}"
        self.run.event("memory", text, self.trainer.steps)
        self.screen.say(f"  note: {text}", "yellow")

    def _not_saved(self, text: str) -> None:
        self.run.event("not saved", text, self.trainer.steps)
        self.screen.say(f"  note: {text}.", "yellow")
