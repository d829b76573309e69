"""The memory that training holds from its first step to its last, counted from a model's sizes."""

from dataclasses import dataclass

import torch

from ..config import Config
from ..model.model_size import ModelSize
from ..model.quantised import BYTES

FP32_BYTES = 4
"""Bytes of an fp32 number."""
MOMENT_BYTES = {"fp32": 4.0, "8bit": 1 + 4 / 256}
"""Bytes of a running mean: those of 8 bits have a scale in fp32 for 256 of them."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Sizes of the models that stand beside a policy with a body of their own; None where there is
    none."""

    critic: ModelSize | None = None
    teacher: ModelSize | None = None
    """The reference's, where it is a model of its own: a teacher."""


ALONE = Beside()
"""No other model."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes by use, on the device that computes."""

    weights: int
    """Bytes of the weights that computing reads, adapters included."""
    masters: int
    """Bytes of fp32 copies of what learns: where it is of another dtype, those on which the
    optimizer steps; and those that a line search goes back to."""
    gradients: int
    """Bytes of fp32 sums of gradients."""
    moments: int
    """Bytes of AdamW's two moments."""
    reference: int
    """Bytes of a KL term's reference, with its fp32 average if it follows the policy softly."""
    critic: int
    """Bytes of a critic: all of these of a body of its own, or of a head alone."""
    host: int
    """Bytes of masters, gradients and moments that are in the host's memory instead."""

    @property
    def fixed(self) -> int:
        """Bytes that no setting of rollouts, packs or decoding makes smaller."""
        learning = self.masters + self.gradients + self.moments
        return self.weights + learning + self.reference + self.critic


def held_by(
    config: Config,
    model_size: ModelSize,
    dtype: torch.dtype,
    *,
    reference: bool,
    beside: Beside = ALONE,
) -> Held:
    """The memory that a config's training holds.

    Args:
        reference: True if there is one.
    """
    trained, size = model_size.trained, dtype.itemsize
    # Under adapters it is the policy with another adapter.
    soft = config.reference.every > 0 and config.reference.alpha < 1
    offload = config.optimizer.offload
    masters, gradients, moments = _learning(config, model_size, dtype)
    if config.optimizer.trust is not None:
        masters += trained * FP32_BYTES
    of_critic, on_host = _of_critic(config, model_size, dtype, beside.critic)
    of_reference = trained * (size + FP32_BYTES * soft) if reference else 0
    if reference and beside.teacher is not None:
        of_reference = _weights(config, beside.teacher, size)
    return Held(
        weights=_weights(config, model_size, size),
        masters=0 if offload else masters,
        gradients=0 if offload else gradients,
        moments=0 if offload else moments,
        reference=of_reference,
        critic=of_critic,
        host=masters + gradients + moments + on_host if offload else 0,
    )


def _weights(config: Config, model_size: ModelSize, size: int) -> int:
    packed = BYTES.get(config.model.quantisation, size)  # bytes of a weight of an inner layer
    others = model_size.parameters - model_size.inner
    return int(model_size.inner * packed) + (others + model_size.adapters) * size


def _learning(config: Config, model_size: ModelSize, dtype: torch.dtype) -> tuple[int, int, int]:
    """Bytes of masters, gradients and moments, wherever they are."""
    trained = model_size.trained
    # In fp32 the parameters are their own masters.
    exact = dtype == torch.float32 and not config.optimizer.offload
    moments = int(2 * trained * MOMENT_BYTES[config.optimizer.moments])
    return 0 if exact else trained * FP32_BYTES, trained * FP32_BYTES, moments


def _of_critic(
    config: Config, policy: ModelSize, dtype: torch.dtype, own: ModelSize | None
) -> tuple[int, int]:
    """Bytes of a critic on the device, and on the host."""
    if not config.objective.needs_values:
        return 0, 0
    if own is None:  # weights, a gradient and two moments of a head in fp32
        return 4 * policy.width * FP32_BYTES, 0
    over_the_policys = own.adapters and config.critic.path is None
    size = dtype.itemsize
    weights = own.adapters * size if over_the_policys else _weights(config, own, size)
    learning = sum(_learning(config, own, dtype))
    return (weights, learning) if config.optimizer.offload else (weights + learning, 0)
