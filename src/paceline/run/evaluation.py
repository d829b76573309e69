"""Accuracy on held-out problems: before, during and after training, and of any model."""

from collections.abc import Callable
from functools import partial

from ..engine import Engine
from ..model import Policy
from ..preflight.load import Loaded, evaluation_sampling
from ..store.records import Measured
from ..training import Evaluation, Trainer, evaluate
from ..training.retry import retry_smaller
from ..verify.calling.pool import VerifierPool
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
    """Measures a trainer's policy on the held-out problems of a task, as the config says."""

    def __init__(
        self, loaded: Loaded, verifiers: VerifierPool, screen: Screen, interrupts: Interrupts
    ) -> None:
        self.loaded, self.verifiers = loaded, verifiers
        self.screen, self.interrupts = screen, interrupts

    def measure(self, trainer: Trainer, title: str) -> Measured | None:
        """Measure the policy's accuracy as it is now; None if nothing is to be measured.

        Args:
            title: the time, such as "before training", for the screen's status line.
        """
        if not self.loaded.config.evaluation.problems:
            return None
        assert trainer.engine is not None
        with self.screen.busy(f"evaluating {title}"), self.interrupts.interruptible():
            found = evaluation_of(
                self.loaded,
                trainer.policy,
                trainer.engine,
                self.verifiers,
                self.screen,
                trainer.hooks.out_of_memory,
            )
        return Measured.of(found)
