"""The loading of everything that a config names, except the model's weights."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from ..config import Config
from ..engine import Sampling
from ..errors import ConfigError
from ..model import Source, load_tokenizer, resolve
from ..model.load import best_dtype, is_classifier
from ..model.model_size import ModelSize
from ..model.peft_folder import FoundAdapter, find_adapter
from ..model.template import render
from ..objective.named import Named
from ..settings import LoraConfig, check_sampled
from ..tasks import Task
from ..training import GivenRows
from ..types import Completion, Problem, Verdict
from ..verify.calling.verifier import leaves
from ..verify.programs.program import RunsPrograms
from .scored import scored


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config with everything that it names, loaded."""

    config: Config
    source: Source
    """The location of the model's files."""
    tokenizer: Any
    task: Task
    objective: Named
    """The config's objective with its constants filled in."""
    device: torch.device
    dtype: torch.dtype
    lora: LoraConfig
    """The config's adapters, with rank, alpha and scale of the one that they go on from."""
    adapter: FoundAdapter | None = None
    """The one that they go on from."""
    rows: GivenRows | None = None
    """The completions that the task's rows bring, where nothing is sampled (answers=given)."""

    @property
    def dtype_name(self) -> str:
        """The dtype's name, such as bfloat16."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def first_prompt(self) -> str:
        """The first training problem as the model will see it."""
        return self.tokenizer.decode(render(self.tokenizer, self.task.messages(self.task.train[0])))


def load(config: Config, *, reward: bool = True) -> Loaded:
    """Load tokenizer and problems, and find the model's files.

    Args:
        reward: False if the task's reward is never asked: then no reward model is loaded, and no
            sandbox is looked for.

    Raises: ConfigError, DataError.
    """
    source, device = resolve(config.model.path), device_of(config.model.device)
    task = config.task.load()
    if reward and config.rewards.model is not None:
        task = scored(task, config.rewards.model)
    if not reward:
        task = replace(task, verifier=_unasked)
    found = find_adapter(config.lora) if config.lora.start else None
    tokenizer = load_tokenizer(source, config.model.chat_template)
    check_kind(config, source)
    return Loaded(
        config,
        source,
        tokenizer,
        task,
        config.objective.resolved(config.rollouts.max_tokens),
        device,
        dtype_of(config.model.dtype, device),
        found.lora if found else config.lora,
        found,
    )


def check_kind(config: Config, source: Source) -> None:
    """Raise ConfigError for files of a reward model where one that answers is needed, and for
    layers of a model that cannot be left out."""
    if config.objective.of_scores:
        return
    if config.model.layers is not None:
        raise ConfigError(
            f"model.layers is {config.model.layers}, but only a reward model can do with some of "
            "the layers; leave it out, or take objective=bradley_terry."
        )
    if source.kind == "folder" and is_classifier(source):
        raise ConfigError(
            f"'{source.name}' is a reward model: it gives a score and cannot write an answer; name "
            f"a language model, or use it as a reward, RewardModel('{source.name}')."
        )


def _unasked(problem: Problem, completion: Completion) -> Verdict:
    raise AssertionError("a reward was asked where there was none to be asked")


def device_of(name: str) -> torch.device:
    """The device that a config's word means. Raises: ConfigError if there is none."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"'{name}' is not a device; use auto, cpu or cuda.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("model.device is cuda, but torch sees no GPU; use auto or cpu.")
    return device


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """The dtype that a config's word means on this device."""
    named = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    return named.get(name) or best_dtype(device)


def model_size_of(loaded: Loaded) -> ModelSize:
    """The sizes of the model, with its adapters. Raises: ConfigError for adapters that do not fit
    it."""
    shapes = loaded.adapter.shapes if loaded.adapter else None
    return ModelSize.of(
        loaded.source, loaded.dtype, loaded.lora, shapes,
        layers=loaded.config.model.layers, scores=loaded.objective.of_scores,
    )  # fmt: skip


def evaluation_sampling(config: Config) -> Sampling:
    """The sampling settings of the evaluation."""
    e = config.evaluation
    limit = e.max_tokens or config.rollouts.max_tokens
    sampling = Sampling(limit, e.temperature, e.top_p, e.top_k, e.min_p)
    check_sampled(sampling)
    return sampling


def sandbox_of(task: Task) -> str | None:
    """The sandbox in which a task's verifier runs programs; None if it runs none."""
    runs = (leaf for leaf in leaves(task.verifier) if isinstance(leaf, RunsPrograms))
    return next((leaf.running.sandbox.wall for leaf in runs), None)
