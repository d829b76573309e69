"""The derivative of the loss at each token, where it is known without the other tokens' scores.

Then the language-model head can form the gradient of a chunk of tokens while it has their logits,
instead of forming the logits twice.

Letters: M scored tokens, one row after the other; C of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..lazy import torch
from .loss import Loss
from .records import Scores, Tokens

if TYPE_CHECKING:
    from torch import Tensor

TokenGradient = Callable[[slice, "Tensor", "Tensor"], "tuple[Tensor, Tensor | None]"]
"""A function that gives derivatives: (indices of some of the M tokens, logp_C, entropy_C) -> d loss
/ d logp_C and d loss / d entropy_C."""


def token_gradient(loss: Loss, tokens: Tokens, real_BT: Tensor) -> TokenGradient | None:
    """The gradient at any tokens of these rows, or None where it takes all scores of a row.

    Args:
        real_BT: True where a row has a token; the M tokens are those places, row by row.
    """
    if loss.tokenwise:
        on_one_row = tokens.on_one_row(real_BT)
        return lambda c, logp_C, entropy_C: _at(loss, on_one_row.columns(c), logp_C, entropy_C)
    if tokens.anchor_BT is None and loss.reads_ratios_only:
        # Every ratio is exactly 1 whatever the scores are, so any scores give the gradient.
        blank_BT = torch.zeros_like(tokens.advantage_BT, dtype=torch.float64)
        grad_logp_BT = _gradient(loss, tokens, blank_BT, blank_BT)[0]
        grad_logp_M = grad_logp_BT[real_BT]
        return lambda c, logp_C, entropy_C: (grad_logp_M[c].to(logp_C.dtype), None)
    return None


def _at(
    loss: Loss, tokens: Tokens, logp_C: Tensor, entropy_C: Tensor
) -> tuple[Tensor, Tensor | None]:
    grad_logp_1C, grad_entropy_1C = _gradient(loss, tokens, logp_C[None], entropy_C[None])
    return grad_logp_1C[0], None if grad_entropy_1C is None else grad_entropy_1C[0]


def _gradient(
    loss: Loss, tokens: Tokens, logp_BT: Tensor, entropy_BT: Tensor
) -> tuple[Tensor, Tensor | None]:
    with torch.enable_grad():
        logp_BT, entropy_BT = (x.detach().requires_grad_() for x in (logp_BT, entropy_BT))
        value = loss.value(Scores(logp_BT, entropy_BT), tokens)
        grad_logp_BT, grad_entropy_BT = torch.autograd.grad(
            value, (logp_BT, entropy_BT), allow_unused=True, materialize_grads=False
        )
    return (torch.zeros_like(logp_BT) if grad_logp_BT is None else grad_logp_BT), grad_entropy_BT
