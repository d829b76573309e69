"""Accuracy on held-out problems before, during and after training."""

from functools import partial

from ..preflight.load import Loaded, evaluation_sampling
from ..store.records import Measured
from ..training import Trainer, evaluate
from ..training.retry import fewer_rows, retry_smaller
from ..verify.calling.pool import VerifierPool
from .screen import Screen
from .signals import Interrupts


class Evaluator:
    """Measures a trainer's policy on the held-out problems of a task, as the config says."""

    def __init__(
        self, loaded: Loaded, verifiers: VerifierPool, screen: Screen, interrupts: Interrupts
    ) -> None:
        self.loaded, self.config, self.verifiers = loaded, loaded.config, verifiers
        self.screen, self.interrupts = screen, interrupts

    def measure(self, trainer: Trainer, title: str) -> Measured | None:
        """Measure the policy's accuracy as it is now; None if nothing is to be measured.

        Args:
            title: the time, such as "before training", for the screen's status line.
        """
        settings = self.config.evaluation
        if not settings.problems:
            return None
        assert trainer.engine is not None
        work = partial(
            evaluate,
            trainer.policy,
            trainer.engine,
            self.loaded.task,
            evaluation_sampling(self.config),
            problems=settings.problems,
            completions=settings.completions,
            seed=self.config.seed,
            progress=self.screen.progress,
            verifiers=self.verifiers,
        )
        with self.screen.busy(f"evaluating {title}"), self.interrupts.abandonable():
            rows = fewer_rows(trainer.engine)
            evaluation, _ = retry_smaller(work, rows, trainer.hooks.out_of_memory)
        return Measured.of(evaluation)
