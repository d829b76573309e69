"""Measurements on held-out problems, before, during and after training: the accuracy of answers,
the likelihood of what rows bring, and the order of the pairs that they bring."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import Tensor

from ..batch import Micro
from ..engine import Engine
from ..model import Policy, RewardScorer
from ..preflight.load import Loaded, evaluation_sampling
from ..store.records import Measured
from ..training import Evaluation, Trainer, evaluate
from ..training.calibration import temperature_of
from ..training.likelihood import Likelihood, likelihood
from ..training.pairs import (
    ComparedPairs,
    PairAccuracy,
    Rewards,
    compare_pairs,
    implicit_rewards,
)
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
    accuracy of its answers where there is a reward, the likelihood of the rows' completions where
    they are what is learned, and the order of pairs where these are."""

    def __init__(
        self, loaded: Loaded, verifiers: VerifierPool, screen: Screen, interrupts: Interrupts
    ) -> None:
        self.loaded, self.verifiers = loaded, verifiers
        self.screen, self.interrupts = screen, interrupts
        self.engine: Engine | None = None
        """An engine of its own, where training samples nothing."""

    def measure(self, trainer: Trainer, title: str, *, last: bool = False) -> Measured | None:
        """Measure the policy as it is now; None if nothing is to be measured.

        Args:
            title: the time, such as "before training", for the screen's status line.
            last: True for the model that is about to be saved: the scores of a reward model are
                then divided, for good, by the temperature that the held-out pairs ask for.
        """
        loaded = self.loaded
        if not loaded.config.evaluation.problems:
            return None
        with self.screen.busy(f"evaluating {title}"), self.interrupts.interruptible():
            pairs = self._pairs(trainer, last=last) if loaded.objective.whole_groups else None
            rows = loaded.rows is not None and not loaded.objective.of_scores
            likelihood = self._likelihood(trainer) if rows else None
            accuracy = self._accuracy(trainer) if loaded.task.judged else None
        if pairs is None and likelihood is None and accuracy is None:
            return None
        return Measured.of(accuracy, likelihood, pairs)

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

    def _pairs(self, trainer: Trainer, *, last: bool) -> PairAccuracy | None:
        rows, loss = self.loaded.rows, trainer.loss
        if rows is None or not rows.heldout:
            return None
        started, model = time.perf_counter(), trainer.policy
        own = trainer.is_reference()
        if isinstance(model, RewardScorer):
            rewards: Rewards = partial(_scores, model)
        else:
            rewards = implicit_rewards(model, loss, trainer.reference, trainer.learner.temperature)

        def compared() -> ComparedPairs:
            return compare_pairs(
                rewards,
                loss,
                rows.heldout,
                model=model,
                tokens_per_forward=trainer.learner.tokens_per_forward,
                at_reference=own,
                progress=self.screen.progress,
            )

        found = retry_smaller(compared, trainer.learner, trainer.hooks.out_of_memory)
        if isinstance(model, RewardScorer):
            told = _of_scorer(model, found, self.loaded.task.name, fold=last)
        else:
            told = found.figures(self.loaded.task.name, scores=False)
        return replace(told, seconds=time.perf_counter() - started)


def _scores(scorer: RewardScorer, micro: Micro) -> Tensor:
    return scorer.score_ends(micro.rows)


def _of_scorer(
    scorer: RewardScorer, found: ComparedPairs, task: str, *, fold: bool
) -> PairAccuracy:
    """The figures of a reward model's scores; with `fold` of the model that is left."""
    plain = found.figures(task, scores=True)
    temperature = temperature_of(found.differences) if fold else None
    if temperature is None:
        return plain
    scorer.fold_temperature(temperature)
    return replace(
        found.divided(temperature).figures(task, scores=True),
        temperature=temperature,
        calibration_error_before=plain.calibration_error,
    )
