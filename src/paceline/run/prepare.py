"""The parts of a run, put together from a config that was found sound."""

import importlib.metadata
import os
import platform
from typing import Any

import torch

from ..engine import LocalEngine
from ..model import Policy, Reference, load_policy
from ..model.allocator import keep_freed_memory
from ..training import Keeper, Optimizer, Sampler, Trainer
from ..verify.calling.pool import VerifierPool
from ..verify.calling.verifier import check_verifier
from .check import Checked, sandbox_of


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
    keeper: Keeper | None = None,
    judges: VerifierPool | None = None,
) -> Trainer:
    """Put the parts together.

    Args:
        keeper: what goes on around the steps; without one nothing is kept of them.
    """
    config = checked.config
    engine = LocalEngine(policy, rows_at_once=config.rows_at_once)
    reference = None
    if checked.objective.needs_reference:
        schedule = config.reference
        reference = Reference(policy, alpha=schedule.alpha, every=schedule.every)
    return Trainer(
        policy,
        engine,
        Sampler(policy, engine, checked.task, config.rollouts, config.seed, judges),
        checked.objective,
        Optimizer(policy, config.optimizer, config.steps),
        config.schedule,
        reference=reference,
        seed=config.seed,
        tokens_per_forward=config.tokens_per_forward,
        keeper=keeper,
    )


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
