"""The language-model head: log-probability and entropy of scored tokens, chunk by chunk.

Logits of N tokens × V words never exist at once: a chunk's logits are formed, reduced to two
numbers a token, and forgotten; the backward pass forms them again. Everything after the matrix
product is fp32.

Legend: N scored tokens, C tokens of a chunk, D hidden size, V vocabulary.
"""

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

    def slope(self, logits: Tensor) -> Tensor | float:
        """d logits / d raw, from the shaped logits."""
        slope = self.scale / self.temperature
        if self.cap is None:
            return slope
        return slope * (1.0 - (logits * self.temperature / self.cap) ** 2)


class _TokenScores(torch.autograd.Function):
    """(logp_N, entropy_N) of targets_N; gradients to hidden_ND, weight_VD and bias_V."""

    @staticmethod
    def forward(ctx, hidden_ND, weight_VD, bias_V, targets_N, shape: Shape, chunk: int):  # type: ignore[override]
        exact = torch.promote_types(hidden_ND.dtype, torch.float32)
        logp_N = torch.empty(len(targets_N), dtype=exact, device=hidden_ND.device)
        log_z_N, entropy_N = torch.empty_like(logp_N), torch.empty_like(logp_N)
        for c in _chunks(len(targets_N), chunk):
            logits_CV = shape.apply(nn.functional.linear(hidden_ND[c], weight_VD, bias_V))
            log_z_N[c] = logits_CV.logsumexp(-1)
            logp_N[c] = logits_CV.gather(-1, targets_N[c, None])[:, 0] - log_z_N[c]
            log_p_CV = logits_CV.sub_(log_z_N[c, None])
            p_CV = log_p_CV.exp()
            # -1e9 instead of -inf: a word of probability 0 has no share in the entropy, 0 · inf
            # is NaN.
            entropy_N[c] = -p_CV.mul_(log_p_CV.clamp_min_(-1e9)).sum(-1)
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, targets_N, log_z_N, entropy_N)
        ctx.shape, ctx.chunk = shape, chunk
        ctx.set_materialize_grads(False)  # entropy is mostly measured only: its gradient is None
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx, grad_logp_N, grad_entropy_N):  # type: ignore[override]
        hidden_ND, weight_VD, bias_V, targets_N, log_z_N, entropy_N = ctx.saved_tensors
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden_ND) if wants_hidden else None
        # fp32 sums over the chunks: bf16 would lose the later ones.
        grad_weight = torch.zeros_like(weight_VD, dtype=log_z_N.dtype) if wants_weight else None
        grad_bias = torch.zeros_like(bias_V, dtype=log_z_N.dtype) if wants_bias else None
        for c in _chunks(len(targets_N), ctx.chunk):
            logits_CV = ctx.shape.apply(nn.functional.linear(hidden_ND[c], weight_VD, bias_V))
            slope = ctx.shape.slope(logits_CV)
            grad_CV = _logit_gradient(
                logits_CV.sub_(log_z_N[c, None]),
                targets_N[c],
                entropy_N[c],
                None if grad_logp_N is None else grad_logp_N[c],
                None if grad_entropy_N is None else grad_entropy_N[c],
            )
            grad_CV = grad_CV.mul_(slope).to(hidden_ND.dtype)
            if grad_hidden is not None:
                grad_hidden[c] = grad_CV @ weight_VD
            if grad_weight is not None:
                grad_weight += grad_CV.T @ hidden_ND[c]
            if grad_bias is not None:
                grad_bias += grad_CV.sum(0)
        return grad_hidden, grad_weight, grad_bias, None, None, None


def _logit_gradient(
    log_p_CV: Tensor,
    targets_C: Tensor,
    entropy_C: Tensor,
    grad_logp_C: Tensor | None,
    grad_entropy_C: Tensor | None,
) -> Tensor:
    """[C, V] gradient with respect to the logits: d logp = 1[target] − p and d H = −p (log p +
    H)."""
    scale_C = torch.zeros_like(entropy_C) if grad_logp_C is None else grad_logp_C
    if grad_entropy_C is None:
        grad_CV = log_p_CV.exp_().mul_(-scale_C[:, None])
    else:
        p_CV = log_p_CV.exp()
        inner_CV = log_p_CV.clamp_min_(-1e9).add_(entropy_C[:, None]).mul_(grad_entropy_C[:, None])
        grad_CV = inner_CV.add_(scale_C[:, None]).mul_(p_CV).neg_()
    return grad_CV.scatter_add_(-1, targets_C[:, None], scale_C[:, None])


def _chunks(total: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, total)) for i in range(0, total, size)]


def token_scores(
    hidden_ND: Tensor,
    head: nn.Linear,
    targets_N: Tensor,
    shape: Shape,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy (nats) of each target under the head's distribution.

    Args:
        hidden_ND: the hidden state that predicts each target.
        head: the output layer, tied or not, with or without bias, frozen or not.
        targets_N: the token ids.
        shape: scale, soft-cap and temperature of the logits.
        chunk: tokens at a time; None keeps a chunk's logits under CHUNK_LOGITS.

    Returns: logp_N and entropy_N in fp32 (fp64 where the model is fp64).
    """
    size = chunk or max(1, CHUNK_LOGITS // head.weight.shape[0])
    return _TokenScores.apply(hidden_ND, head.weight, head.bias, targets_N, shape, size)
