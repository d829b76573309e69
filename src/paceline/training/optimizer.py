"""AdamW on fp32 masters, with warm-up, decay and clipping."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..model import Policy
from ..settings import OptimizerConfig
from .accumulate import Accumulator
from .adamw import AdamW
from .loss_scale import LossScale


@dataclass(frozen=True, slots=True)
class OptimizerStep:
    """The outcome of one optimizer step."""

    grad_norm: float
    """Norm of the whole gradient before clipping."""
    lr: float
    skipped: bool
    """True if the gradient was not finite: nothing was changed."""


class Optimizer:
    """Updates a policy's parameters.

    Parameters of 16 bits have fp32 masters: gradients are summed into fp32 as backward passes make
    them, the step is taken on the masters, and the parameters are rewritten in place.

    Attributes:
        loss_scale: the scale under which gradients of an fp16 policy are made; None for others.
    """

    def __init__(self, policy: Policy, settings: OptimizerConfig, steps: int) -> None:
        self.policy, self.settings, self.steps = policy, settings, steps
        trained, exact = policy.trained(), policy.exact_parameters()
        self.names: list[str] = list(trained)
        self.parameters: list[nn.Parameter] = list(trained.values())
        self.masters: list[Tensor] = [exact[name] for name in trained]
        self.loss_scale = LossScale() if policy.dtype == torch.float16 else None
        self.accumulator = Accumulator(lambda: self.scale)
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            # Zeros, not None: AdamW's moments decay on a part without signal as on any other.
            master.grad = torch.zeros_like(master)
            if master is not parameter:
                self.accumulator.attach(parameter, master)
        self.adamw = AdamW(self.masters, settings)

    @property
    def scale(self) -> float:
        """The factor by which gradients are too large until they reach the masters."""
        return 1.0 if self.loss_scale is None else self.loss_scale.value

    def step(self, number: int) -> OptimizerStep:
        """Take optimizer step `number` (counted from 1) on the gradients summed since the last
        step."""
        lr = self.settings.lr_at(number, self.steps)
        self.accumulator.finish()
        limit = self.settings.clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.masters, limit))
        finite = math.isfinite(norm)
        if finite:
            if self.loss_scale is not None:
                self.loss_scale.after_step()
            self.adamw.step(lr)
            self._write_back()
            self.policy.version += 1
        self.clear()
        return OptimizerStep(norm, lr, not finite)

    def gradient_is_finite(self) -> bool:
        """True if no number of the gradient summed so far is NaN or infinite."""
        self.accumulator.finish()
        gradients = [m.grad for m in self.masters if m.grad is not None]
        return bool(nn.utils.get_total_norm(gradients).isfinite())

    def clear(self) -> None:
        """Forget the gradients summed so far."""
        self.accumulator.finish()
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            assert master.grad is not None
            master.grad.zero_()
            if master is not parameter:  # a backward pass that broke off may have left one
                parameter.grad = None

    @torch.no_grad()
    def _write_back(self) -> None:
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            if master is not parameter:
                parameter.copy_(master, non_blocking=True)

    def moments(self) -> dict[str, Tensor]:
        """AdamW's state by "parameter.name", as a checkpoint keeps it."""
        return {
            f"{name}.{key}": tensor
            for name, master in zip(self.names, self.masters, strict=True)
            for key, tensor in self.adamw.state_of(master).items()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state that `moments` returned. Raises: KeyError naming the missing entry."""
        for name, master in zip(self.names, self.masters, strict=True):
            own = self.adamw.state_of(master)
            self.adamw.restore(master, {key: tensors[f"{name}.{key}"] for key in own})
