"""The scale of a loss whose gradients are computed in fp16.

fp16 has no number between 0 and 6e-8, and most gradients of a large model are smaller than it can
hold. So the gradient of the loss is multiplied by a power of two as soon as it exists, and divided
by it where it reaches the fp32 masters: neither rounds (Micikevicius et al., arXiv 1710.03740).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST, LARGEST = 2.0**16, 2.0**24
STEPS_BEFORE_DOUBLING = 200
"""Number of steps without a gradient that is not finite after which the scale is doubled."""


@dataclass(slots=True)
class LossScale:
    """A power of two that is halved where a gradient overflows, and doubled after many good
    steps."""

    value: float = FIRST
    good_steps: int = 0
    """Number of steps since the scale was changed."""

    def halve(self) -> None:
        """Take half of the scale from now on."""
        self.value, self.good_steps = self.value / 2, 0

    def after_step(self) -> None:
        """Count a step whose gradient was finite."""
        self.good_steps += 1
        if self.good_steps == STEPS_BEFORE_DOUBLING:
            self.value, self.good_steps = min(LARGEST, self.value * 2), 0

    def state_dict(self) -> dict[str, Any]:
        """The scale, as plain JSON."""
        return {"loss_scale": self.value, "loss_scale_good_steps": self.good_steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.value, self.good_steps = state["loss_scale"], state["loss_scale_good_steps"]
