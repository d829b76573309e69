"""The parts of a run, built from a config that was found sound."""

from typing import cast

from ..engine import Engine, make_engine
from ..model import Critic, Policy, Reference, WholeReference, load_policy, make_reference, resolve
from ..model.allocator import keep_freed_memory
from ..model.make_scorer import load_scorer
from ..model.scorer import RewardScorer
from ..preflight.load import Loaded
from ..preflight.rows import read_in_all
from ..training import (
    CriticHalf,
    Learner,
    Optimizer,
    Reader,
    RoundSource,
    Sampler,
    Trainer,
    TrainerHooks,
    make_critic,
)
from ..verify.calling.pool import VerifierPool
from ..verify.calling.verifier import check_verifier


def policy_of(loaded: Loaded, *, train: bool = True) -> Policy:
    """Load the model, after any model that the reward asks: the policy is the smaller one.

    Args:
        train: False leaves out what only training needs: masters, and adapters that are still 0.
    """
    if loaded.task.judged:
        check_verifier(loaded.task.verifier)
    keep_freed_memory()
    return load_policy(
        loaded.source, loaded.tokenizer, dtype=loaded.dtype, device=loaded.device,
        train=train, seed=loaded.config.seed,
        lora=loaded.lora if train or loaded.lora.start else None,
        quantisation=loaded.config.model.quantisation, offload=loaded.config.optimizer.offload,
    )  # fmt: skip


def model_of(loaded: Loaded) -> Policy:
    """The model that learns, which the objective decides: a policy, or, for a loss of scores, a
    reward model, of which a trainer sees the same as of a policy."""
    if not loaded.objective.of_scores:
        return policy_of(loaded)
    keep_freed_memory()
    config = loaded.config
    scorer: object = load_scorer(
        RewardScorer, loaded.source, loaded.tokenizer, head="normal", dtype=loaded.dtype,
        device=loaded.device, layers=config.model.layers, seed=config.seed, lora=loaded.lora,
        quantisation=config.model.quantisation, offload=config.optimizer.offload,
    )  # fmt: skip
    return cast(Policy, scorer)


def trainer_of(
    loaded: Loaded,
    policy: Policy,
    hooks: TrainerHooks | None = None,
    verifiers: VerifierPool | None = None,
) -> Trainer:
    """A trainer as a config describes it, at its first step.

    Args:
        hooks: called around the steps.
        verifiers: workers that call the task's verifier; without them, it is called here.
    """
    source: RoundSource
    if loaded.rows is None:
        engine = engine_of(loaded, policy)
        source = sampler_of(loaded, policy, engine, verifiers)
    else:
        engine, source = None, reader_of(loaded)
    reference = reference_of(loaded, policy) if loaded.objective.needs_reference else None
    learner = learner_of(loaded, policy)
    return Trainer(
        learner,
        source,
        loaded.objective,
        loaded.config.schedule,
        engine=engine,
        reference=reference,
        critic=critic_of(loaded, learner) if loaded.objective.needs_values else None,
        seed=loaded.config.seed,
        hooks=hooks,
    )


def learner_of(loaded: Loaded, policy: Policy) -> Learner:
    """The policy with its optimizer."""
    config = loaded.config
    return Learner(
        policy,
        Optimizer(policy, config.optimizer, config.steps - config.critic_steps),
        temperature=config.rollouts.temperature,
        tokens_per_forward=config.tokens_per_forward,
    )


def critic_of(loaded: Loaded, learner: Learner) -> CriticHalf:
    """The critic beside a policy, as the config says."""
    config, model = loaded.config, None
    if config.critic.path is not None:
        model = load_scorer(
            Critic, resolve(config.critic.path), loaded.tokenizer, head="zero", dtype=loaded.dtype,
            device=loaded.device, layers=config.critic.layers, seed=config.seed, lora=loaded.lora,
            quantisation=config.model.quantisation, offload=config.optimizer.offload,
        )  # fmt: skip
    return make_critic(config.critic, config.optimizer, learner, model)


def engine_of(loaded: Loaded, policy: Policy) -> Engine:
    """The engine that the config names, with the policy's weights."""
    config = loaded.config
    return make_engine(config.engine.kind, policy, rows_at_once=config.rows_at_once)


def sampler_of(
    loaded: Loaded, policy: Policy, engine: Engine, verifiers: VerifierPool | None = None
) -> Sampler:
    """The source of rounds that are sampled with an engine."""
    config = loaded.config
    return Sampler(policy, engine, loaded.task, config.rollouts, config.seed, verifiers)


def reader_of(loaded: Loaded) -> Reader:
    """The source of rounds that are read from the task's rows."""
    config, rows = loaded.config, loaded.rows
    assert rows is not None
    r, total = config.rollouts, read_in_all(loaded)
    return Reader(rows.train, r.problems, config.seed, r.max_tokens, total)


def reference_of(loaded: Loaded, policy: Policy) -> Reference:
    """The reference that KL is measured to: the policy as it is now, or a model of its own."""
    schedule = loaded.config.reference
    if schedule.path is not None:
        return WholeReference(load_policy(
            resolve(schedule.path), loaded.tokenizer, dtype=loaded.dtype, device=loaded.device,
            train=False, seed=loaded.config.seed, quantisation=loaded.config.model.quantisation,
        ))  # fmt: skip
    return make_reference(policy, alpha=schedule.alpha, every=schedule.every)
