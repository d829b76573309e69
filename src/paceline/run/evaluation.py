"""Measurements on held-out problems, before, during and after training: the accuracy of answers,
and the likelihood of what rows bring."""

from collections.abc import Callable
from functools import partial

from ..engine import Engine
from ..model import Policy
from ..preflight.load import Loaded, evaluation_sampling
from ..store.records import Measured
from ..training import Evaluation, Trainer, evaluate
from ..training.likelihood import Likelihood, likelihood
from ..training.retry import retry_smaller
from ..verify.calling.pool import VerifierPool
from .build import engine_of
from .screen import Screen
from .signals import Interrupts


def evaluation_of(
    loaded: Loaded,
    policy: Policy,
    engine: Engine,
    verifiers: VerifierPool,
    screen: Screen,
    told: Callable[[str], None],
) -> Evaluation:
    """Measure a policy's accuracy on held-out problems, as the config says; if memory runs out,
    again with fewer completions at a time.

    Args:
        told: called with each change that memory asked for, in words.
    """
    config = loaded.config
    work = partial(
        evaluate,
        policy,
        engine,
        loaded.task,
        evaluation_sampling(config),
        problems=config.evaluation.problems,
        completions=config.evaluation.completions,
        seed=config.seed,
        progress=screen.progress,
        verifiers=verifiers,
    )
    return retry_smaller(work, engine, told)[0]


class Evaluator:
    """Measures a trainer's policy on the held-out problems of a task, as the config says: the
    accuracy of its answers where there is a reward, and the likelihood of the rows' completions
    where they are what is learned."""

    def __init__(
        self, loaded: Loaded, verifiers: VerifierPool, screen: Screen, interrupts: Interrupts
    ) -> None:
        self.loaded, self.verifiers = loaded, verifiers
        self.screen, self.interrupts = screen, interrupts
        self.engine: Engine | None = None
        """An engine of its own, where training samples nothing."""

    def measure(self, trainer: Trainer, title: str) -> Measured | None:
        """Measure the policy as it is now; None if nothing is to be measured.

        Args:
            title: the time, such as "before training", for the screen's status line.
        """
        loaded = self.loaded
        if not loaded.config.evaluation.problems:
            return None
        with self.screen.busy(f"evaluating {title}"), self.interrupts.interruptible():
            likelihood = self._likelihood(trainer) if loaded.rows is not None else None
            accuracy = self._accuracy(trainer) if loaded.task.judged else None
        if likelihood is None and accuracy is None:
            return None
        return Measured.of(accuracy, likelihood)

    def _accuracy(self, trainer: Trainer) -> Evaluation:
        told = trainer.hooks.out_of_memory
        return evaluation_of(
            self.loaded, trainer.policy, self._engine_of(trainer), self.verifiers, self.screen, told
        )

    def _engine_of(self, trainer: Trainer) -> Engine:
        """An engine with the policy's weights as they are now."""
        if trainer.engine is not None:
            return trainer.engine
        if self.engine is None:
            self.engine = engine_of(self.loaded, trainer.policy)
        self.engine.load(trainer.policy)
        return self.engine

    def _likelihood(self, trainer: Trainer) -> Likelihood | None:
        rows, config = self.loaded.rows, self.loaded.config
        if rows is None or not rows.heldout:
            return None

        def measured() -> Likelihood:
            return likelihood(
                trainer.policy,
                self.loaded.task.name,
                rows.heldout,
                tokens_per_forward=trainer.learner.tokens_per_forward,
                seed=config.seed,
                progress=self.screen.progress,
            )

        return retry_smaller(measured, trainer.learner, trainer.hooks.out_of_memory)
