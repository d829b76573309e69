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
class Held:
    """Bytes by use, on the device that computes."""

    weights: int
    """Bytes of the weights that computing reads, adapters included."""
    masters: int
    """Bytes of fp32 copies of what learns in another dtype, on which the optimizer steps."""
    gradients: int
    """Bytes of fp32 sums of gradients."""
    moments: int
    """Bytes of AdamW's two moments."""
    reference: int
    """Bytes of a KL term's reference, with its fp32 average if it follows the policy softly."""
    host: int
    """Bytes of masters, gradients and moments that are in the host's memory instead."""

    @property
    def fixed(self) -> int:
        """Bytes that no setting of rollouts, packs or decoding makes smaller."""
        return self.weights + self.masters + self.gradients + self.moments + self.reference


def held_by(config: Config, model_size: ModelSize, dtype: torch.dtype, *, reference: bool) -> Held:
    """The memory that a config's training holds.

    Args:
        reference: True if there is one.
    """
    trained, size = model_size.trained, dtype.itemsize
    packed = BYTES.get(config.model.quantisation, size)  # bytes of a weight of an inner layer
    others = model_size.parameters - model_size.inner
    # Under adapters it is the policy with another adapter.
    soft = config.reference.every > 0 and config.reference.alpha < 1
    offload = config.optimizer.offload
    exact = dtype == torch.float32 and not offload  # the parameters are their own masters
    masters, gradients = 0 if exact else trained * FP32_BYTES, trained * FP32_BYTES
    moments = int(2 * trained * MOMENT_BYTES[config.optimizer.moments])
    return Held(
        weights=int(model_size.inner * packed) + (others + model_size.adapters) * size,
        masters=0 if offload else masters,
        gradients=0 if offload else gradients,
        moments=0 if offload else moments,
        reference=trained * (size + FP32_BYTES * soft) if reference else 0,
        host=masters + gradients + moments if offload else 0,
    )
