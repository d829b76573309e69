"""Everything that can be known before the model is loaded, checked, and then the parts put
together."""

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from typing import Any

import torch

from .. import config as configuration
from ..config import Config
from ..engine import LocalEngine, Sampling
from ..errors import ConfigError, DataError
from ..model import Policy, Reference, Source, load_policy, load_tokenizer, locate
from ..model.allocator import keep_freed_memory
from ..model.load import best_dtype
from ..model.template import render
from ..objective import Objective
from ..tasks import Task
from ..training import Keeper, Optimizer, Sampler, Trainer, check_objective
from ..verify.judges import Judges
from ..verify.program import RunsPrograms
from ..verify.verifier import check_verifier, leaves


@dataclass(frozen=True, slots=True)
class Checked:
    """A config that was found sound: what is needed to start it."""

    config: Config
    source: Source
    tokenizer: Any
    task: Task
    objective: Objective
    """With its constants filled in."""
    device: torch.device
    dtype: torch.dtype
    first_prompt: str
    """As the model will see it."""


def check(config: Config) -> Checked:
    """Find what would fail later, in seconds, before the model is loaded.

    Raises: ConfigError, DataError, SandboxError.
    """
    source = locate(config.model.path)
    device = device_of(config.model.device)
    task = config.task.load()
    if config.evaluation.problems and not task.heldout:
        raise DataError(
            f"Task '{task.name}' has no held-out problems; keep some back, or set "
            "evaluation.problems=0."
        )
    check_verifier(task.verifier)
    evaluation_sampling(config)
    check_objective(config.objective)
    configuration.to_json(config)  # a part that cannot be recorded is told now
    tokenizer = load_tokenizer(source, config.model.chat_template)
    prompt = render(tokenizer, task.messages(task.train[0]))
    return Checked(
        config, source, tokenizer, task, config.objective.resolved(config.rollouts.max_tokens),
        device, dtype_of(config.model.dtype, device), tokenizer.decode(prompt),
    )  # fmt: skip


def device_of(name: str) -> torch.device:
    """The device that a config's word means. Raises: ConfigError where there is none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"'{name}' is no device; use auto, cpu or cuda.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("model.device is cuda, but torch sees no GPU; use auto or cpu.")
    return device


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """The dtype that a config's word means on this device."""
    return {"bf16": torch.bfloat16, "fp32": torch.float32}.get(name) or best_dtype(device)


def evaluation_sampling(config: Config) -> Sampling:
    """How the evaluation samples."""
    e = config.evaluation
    limit = e.max_tokens or config.rollouts.max_tokens
    sampling = Sampling(limit, e.temperature, e.top_p, e.top_k, e.min_p)
    if sampling.greedy:
        raise ConfigError("evaluation.temperature is 0; greedy accuracy is measured in any case.")
    return sampling


def policy_of(checked: Checked, *, train: bool = True) -> Policy:
    """Load the model."""
    keep_freed_memory()
    return load_policy(
        checked.source, checked.tokenizer, dtype=checked.dtype, device=checked.device,
        train=train, seed=checked.config.seed,
    )  # fmt: skip


def trainer_of(
    checked: Checked,
    policy: Policy,
    keeper: Keeper | None = None,
    judges: Judges | None = None,
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


def sandbox_of(task: Task) -> str | None:
    """The wall behind which a task's verifier runs programs; None where it runs none."""
    runs = (leaf for leaf in leaves(task.verifier) if isinstance(leaf, RunsPrograms))
    return next((leaf.running.sandbox.wall for leaf in runs), None)


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
