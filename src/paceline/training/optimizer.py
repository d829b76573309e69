"""AdamW on fp32 masters, with warm-up, decay and clipping."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

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
    """True if the gradient was not finite, its own or that of a model beside it: nothing was
    changed."""


class Learns(Protocol):
    """A model of which some parameters learn: a policy, a scorer, a head alone."""

    version: int

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that it computes in."""
        ...

    @property
    def heads(self) -> frozenset[str]:
        """Names of the parameters that learn at a rate of their own."""
        ...

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name and in a fixed order."""
        ...

    def exact_parameters(self) -> Mapping[str, Tensor]:
        """The same at full precision: their masters if there are any."""
        ...


class Optimizer:
    """Updates a model's parameters.

    Parameters of 16 bits have fp32 masters: gradients are summed into fp32 as backward passes make
    them, the step is taken on the masters, and the parameters are rewritten in place.

    Args:
        policy: the model, of whatever kind; its `version` counts the steps.
        steps: optimizer steps that the course of the learning rate takes.
        beside: the optimizer of another model that gets its gradient from the same backward passes,
            whose loss scale is then this one's too.

    Attributes:
        loss_scale: the scale under which gradients of an fp16 model are made; None for others.
    """

    def __init__(
        self,
        policy: Learns,
        settings: OptimizerConfig,
        steps: int,
        *,
        beside: "Optimizer | None" = None,
    ) -> None:
        self.policy, self.settings, self.steps, self.beside = policy, settings, steps, beside
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
        heads = [exact[name] for name in trained if name in policy.heads]
        self.adamw = AdamW(self.masters, settings, heads)

    @property
    def scale(self) -> float:
        """The factor by which gradients are too large until they reach the masters."""
        if self.beside is not None:
            return self.beside.scale
        return 1.0 if self.loss_scale is None else self.loss_scale.value

    def step(self, number: int, *, hold: bool = False) -> OptimizerStep:
        """Take optimizer step `number` (counted from 1) on the gradients summed since the last
        step.

        Args:
            hold: True changes nothing, as where the gradient is not finite: another model that
                steps together with this one cannot.
        """
        lr = self.settings.lr_at(number, self.steps)
        self.accumulator.finish()
        limit = self.settings.clip or math.inf
        norm = float(nn.utils.clip_grad_norm_(self.masters, limit))
        steps = math.isfinite(norm) and not hold
        if steps:
            if self.loss_scale is not None:
                self.loss_scale.after_step()
            self.adamw.step(lr, self.settings.of_head.lr_at(number, self.steps))
            self._write_back()
            self.policy.version += 1
        self.clear()
        return OptimizerStep(norm, lr, not steps)

    @torch.no_grad()
    def shorten(self, begin: Sequence[Tensor], share: float) -> None:
        """Take a share of the way back from where the masters are to where they were; 1 is all of
        it, which restores them bit for bit. The moments stay."""
        for master, was in zip(self.masters, begin, strict=True):
            master.copy_(was if share == 1 else master.lerp(was, share))
        self._write_back()

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
