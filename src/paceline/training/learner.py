"""A learner: a model and its optimizer, the two halves of an optimizer step."""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from ..batch import Batch, Micro
from ..errors import UnfitCheckpointError
from ..layout import Layout, TokenRows
from ..model import Policy
from ..model.policy import BesideLoss
from ..objective import Metrics, Scores
from .optimizer import Learns, Optimizer, OptimizerStep

StateDict = dict[str, Any]
"""Everything that a resume needs, by name: tensors by part and name, or plain JSON."""
Floats = tuple[array, ...]
Pack = Sequence[int]
"""The indices of rows that pass through the model together."""
SMALLEST_PACK = 64
"""Tokens below which packs are not shrunk: with fewer, they would be single rows anyway."""


class Trained(Learns, Protocol):
    """A model that computes a loss of a batch's rows: a policy, a reward model, a critic."""

    layout: Layout

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""
        ...

    def loss(
        self, loss: Any, micro: Micro, temperature: float, scale: float, /
    ) -> tuple[Tensor, Any]:
        """The rows' share of a loss, `scale` times as large, and what was measured of them."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the parameters that `exact_parameters` returned, in place."""
        ...


class Beside(BesideLoss, Protocol):
    """A loss beside a policy's, which is summed anew with every sum of the policy's gradient."""

    def begins(self) -> None:
        """Forget what was summed: the gradient of a batch begins, perhaps once more."""
        ...


M = TypeVar("M", bound=Trained)


