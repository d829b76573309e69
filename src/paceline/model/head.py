"""The language-model head: log-probability and entropy of scored tokens, block by block.

Logits of M tokens × V words never exist at once: a block's logits are formed, reduced to two
numbers a token, and forgotten. Where the loss's gradient at a token is known as soon as its scores
are, the gradient takes the logits' place at the same moment (`fused_loss`); otherwise the backward
pass forms them again (`token_scores`). Everything between the matrix products is fp32.

Legend: M scored tokens, B tokens of a block, C of a chunk of it, D hidden size, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..objective import TokenGradient
from .logits import Chunk, LogitTransform

BLOCK_LOGITS = 1 << 25
"""Most logits that exist at once, in the model's dtype (64 MiB in bf16), because matrix products
are faster with many tokens. Affects memory and speed only."""
CHUNK_LOGITS = 1 << 21
"""Most logits that are brought to fp32 and reduced at a time (8 MiB), so that they stay in the
processor's cache."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The output layer, tied or not, with or without bias, frozen or not."""

    weight_VD: Tensor
    bias_V: Tensor | None

    def raw(self, hidden_CD: Tensor) -> Tensor:
        return nn.functional.linear(hidden_CD, self.weight_VD, self.bias_V)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of tokens at a time."""

    block: int
    """Number of tokens of one matrix product."""
    chunk: int
    """Number of tokens whose logits are in fp32 together."""

    @classmethod
    def of(cls, head: nn.Linear) -> "Sizes":
        words = head.weight.shape[0]
        block = max(1, BLOCK_LOGITS // words)
        # A GPU has no cache to stay in, and each chunk costs it a dozen launches.
        chunk = max(1, CHUNK_LOGITS // words) if head.weight.device.type == "cpu" else block
        return cls(block, chunk)


@dataclass(frozen=True, slots=True)
class Gradients:
    """Gradients of the head's inputs; None for those that are not wanted. Weight and bias are in
    fp32: bf16 would lose the later of many summands."""

    hidden_MD: Tensor | None
    weight_VD: Tensor | None
    bias_V: Tensor | None

    def __iter__(self) -> Iterator[Tensor | None]:
        return iter((self.hidden_MD, self.weight_VD, self.bias_V))


def _scores_and_gradients(
    hidden_MD: Tensor,
    weights: Weights,
    targets_M: Tensor,
    transform: LogitTransform,
    sizes: Sizes,
    token_gradient: TokenGradient | None = None,
    wanted: Sequence[bool] = (False, False, False),
) -> tuple[Tensor, Tensor, Gradients]:
    """Scores, and the gradients of a loss with this token gradient, if any, from logits that exist
    once."""
    exact = torch.promote_types(hidden_MD.dtype, torch.float32)
    logp_M = torch.empty(len(targets_M), dtype=exact, device=hidden_MD.device)
    entropy_M = torch.empty_like(logp_M)
    weight_VD, bias_V = weights.weight_VD, weights.bias_V
    gradients = Gradients(
        torch.empty_like(hidden_MD) if wanted[0] else None,
        torch.zeros_like(weight_VD, dtype=exact) if wanted[1] else None,
        torch.zeros_like(bias_V, dtype=exact) if wanted[2] and bias_V is not None else None,
    )
    for b in _slices(0, len(targets_M), sizes.block):
        grad_BV = weights.raw(hidden_MD[b])  # logits, which chunk by chunk the gradient replaces
        for c in _slices(b.start, b.stop, sizes.chunk):
            here = slice(c.start - b.start, c.stop - b.start)
            chunk = Chunk.of(grad_BV[here], targets_M[c], transform)
            logp_M[c], entropy_M[c] = chunk.logp_C, chunk.entropy_C
            if token_gradient is not None:
                grads = token_gradient(c, chunk.logp_C, chunk.entropy_C)
                grad_BV[here] = chunk.gradient(targets_M[c], *grads, transform)
        if gradients.hidden_MD is not None:
            torch.mm(grad_BV, weight_VD, out=gradients.hidden_MD[b])
        if gradients.weight_VD is not None:
            gradients.weight_VD.add_(grad_BV.T @ hidden_MD[b])
        if gradients.bias_V is not None:
            gradients.bias_V.add_(grad_BV.sum(0, dtype=exact))
    return logp_M, entropy_M, gradients


class _TokenScores(torch.autograd.Function):
    """(logp_M, entropy_M) of targets_M; gradients to hidden_MD, weight_VD and bias_V."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx, hidden_MD, weight_VD, bias_V, targets_M, transform: LogitTransform, sizes: Sizes
    ):
        ctx.save_for_backward(hidden_MD, weight_VD, bias_V, targets_M)
        ctx.transform, ctx.sizes = transform, sizes
        ctx.set_materialize_grads(False)  # entropy is mostly measured only: its gradient is None
        logp_M, entropy_M, _ = _scores_and_gradients(
            hidden_MD, Weights(weight_VD, bias_V), targets_M, transform, sizes
        )
        return logp_M, entropy_M

    @staticmethod
    def backward(ctx, grad_logp_M, grad_entropy_M):  # type: ignore[override]
        hidden_MD, weight_VD, bias_V, targets_M = ctx.saved_tensors

        def token_gradient(
            c: slice, logp_C: Tensor, entropy_C: Tensor
        ) -> tuple[Tensor, Tensor | None]:
            return (
                torch.zeros_like(logp_C) if grad_logp_M is None else grad_logp_M[c],
                None if grad_entropy_M is None else grad_entropy_M[c],
            )

        _, _, gradients = _scores_and_gradients(
            hidden_MD,
            Weights(weight_VD, bias_V),
            targets_M,
            ctx.transform,
            ctx.sizes,
            token_gradient,
            ctx.needs_input_grad,
        )
        return *gradients, None, None, None


