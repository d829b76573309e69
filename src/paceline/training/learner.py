"""A learner: a policy and its optimizer, the two halves of an optimizer step."""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ..batch import Batch
from ..errors import UnfitCheckpointError
from ..layout import TokenRows
from ..model import Policy
from ..objective import Metrics, Scores
from .optimizer import Optimizer, OptimizerStep

StateDict = dict[str, Any]
"""Everything that a resume needs, by name: tensors by part and name, or plain JSON."""
Floats = tuple[array, ...]
Pack = Sequence[int]
"""The indices of rows that pass through the model together."""
SMALLEST_PACK = 64
"""Tokens below which packs are not shrunk: with fewer, they would be single rows anyway."""


class Learner:
    """A policy with its optimizer: sums the gradient of a batch, takes an optimizer step on it, and
    is saved as a whole.

    Attributes:
        temperature: the sampling temperature, and so that of every log-probability.
        tokens_per_forward: the most tokens of one forward and backward pass.
    """

    def __init__(
        self,
        policy: Policy,
        optimizer: Optimizer,
        *,
        temperature: float = 1.0,
        tokens_per_forward: int = 4096,
    ) -> None:
        self.policy, self.optimizer, self.temperature = policy, optimizer, temperature
        self.tokens_per_forward = tokens_per_forward

    def forward_backward(
        self, batch: Batch, loss: Any, tick: Callable[[], None] = lambda: None
    ) -> Metrics:
        """Sum the gradient of a batch, in packs that fit into memory; in fp16 once more with half
        the scale if it overflowed.

        If it is interrupted, nothing of the gradient is left.

        Args:
            loss: what the model computes: a `Loss` of a policy, a `Ranking` of a reward model.
            tick: called after each pack: a sign of life.
        """
        metrics, scale = self._summed(batch, loss, tick), self.optimizer.loss_scale
        if scale is None or self.optimizer.gradient_is_finite():
            return metrics
        first = scale.value
        # Where the scores themselves are not finite, no scale of the gradient will help.
        while scale.value > 1 and math.isfinite(metrics.entropy or 0.0):
            scale.halve()
            self.clear()
            metrics = self._summed(batch, loss, tick)
            if self.optimizer.gradient_is_finite():
                return metrics
        scale.value = first
        return metrics

    def _summed(self, batch: Batch, loss: Any, tick: Callable[[], None]) -> Metrics:
        metrics = Metrics.zero()
        try:
            for micro in batch.micro(
                self.tokens_per_forward, self.policy.layout, self.policy.device
            ):
                share, measured = self.policy.loss(loss, micro, self.temperature, self.scale)
                share.backward()
                metrics += measured
                tick()
        except BaseException:
            self.clear()
            raise
        return metrics

    @property
    def scale(self) -> float:
        """The factor by which gradients are too large until they reach the masters."""
        return self.optimizer.scale

    def optim_step(self, number: int) -> OptimizerStep:
        """Take optimizer step `number` (counted from 1) on the gradient summed since the last."""
        return self.optimizer.step(number)

    def clear(self) -> None:
        """Forget the gradient summed so far."""
        self.optimizer.clear()

    def gradients(self) -> list[Tensor]:
        """The gradient summed so far: one tensor a trained parameter, in fp32."""
        self.optimizer.accumulator.finish()
        return [g for master in self.optimizer.masters if (g := master.grad) is not None]

    def logprobs(
        self,
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
