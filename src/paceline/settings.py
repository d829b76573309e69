"""Sampling, and the config sections `rollouts`, `schedule` and `optimizer`, as records.

They stand below everything that computes, so that a config can be made, shown and compared without
torch.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from .annotations import check_fields
from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Sampling:
    """Rule by which a completion's tokens are chosen.

    Example: Sampling(max_tokens=32, temperature=0.0) is greedy decoding.
    """

    max_tokens: int
    """Most tokens of a completion; one that has this many and no stop token is cut."""
    temperature: float = 1.0
    """Divisor of the logits; 0 always takes the likeliest token."""
    top_p: float = 1.0
    """Nucleus sampling: only the likeliest tokens whose probabilities add up to this; 1 is off. For
    evaluation only."""
    top_k: int = 0
    """Number of likeliest tokens to sample from; 0 is all of them. For evaluation only."""
    min_p: float = 0.0
    """Smallest probability of a token, as a share of the likeliest token's; 0 is off. For
    evaluation only."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}; it must be at least 1.")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.top_k < 0:
            raise ConfigError(
                "temperature and top_k must not be negative, and top_p must be in (0, 1]."
            )
        if not 0 <= self.min_p <= 1:
            raise ConfigError(f"min_p is {self.min_p}; it must be in [0, 1].")

    @property
    def greedy(self) -> bool:
        """True if the likeliest token is always taken."""
        return self.temperature == 0

    @property
    def full_support(self) -> bool:
        """True if every token can be sampled, as a policy gradient needs."""
        return self.top_p == 1 and self.top_k == 0 and self.min_p == 0 and not self.greedy

    def as_greedy(self) -> "Sampling":
        """The same length, decoded greedily."""
        return replace(self, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0)


@dataclass(frozen=True, slots=True)
class RolloutConfig:
    """Config section `rollouts`: one round of sampling."""

    problems: int = 8
    """Problems in a round."""
    completions: int = 8
    """Completions of each problem: the size of a group."""
    max_tokens: int = 256
    """Most tokens of a completion; one that has this many and no stop token is cut."""
    temperature: float = 1.0
    """Sampling temperature; all log-probabilities are of the distribution at this temperature."""
    accept: Literal["all", "signal"] = "all"
    """Groups that a round takes: all of them, or only those with signal, whose rewards differ. With
    signal, other problems are drawn in place of the rest (dynamic sampling, DAPO)."""
    max_draws: int = 4
    """With accept=signal, the most problems drawn for one round, in multiples of
    rollouts.problems."""
    mask_cut: bool = False
    """Mask cut completions: they count in their group's baseline but give no gradient (overlong
    masking, DAPO)."""

    def __post_init__(self) -> None:
        check_fields(self, "rollouts")
        if min(self.problems, self.completions, self.max_tokens, self.max_draws) < 1:
            raise ConfigError(
                "rollouts.problems, rollouts.completions, rollouts.max_tokens and "
                "rollouts.max_draws must be at least 1."
            )
        if self.temperature <= 0:
            raise ConfigError(
                f"rollouts.temperature is {self.temperature:g}; training samples its completions, "
                "so it must be above 0."
            )

    @property
    def sampling(self) -> Sampling:
        """The sampling of a round's completions."""
        return Sampling(self.max_tokens, self.temperature)


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Config section `schedule`: the optimizer steps of a round, minibatches × epochs."""

    minibatches: int = 1
    """Shares of a round, each of which is an optimizer step; 1 with schedule.epochs=1 is
    on-policy."""
    epochs: int = 1
    """Passes over each round (μ of the GRPO paper)."""

    def __post_init__(self) -> None:
        check_fields(self, "schedule")
        if self.minibatches < 1 or self.epochs < 1:
            raise ConfigError("schedule.minibatches and schedule.epochs must be at least 1.")

    @property
    def parts(self) -> int:
        """Optimizer steps of a round."""
        return self.minibatches * self.epochs


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """Config section `optimizer`: AdamW (Loshchilov and Hutter, arXiv 1711.05101)."""

    lr: float = 1e-6
    """Learning rate of AdamW after the warm-up."""
    beta1: float = 0.9
    """Decay of the gradient's running mean."""
    beta2: float = 0.999
    """Decay of the squared gradient's running mean."""
    eps: float = 1e-8
    """Constant added to the divisor, so that the division stays finite."""
    weight_decay: float = 0.0
    """Decoupled weight decay, of matrices only; 0 is off."""
    clip: float = 1.0
    """Largest norm of the whole gradient; 0 does not clip."""
    warmup: int = 0
    """Optimizer steps in which the learning rate rises from 0 to optimizer.lr; 0 starts with
    optimizer.lr."""
    decay: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the learning rate from the end of the warm-up to the last step: constant, or linear
    or cosine down to 0."""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer")
        if self.lr < 0 or self.clip < 0 or self.warmup < 0:
            raise ConfigError(
                "optimizer.lr, optimizer.clip and optimizer.warmup must not be negative."
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise ConfigError("optimizer.beta1 and optimizer.beta2 must be in [0, 1).")
        if self.eps < 0 or self.weight_decay < 0:
            raise ConfigError("optimizer.eps and optimizer.weight_decay must not be negative.")

    def lr_at(self, step: int, steps: int) -> float:
        """The learning rate of optimizer step number `step`, counted from 1, of `steps`."""
        if step <= self.warmup:
            return self.lr * step / self.warmup
        if self.decay == "constant":
            return self.lr
        share = (step - 1 - self.warmup) / max(1, steps - self.warmup)
        return self.lr * (
            1 - share if self.decay == "linear" else (1 + math.cos(math.pi * share)) / 2
        )