class _WithGradients(torch.autograd.Function):
    """The loss's value, with gradients that exist already: the backward pass passes them on."""

    @staticmethod
    def forward(ctx, hidden_MD, weight_VD, bias_V, loss: Tensor, gradients):  # type: ignore[override]
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx, factor):  # type: ignore[override]
        # Freed with the graph: the weight's is as large as the layer in fp32.
        gradients, ctx.gradients = ctx.gradients, None
        if factor.item() != 1.0:
            gradients = [None if g is None else g * factor.to(g.dtype) for g in gradients]
        return *gradients, None, None


@dataclass(frozen=True, slots=True)
class FusedLoss:
    """A loss whose gradient was formed together with its scores: the detached scores, and the
    gradients."""

    logp_M: Tensor
    entropy_M: Tensor
    inputs: tuple[Tensor, Tensor, Tensor | None]
    gradients: Gradients

    def attach(self, loss: Tensor) -> Tensor:
        """Attach the gradients to the loss."""
        return _WithGradients.apply(*self.inputs, loss.detach(), self.gradients)  # type: ignore[no-any-return]


@torch.no_grad()
def fused_loss(
    hidden_MD: Tensor,
    head: nn.Linear,
    targets_M: Tensor,
    transform: LogitTransform,
    token_gradient: TokenGradient,
    sizes: Sizes | None = None,
) -> FusedLoss:
    """Compute scores and gradients together: logits are formed a single time.

    Args:
        hidden_MD, head, targets_M, transform, sizes: as in token_scores.
        token_gradient: the loss's derivatives at a chunk's tokens, from their scores.
    """
    inputs = (hidden_MD, head.weight, head.bias)
    logp_M, entropy_M, gradients = _scores_and_gradients(
        hidden_MD,
        Weights(head.weight, head.bias),
        targets_M,
        transform,
        sizes or Sizes.of(head),
        token_gradient,
        [x is not None and x.requires_grad for x in inputs],
    )
    return FusedLoss(logp_M, entropy_M, inputs, gradients)


def token_scores(
    hidden_MD: Tensor,
    head: nn.Linear,
    targets_M: Tensor,
    transform: LogitTransform,
    sizes: Sizes | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy (nats) of each target under the head's distribution.

    Args:
        hidden_MD: the hidden state that predicts each target.
        head: the output layer, tied or not, with or without bias, frozen or not.
        targets_M: the token ids.
        transform: scale, soft-cap and temperature of the logits.
        sizes: numbers of tokens at a time; None keeps within BLOCK_LOGITS and CHUNK_LOGITS.

    Returns: logp_M and entropy_M in fp32 (fp64 if the model is fp64).
    """
    return _TokenScores.apply(  # type: ignore[no-any-return]
        hidden_MD, head.weight, head.bias, targets_M, transform, sizes or Sizes.of(head)
    )


def _slices(start: int, stop: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, stop)) for i in range(start, stop, size)]
