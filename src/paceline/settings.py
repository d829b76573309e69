"""Sampling, and the config sections `lora`, `rollouts`, `schedule`, `optimizer` and `critic`, as
records.

They stand below everything that computes, so that a config can be made, shown and compared without
torch.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from .annotations import check_fields, refuse_if
from .errors import ConfigError

Merge = Literal["auto", "yes", "no"]
Quantisation = Literal["none", "int8", "nf4"]
TrackerName = Literal["wandb", "swanlab", "trackio", "tensorboard", "mlflow"]

AT_LEAST_1, NOT_NEGATIVE = "be at least 1", "not be negative"
"""Rules of numbers, as sentences end with them."""


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
        refuse_if(self.max_tokens < 1, "max_tokens", self.max_tokens, AT_LEAST_1)
        refuse_if(self.temperature < 0, "temperature", self.temperature, NOT_NEGATIVE)
        refuse_if(not 0 < self.top_p <= 1, "top_p", self.top_p, "be in (0, 1]")
        refuse_if(self.top_k < 0, "top_k", self.top_k, NOT_NEGATIVE)
        refuse_if(not 0 <= self.min_p <= 1, "min_p", self.min_p, "be in [0, 1]")

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


def check_sampled(sampling: Sampling) -> None:
    """Raise ConfigError where an evaluation's sampled answers would be the greedy ones."""
    if sampling.greedy:
        raise ConfigError(
            "evaluation.temperature is 0, but greedy accuracy is measured in any case; set it "
            "above 0, for the sampled answers."
        )


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Config section `lora`: adapters of low rank that are trained instead of the weights (LoRA,
    arXiv 2106.09685). A layer's weight is W + scale · B·A."""

    rank: int = 0
    """Rank of the adapters: columns of B and rows of A. 0 trains all weights instead."""
    alpha: float = 32.0
    """The scale of the adapters is alpha / rank."""
    stabilised: bool = False
    """Scale alpha / √rank instead, for high ranks (rsLoRA, arXiv 2312.03732)."""
    layers: str = "all"
    """Linear layers that get an adapter: all but the output layer, or a regular expression that is
    looked for in their names, such as q_proj|v_proj."""
    merge: Merge = "auto"
    """Use of merged weights for sampling, a second copy of those under adapters. no multiplies by A
    and B beside each weight, in the update too: less memory, slower sampling, and an exported model
    that rounds in another way. auto merges where memory suffices."""
    start: str | None = None
    """Folder of an adapter in PEFT's format to go on from, whose rank, alpha and layers are then
    taken; None begins with B = 0."""

    def __post_init__(self) -> None:
        check_fields(self, "lora")
        refuse_if(self.rank < 0, "lora.rank", self.rank, NOT_NEGATIVE)
        refuse_if(self.alpha <= 0, "lora.alpha", self.alpha, "be above 0")
        try:
            re.compile(self.layers)
        except re.error as error:
            raise ConfigError(
                f"lora.layers is {self.layers!r}, which is no regular expression ({error}); write "
                "all, or one such as q_proj|v_proj."
            ) from None

    @property
    def on(self) -> bool:
        """True if adapters are trained, and the weights stay as they are."""
        return self.rank > 0 or self.start is not None

    @property
    def scale(self) -> float:
        """The factor of B·A."""
        return self.alpha / (math.sqrt(self.rank) if self.stabilised else self.rank)


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
        for name, value in (
            ("problems", self.problems),
            ("completions", self.completions),
            ("max_tokens", self.max_tokens),
            ("max_draws", self.max_draws),
        ):
            refuse_if(value < 1, f"rollouts.{name}", value, AT_LEAST_1)
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
        refuse_if(self.minibatches < 1, "schedule.minibatches", self.minibatches, AT_LEAST_1)
        refuse_if(self.epochs < 1, "schedule.epochs", self.epochs, AT_LEAST_1)

    @property
    def parts(self) -> int:
        """Optimizer steps of a round."""
        return self.minibatches * self.epochs


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """Config section `optimizer`: AdamW (Loshchilov and Hutter, arXiv 1711.05101)."""

    lr: float = 1e-6
    """Learning rate of AdamW after the warm-up."""
    head_lr: float | None = None
    """Learning rate of the head of a model that gives scores, 20 to 100 times that of its body:
    the head begins with random numbers. None takes optimizer.lr."""
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
    trust: float | None = None
    """Largest mean KL, in nats a token, from the policy at the start of the round to the one after
    a step, which is halved until that holds (TRPO's line search); none leaves steps as they are."""
    warmup: int = 0
    """Optimizer steps in which the learning rate rises from 0 to optimizer.lr; 0 starts with
    optimizer.lr."""
    decay: Literal["constant", "linear", "cosine"] = "constant"
    """Course of the learning rate from the end of the warm-up to the last step: constant, or linear
    or cosine down to 0."""
    moments: Literal["fp32", "8bit"] = "fp32"
    """Number format of the two running means: fp32, or 8 bits in blocks with scales
    (bitsandbytes), for a quarter of their memory."""
    offload: bool = False
    """Keep masters, gradients and running means in the host's memory, and take the steps there; for
    a GPU."""

    def __post_init__(self) -> None:
        check_fields(self, "optimizer")
        for name, value in (
            ("lr", self.lr),
            ("head_lr", self.head_lr or 0.0),
            ("clip", self.clip),
            ("warmup", self.warmup),
            ("eps", self.eps),
            ("weight_decay", self.weight_decay),
        ):
            refuse_if(value < 0, f"optimizer.{name}", value, NOT_NEGATIVE)
        too_small = self.trust is not None and self.trust <= 0
        refuse_if(too_small, "optimizer.trust", self.trust, "be above 0, or none")
        for name, value in (("beta1", self.beta1), ("beta2", self.beta2)):
            refuse_if(not 0 <= value < 1, f"optimizer.{name}", value, "be in [0, 1)")

    @property
    def of_head(self) -> "OptimizerConfig":
        """The settings under which a head is trained: its own rate, in the same course."""
        return self if self.head_lr is None else replace(self, lr=self.head_lr)

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


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """Config section `critic`: the model that forecasts rewards, for an objective that asks for
    one, such as ppo. Its betas, decay of weights and clip are those of `optimizer`."""

    body: Literal["shared", "own"] = "shared"
    """Body of the critic: shared is the policy's, with a head over its states that costs next to
    nothing; own is a model of its own, which costs memory and an update."""
    layers: int | None = None
    """With body=own, number of first layers that the critic has; None takes all."""
    path: str | None = None
    """With body=own, model to begin with, such as the folder of a reward model; None takes a copy
    of the policy with a head of 0. Its tokens have to be the policy's."""
    lr: float | None = None
    """With body=own, constant learning rate of the body; None takes twice optimizer.lr."""
    head_lr: float | None = None
    """Constant learning rate of the head, which alone finds the level of the rewards; None takes 20
    times optimizer.lr."""
    coef: float = 0.1
    """With body=shared, factor of the critic's loss beside the policy's; at 0 the head alone
    learns, and the policy does not notice."""
    lam: float = 1.0
    """λ of the numbers that the critic learns; 1 is the reward itself."""
    clip: float | None = None
    """Largest change of a forecast within a round that is still followed; None does not clip."""
    warmup: int = 0
    """Rounds in which only the critic learns, at the start. The policy's learning rate begins its
    course after them."""

    def __post_init__(self) -> None:
        check_fields(self, "critic")
        for name in ("lr", "head_lr", "clip"):
            value = getattr(self, name)
            refuse_if(value is not None and value <= 0, f"critic.{name}", value, "be above 0")
        few = self.layers is not None and self.layers < 1
        refuse_if(few, "critic.layers", self.layers, AT_LEAST_1)
        refuse_if(self.coef < 0, "critic.coef", self.coef, NOT_NEGATIVE)
        refuse_if(not 0 <= self.lam <= 1, "critic.lam", self.lam, "be in [0, 1]")
        refuse_if(self.warmup < 0, "critic.warmup", self.warmup, NOT_NEGATIVE)
