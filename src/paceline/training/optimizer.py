"""AdamW on fp32 masters, with warm-up, decay and clipping."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..model import Policy
from ..settings import OptimizerConfig

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""Names of the state that AdamW keeps for each parameter."""


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

    bf16 parameters have fp32 masters: gradients are summed into fp32 as backward passes make
    them, the step is taken on the masters, and the parameters are rewritten in place.
    """

    def __init__(self, policy: Policy, settings: OptimizerConfig, steps: int) -> None:
        self.policy, self.settings, self.steps = policy, settings, steps
        trained, exact = policy.trained(), policy.exact_parameters()
        self.names: list[str] = list(trained)
        self.parameters: list[nn.Parameter] = list(trained.values())
        self.masters: list[Tensor] = [exact[name] for name in trained]
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            # Zeros, not None: AdamW's moments decay on a part without signal as on any other.
            master.grad = torch.zeros_like(master)
            if master is not parameter:
                parameter.register_post_accumulate_grad_hook(_into(master))
        matrices = [m for m in self.masters if m.ndim > 1]
        vectors = [m for m in self.masters if m.ndim <= 1]
        self.adamw = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            eps=settings.eps,
            fused=True,
        )
        for master in self.masters:  # as the first step would, so that it needs no more memory
            self.adamw.state[master] = {
                "step": torch.zeros((), dtype=torch.float32, device=master.device),
                "exp_avg": torch.zeros_like(master),
                "exp_avg_sq": torch.zeros_like(master),
            }

    def step(self, number: int) -> OptimizerStep:
        """Take optimizer step `number` (counted from 1) on the gradients summed since the last
        step."""
        lr = self.settings.lr_at(number, self.steps)
        for group in self.adamw.param_groups:
            group["lr"] = lr
        limit = self.settings.clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.masters, limit))
        finite = math.isfinite(norm)
        if finite:
            self.adamw.step()
            self._write_back()
            self.policy.version += 1
        self.clear()
        return OptimizerStep(norm, lr, not finite)

    def clear(self) -> None:
        """Forget the gradients summed so far."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            assert master.grad is not None
            master.grad.zero_()
            if master is not parameter:  # a backward pass that broke off may have left one
                parameter.grad = None

    @torch.no_grad()
    def _write_back(self) -> None:
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            if master is not parameter:
                parameter.copy_(master)

    def moments(self) -> dict[str, Tensor]:
        """AdamW's state by "parameter.name", as a checkpoint keeps it."""
        return {
            f"{name}.{key}": self.adamw.state[master][key]
            for name, master in zip(self.names, self.masters, strict=True)
            for key in MOMENTS
        }

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state that `moments` returned. Raises: KeyError naming the missing entry."""
        for name, moment in self.moments().items():
            moment.copy_(tensors[name])


def _into(master: Tensor):
    """A hook that moves a parameter's fresh gradient into its master's."""

    def move(parameter: Tensor) -> None:
        assert master.grad is not None and parameter.grad is not None
        master.grad += parameter.grad
        parameter.grad = None

    return move
