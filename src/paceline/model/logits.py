"""From raw logits to log-probability and entropy, and back to the gradient, for a few tokens.

Everything here is fp32, or fp64 where the model is.

Legend: C tokens, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LogitTransform:
    """The way from raw logits to those of the softmax: cap · tanh(scale · raw / cap) / temperature.

    Example: LogitTransform(cap=30.0, temperature=0.7)
    """

    scale: float = 1.0
    """Factor of the raw logits (Cohere's logit_scale, the inverse of Granite's logits_scaling)."""
    cap: float | None = None
    """Soft-capping of the logits (Gemma 2)."""
    temperature: float = 1.0
    """The sampling temperature: log-probabilities are those of the distribution sampled from."""

    @classmethod
    def of(cls, config: object, temperature: float) -> "LogitTransform":
        """The transform of a transformers config; the three names are the ones that its models
        use."""
        settings = config.get_text_config().to_dict()  # type: ignore[attr-defined]
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

    def derivative(self, logits: Tensor) -> Tensor | float:
        """d logits / d raw, from the transformed logits."""
        derivative = self.scale / self.temperature
        if self.cap is None:
            return derivative
        return derivative * (1.0 - (logits * self.temperature / self.cap) ** 2)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens, C of them, while their logits exist."""

    logits_CV: Tensor
    p_CV: Tensor
    log_z_C: Tensor
    logp_C: Tensor
    entropy_C: Tensor

    @classmethod
    def of(cls, raw_CV: Tensor, targets_C: Tensor, transform: LogitTransform) -> "Chunk":
        logits_CV = transform.apply(raw_CV)
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
        self,
        targets_C: Tensor,
        grad_logp_C: Tensor,
        grad_entropy_C: Tensor | None,
        transform: LogitTransform,
    ) -> Tensor:
        """[C, V] the gradient with respect to the raw logits, from d logp = 1[target] − p and
        d H = −p (log p + H). Uses up p_CV."""
        if grad_entropy_C is None:
            grad_CV = self.p_CV.mul_(-grad_logp_C[:, None])
        else:
            surplus_CV = self.logits_CV.clamp_min(-1e9).sub_(
                (self.log_z_C - self.entropy_C)[:, None]
            )
            surplus_CV.mul_(grad_entropy_C[:, None]).add_(grad_logp_C[:, None])
            grad_CV = surplus_CV.mul_(self.p_CV).neg_()
        grad_CV.scatter_add_(-1, targets_C[:, None], grad_logp_C[:, None])
        inner = transform.derivative(self.logits_CV)
        return grad_CV if isinstance(inner, float) and inner == 1.0 else grad_CV.mul_(inner)
