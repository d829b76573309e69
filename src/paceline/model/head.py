"""The language-model head: log-probability and entropy of scored tokens, chunk by chunk.

Logits of M tokens × V words never exist at once: a chunk's logits are formed, reduced to two
numbers a token, and forgotten. Where the loss's slope at a token is known as soon as its scores
are, the chunk's gradient is formed at the same moment (`formed`); else the backward pass forms the
logits again (`token_scores`). Everything after the matrix product is fp32.

Legend: M scored tokens, C tokens of a chunk, D hidden size, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CHUNK_LOGITS = 1 << 22
"""At most this many logits exist at once (16 MiB in fp32): memory and speed only."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What happens to the raw logits before the softmax: cap · tanh(scale · raw / cap) /
    temperature."""

    scale: float = 1.0
    """Multiplies the raw logits (Cohere's logit_scale, the inverse of Granite's logits_scaling)."""
    cap: float | None = None
    """Soft-capping of the logits (Gemma 2)."""
    temperature: float = 1.0
    """The sampling temperature: log-probabilities are of the distribution sampled from."""

    @classmethod
    def of(cls, config: object, temperature: float) -> "Shape":
        """Read from a transformers config; the three names are the ones that its models use."""
        settings = config.to_dict()  # type: ignore[attr-defined]
        scale = float(settings.get("logit_scale") or 1.0) / float(
            settings.get("logits_scaling") or 1.0
        )
        return cls(scale, settings.get("final_logit_softcapping"), temperature)

    def apply(self, raw: Tensor) -> Tensor:
        """[C, V] raw logits -> fp32 logits of the distribution sampled from."""
        logits = raw.to(torch.promote_types(raw.dtype, torch.float32))
        if self.scale != 1.0:
            logits = logits * self.scale
        if self.cap is not None:
            logits = self.cap * torch.tanh(logits / self.cap)
        return logits / self.temperature if self.temperature != 1.0 else logits

    def bend(self, logits: Tensor) -> Tensor | float:
        """d logits / d raw, from the shaped logits."""
        bend = self.scale / self.temperature
        if self.cap is None:
            return bend
        return bend * (1.0 - (logits * self.temperature / self.cap) ** 2)


Slope = Callable[[slice, Tensor, Tensor], tuple[Tensor, Tensor | None]]
"""(which of the M tokens, logp_C, entropy_C) -> d loss / d logp_C and d loss / d entropy_C."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is known of C tokens while their logits exist."""

    logits_CV: Tensor
    p_CV: Tensor
    log_z_C: Tensor
    logp_C: Tensor
    entropy_C: Tensor

    @classmethod
    def of(cls, raw_CV: Tensor, targets_C: Tensor, shape: Shape) -> "Chunk":
        logits_CV = shape.apply(raw_CV)
        p_CV = logits_CV.softmax(-1)
        top_C, where_C = logits_CV.max(-1)
        # The likeliest word's probability is at least 1/V, so its logarithm is exact enough.
        log_z_C = top_C - p_CV.gather(-1, where_C[:, None])[:, 0].log()
        logp_C = logits_CV.gather(-1, targets_C[:, None])[:, 0] - log_z_C
        # A word of logit -inf has no share in the entropy: 0 · inf would be NaN.
        mean_C = torch.linalg.vecdot(p_CV, logits_CV)
        if not mean_C.isfinite().all():
            mean_C = torch.linalg.vecdot(p_CV, logits_CV.clamp_min(-1e9))
        return cls(logits_CV, p_CV, log_z_C, logp_C, log_z_C - mean_C)

    def gradient(
        self, targets_C: Tensor, slope_C: Tensor, entropy_slope_C: Tensor | None, shape: Shape
    ) -> Tensor:
        """[C, V] with respect to the raw logits, from d logp = 1[target] − p and
        d H = −p (log p + H). Uses up p_CV."""
        if entropy_slope_C is None:
            grad_CV = self.p_CV.mul_(-slope_C[:, None])
        else:
            surplus_CV = self.logits_CV.clamp_min(-1e9).sub_(
                (self.log_z_C - self.entropy_C)[:, None]
            )
            surplus_CV.mul_(entropy_slope_C[:, None]).add_(slope_C[:, None])
            grad_CV = surplus_CV.mul_(self.p_CV).neg_()
        grad_CV.scatter_add_(-1, targets_C[:, None], slope_C[:, None])
        bend = shape.bend(self.logits_CV)
        return grad_CV if isinstance(bend, float) and bend == 1.0 else grad_CV.mul_(bend)