class Learner(Generic[M]):
    """A model, such as a policy, with its optimizer: sums the gradient of a batch, takes an
    optimizer step on it, and is saved as a whole.

    Args:
        zero: what is measured of no rows; None for a policy's.

    Attributes:
        temperature: the sampling temperature, and so that of every log-probability.
        tokens_per_forward: the most tokens of one forward and backward pass.
    """

    def __init__(
        self,
        policy: M,
        optimizer: Optimizer,
        *,
        temperature: float = 1.0,
        tokens_per_forward: int = 4096,
        zero: Any = None,
    ) -> None:
        self.policy, self.optimizer, self.temperature = policy, optimizer, temperature
        self.tokens_per_forward = tokens_per_forward
        self.zero: Any = Metrics.zero() if zero is None else zero

    def forward_backward(
        self,
        batch: Batch,
        loss: Any,
        tick: Callable[[], None] = lambda: None,
        beside: Beside | None = None,
    ) -> Any:
        """Sum the gradient of a batch, in packs that fit into memory; in fp16 once more with half
        the scale if it overflowed.

        If it is interrupted, nothing of the gradient is left.

        Args:
            loss: what the model computes: a `Loss` of a policy, a `Ranking` of a reward model, a
                `ValueLoss` of a critic.
            tick: called after each pack: a sign of life.
            beside: a loss that is added to a policy's.

        Returns: the sum of what was measured, `Metrics` of a policy or reward model.
        """
        metrics, scale = self._summed(batch, loss, tick, beside), self.optimizer.loss_scale
        if scale is None or self.optimizer.gradient_is_finite():
            return metrics
        first = scale.value
        # Where the scores themselves are not finite, no scale of the gradient will help.
        while scale.value > 1 and math.isfinite(metrics.loss):
            scale.halve()
            self.clear()
            metrics = self._summed(batch, loss, tick, beside)
            if self.optimizer.gradient_is_finite():
                return metrics
        scale.value = first
        return metrics

    def _summed(
        self, batch: Batch, loss: Any, tick: Callable[[], None], beside: Beside | None
    ) -> Any:
        metrics = self.zero
        if beside is not None:
            beside.begins()
        try:
            for micro in batch.micro(
                self.tokens_per_forward, self.policy.layout, self.policy.device
            ):
                share, measured = self._share(loss, micro, beside)
                share.backward()
                metrics += measured
                tick()
        except BaseException:
            self.clear()
            raise
        return metrics

    def _share(self, loss: Any, micro: Micro, beside: Beside | None) -> tuple[Tensor, Any]:
        if beside is None:
            return self.policy.loss(loss, micro, self.temperature, self.scale)
        assert isinstance(self.policy, Policy)  # the one whose states others read
        return self.policy.loss(loss, micro, self.temperature, self.scale, beside)

    @property
    def scale(self) -> float:
        """The factor by which gradients are too large until they reach the masters."""
        return self.optimizer.scale

    def optim_step(self, number: int, *, hold: bool = False) -> OptimizerStep:
        """Take optimizer step `number` (counted from 1) on the gradient summed since the last; with
        `hold`, change nothing and forget it."""
        return self.optimizer.step(number, hold=hold)

    def clear(self) -> None:
        """Forget the gradient summed so far."""
        self.optimizer.clear()

    def gradients(self) -> list[Tensor]:
        """The gradient summed so far: one tensor a trained parameter, in fp32."""
        self.optimizer.accumulator.finish()
        return [g for master in self.optimizer.masters if (g := master.grad) is not None]

    def logprobs(
        self: "Learner[Policy]",
        rows: TokenRows,
        packs: Sequence[Pack] | None = None,
        score: Callable[[TokenRows, float], Scores] | None = None,
    ) -> Floats:
        """Log-probabilities of every row's completion, without gradient.

        Args:
            packs: the rows to score, grouped as given; other rows are not scored. None scores all,
                in packs of `tokens_per_forward`.
            score: another model's, such as the reference's; None takes the policy's own.
        """
        score = score or self.policy.score
        columns: list[array] = [array("f")] * len(rows)
        for pack in self.packs(rows) if packs is None else packs:
            logp_BT = score(rows.take(pack), self.temperature).logp_BT.cpu()
            for i, logp_T in zip(pack, logp_BT, strict=True):
                columns[i] = array("f", logp_T[: len(rows.completions[i])].tolist())
        return tuple(columns)

    def packs(self, rows: TokenRows) -> list[list[int]]:
        """The rows in packs of at most `tokens_per_forward` tokens, by their indices."""
        return rows.packs(self.tokens_per_forward, self.policy.layout)

    def shrink(self) -> str | None:
        """Halve the packs; None if they are as small as they can be."""
        if self.tokens_per_forward <= SMALLEST_PACK:
            return None
        self.tokens_per_forward = max(SMALLEST_PACK, self.tokens_per_forward // 2)
        return f"tokens_per_forward is {self.tokens_per_forward} now"

    def state_dict(self) -> StateDict:
        """Weights at full precision, the optimizer's moments, and the numbers that belong to them.

        The tensors are the ones that training continues to use, not copies.
        """
        return {
            "policy": dict(self.policy.exact_parameters()),
            "optimizer": self.optimizer.moments(),
            "version": self.policy.version,
            "tokens_per_forward": self.tokens_per_forward,
            **(self.optimizer.loss_scale.state_dict() if self.optimizer.loss_scale else {}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Tensors are copied into the memory that a fresh start allocates, because the place of values
        in memory decides how some products round.

        Raises: UnfitCheckpointError, before anything is changed, if a tensor is missing or has
            another shape.
        """
        weights = matching_tensors("policy", state, self.policy.exact_parameters())
        moments = matching_tensors("optimizer", state, self.optimizer.moments())
        self.policy.restore(weights)
        self.optimizer.restore(moments)
        self.policy.version = state["version"]
        self.tokens_per_forward = state["tokens_per_forward"]
        if self.optimizer.loss_scale is not None:
            self.optimizer.loss_scale.load_state_dict(state)


def matching_tensors(
    part: str, state: Mapping[str, Any], fresh: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """The tensors of one part of a state, if every wanted tensor is there, in its shape.

    Raises: UnfitCheckpointError naming the first that does not fit.
    """
    tensors: Mapping[str, Tensor] = state.get(part, {})
    for name, tensor in fresh.items():
        if name not in tensors:
            raise UnfitCheckpointError(f"its {part} lacks '{name}'")
        found = tensors[name].shape
        if found != tensor.shape:
            raise UnfitCheckpointError(
                f"its {part} has '{name}' in shape {tuple(found)}, the model in "
                f"{tuple(tensor.shape)}"
            )
    return tensors
