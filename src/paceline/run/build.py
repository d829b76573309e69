"""The parts of a run, put together from a config that was found sound."""

import importlib.metadata
import os
import platform
from typing import Any

import torch

from ..engine import Engine, make_engine
from ..model import Policy, Reference, load_policy
from ..model.allocator import keep_freed_memory
from ..preflight.check import Checked, sandbox_of
from ..training import Learner, Optimizer, Sampler, Trainer, TrainerHooks
from ..verify.calling.pool import VerifierPool
from ..verify.calling.verifier import check_verifier


def policy_of(checked: Checked, *, train: bool = True) -> Policy:
    """Load the model, behind a model that the reward asks: it is the smaller one."""
    check_verifier(checked.task.verifier)
    keep_freed_memory()
    return load_policy(
        checked.source, checked.tokenizer, dtype=checked.dtype, device=checked.device,
        train=train, seed=checked.config.seed,
    )  # fmt: skip


def trainer_of(
    checked: Checked,
    policy: Policy,
    hooks: TrainerHooks | None = None,
    judges: VerifierPool | None = None,
) -> Trainer:
    """A trainer as a config describes it, at its first step.

    Args:
        hooks: called around the steps.
        judges: of the task's verifier; without, it is called in this process.
    """
    engine = engine_of(checked, policy)
    reference = reference_of(checked, policy) if checked.objective.needs_reference else None
    return Trainer(
        learner_of(checked, policy),
        sampler_of(checked, policy, engine, judges),
        checked.objective,
        checked.config.schedule,
        engine=engine,
        reference=reference,
        seed=checked.config.seed,
        hooks=hooks,
    )


def learner_of(checked: Checked, policy: Policy) -> Learner:
    """The policy with its optimizer."""
    config = checked.config
    return Learner(
        policy,
        Optimizer(policy, config.optimizer, config.steps),
        temperature=config.rollouts.temperature,
        tokens_per_forward=config.tokens_per_forward,
    )


def engine_of(checked: Checked, policy: Policy) -> Engine:
    """The engine that the config names, with the policy's weights."""
    config = checked.config
    return make_engine(config.engine.kind, policy, rows_at_once=config.rows_at_once)


def sampler_of(
    checked: Checked, policy: Policy, engine: Engine, judges: VerifierPool | None = None
) -> Sampler:
    """The source of rounds that are sampled with an engine."""
    config = checked.config
    return Sampler(policy, engine, checked.task, config.rollouts, config.seed, judges)


def reference_of(checked: Checked, policy: Policy) -> Reference:
    """What KL is measured to: the policy as it is now."""
    schedule = checked.config.reference
    return Reference(policy, alpha=schedule.alpha, every=schedule.every)


def versions() -> dict[str, str]:
    """Of everything that decides a result."""
    packages = ("paceline", "torch", "transformers", "tokenizers", "numpy", "pyarrow")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {**found, "python": platform.python_version()}


def machine(checked: Checked) -> dict[str, Any]:
    """What the run runs on."""
    gpu = torch.cuda.get_device_name(checked.device) if checked.device.type == "cuda" else None
    return {
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": gpu or "cpu",
        "dtype": str(checked.dtype).removeprefix("torch."),
        "sandbox": sandbox_of(checked.task),
        "system": f"{platform.system()} {platform.machine()}",
    }