class _Sums:
    """Gradients of the head's inputs, summed over chunks; None where none is wanted."""

    def __init__(self, hidden_MD: Tensor, head: "Weights", wanted: tuple[bool, bool, bool]) -> None:
        exact = torch.promote_types(hidden_MD.dtype, torch.float32)
        self.hidden_MD, self.head = hidden_MD, head
        self.to_hidden = torch.empty_like(hidden_MD) if wanted[0] else None
        # fp32 sums over the chunks: bf16 would lose the later ones.
        self.to_weight = torch.zeros_like(head.weight_VD, dtype=exact) if wanted[1] else None
        self.to_bias = (
            torch.zeros_like(head.bias_V, dtype=exact)
            if wanted[2] and head.bias_V is not None
            else None
        )

    def add(self, c: slice, grad_CV: Tensor) -> None:
        grad_CV = grad_CV.to(self.hidden_MD.dtype)
        if self.to_hidden is not None:
            self.to_hidden[c] = grad_CV @ self.head.weight_VD
        if self.to_weight is not None:
            self.to_weight += grad_CV.T @ self.hidden_MD[c]
        if self.to_bias is not None:
            self.to_bias += grad_CV.sum(0)

    @property
    def all(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.to_hidden, self.to_weight, self.to_bias


@dataclass(frozen=True, slots=True)
class Weights:
    """The output layer, tied or not, with or without bias, frozen or not."""

    weight_VD: Tensor
    bias_V: Tensor | None

    def raw(self, hidden_CD: Tensor) -> Tensor:
        return nn.functional.linear(hidden_CD, self.weight_VD, self.bias_V)


class _TokenScores(torch.autograd.Function):
    """(logp_M, entropy_M) of targets_M; gradients to hidden_MD, weight_VD and bias_V."""

    @staticmethod
    def forward(ctx, hidden_MD, weight_VD, bias_V, targets_M, shape: Shape, size: int):  # type: ignore[override]
        head = Weights(weight_VD, bias_V)
        exact = torch.promote_types(hidden_MD.dtype, torch.float32)
        logp_M = torch.empty(len(targets_M), dtype=exact, device=hidden_MD.device)
        entropy_M = torch.empty_like(logp_M)
        for c in _chunks(len(targets_M), size):
            chunk = Chunk.of(head.raw(hidden_MD[c]), targets_M[c], shape)
            logp_M[c], entropy_M[c] = chunk.logp_C, chunk.entropy_C
        ctx.save_for_backward(hidden_MD, weight_VD, bias_V, targets_M)
        ctx.shape, ctx.size = shape, size
        ctx.set_materialize_grads(False)  # entropy is mostly measured only: its gradient is None
        return logp_M, entropy_M

    @staticmethod
    def backward(ctx, slope_M, entropy_slope_M):  # type: ignore[override]
        hidden_MD, weight_VD, bias_V, targets_M = ctx.saved_tensors
        head = Weights(weight_VD, bias_V)
        sums = _Sums(hidden_MD, head, ctx.needs_input_grad[:3])
        for c in _chunks(len(targets_M), ctx.size):
            chunk = Chunk.of(head.raw(hidden_MD[c]), targets_M[c], ctx.shape)
            slope_C = torch.zeros_like(chunk.logp_C) if slope_M is None else slope_M[c]
            entropy_slope_C = None if entropy_slope_M is None else entropy_slope_M[c]
            sums.add(c, chunk.gradient(targets_M[c], slope_C, entropy_slope_C, ctx.shape))
        return *sums.all, None, None, None


class _Formed(torch.autograd.Function):
    """The loss's value, with gradients that exist already: the backward pass hands them on."""

    @staticmethod
    def forward(ctx, hidden_MD, weight_VD, bias_V, loss: Tensor, gradients):  # type: ignore[override]
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx, factor):  # type: ignore[override]
        gradients = ctx.gradients
        if factor.item() != 1.0:
            gradients = tuple(None if g is None else g * factor.to(g.dtype) for g in gradients)
        return *gradients, None, None


@dataclass(frozen=True, slots=True)
class Formed:
    """Scores, detached, and the gradients of a loss whose slopes were known chunk by chunk."""

    logp_M: Tensor
    entropy_M: Tensor
    inputs: tuple[Tensor, Tensor, Tensor | None]
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None]

    def attach(self, loss: Tensor) -> Tensor:
        """The loss with those gradients."""
        return _Formed.apply(*self.inputs, loss.detach(), self.gradients)  # type: ignore[no-any-return]


def formed(
    hidden_MD: Tensor,
    head: nn.Linear,
    targets_M: Tensor,
    shape: Shape,
    slope: Slope,
    chunk: int | None = None,
) -> Formed:
    """Scores and gradients at once: logits are formed a single time.

    Args: as of token_scores, and
        slope: the loss's derivatives at a chunk's tokens, from their scores.
    """
    weights = Weights(head.weight.detach(), None if head.bias is None else head.bias.detach())
    inputs = (hidden_MD, head.weight, head.bias)
    wanted = tuple(x is not None and x.requires_grad for x in inputs)
    with torch.no_grad():
        detached_MD = hidden_MD.detach()
        exact = torch.promote_types(hidden_MD.dtype, torch.float32)
        logp_M = torch.empty(len(targets_M), dtype=exact, device=hidden_MD.device)
        entropy_M = torch.empty_like(logp_M)
        sums = _Sums(detached_MD, weights, wanted)  # type: ignore[arg-type]
        for c in _chunks(len(targets_M), chunk or _size(head)):
            mine = Chunk.of(weights.raw(detached_MD[c]), targets_M[c], shape)
            logp_M[c], entropy_M[c] = mine.logp_C, mine.entropy_C
            sums.add(c, mine.gradient(targets_M[c], *slope(c, mine.logp_C, mine.entropy_C), shape))
    return Formed(logp_M, entropy_M, inputs, sums.all)


def token_scores(
    hidden_MD: Tensor,
    head: nn.Linear,
    targets_M: Tensor,
    shape: Shape,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy (nats) of each target under the head's distribution.

    Args:
        hidden_MD: the hidden state that predicts each target.
        head: the output layer, tied or not, with or without bias, frozen or not.
        targets_M: the token ids.
        shape: scale, soft-cap and temperature of the logits.
        chunk: tokens at a time; None keeps a chunk's logits under CHUNK_LOGITS.

    Returns: logp_M and entropy_M in fp32 (fp64 where the model is fp64).
    """
    return _TokenScores.apply(  # type: ignore[no-any-return]
        hidden_MD, head.weight, head.bias, targets_M, shape, chunk or _size(head)
    )


def _size(head: nn.Linear) -> int:
    return max(1, CHUNK_LOGITS // head.weight.shape[0])


def _chunks(total: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, total)) for i in range(0, total, size)]
