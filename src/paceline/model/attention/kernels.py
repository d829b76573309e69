"""Attention on the CPU that returns and takes the log-sum-exp, which scaled_dot_product_attention
does not expose.

Legend: b sequences, H query heads, G key and value heads, S queries, T keys, D head size.
"""

import torch
from torch import Tensor

SHORT_KEYS = 128
"""Number of keys up to which plain products beat the backward kernel, which works block by block: 7
ms instead of 20 for 64 sequences of 29 tokens, 2 instead of 9 for 16 of 40 (bf16, two cores)."""

MEDIUM_KEYS = 512
"""Number of keys up to which the kernel is faster in fp32 than in bf16, whose small products it
starts one by one: 79 ms instead of 98 for 32 sequences of 250 tokens, 92 instead of 104 for 16
of 400."""

_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def forward(
    query_bHSD: Tensor,
    key_bGTD: Tensor,
    value_bGTD: Tensor,
    *,
    scale: float,
    causal: bool = False,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Output [b, H, S, D] and log-sum-exp [b, H, S] in fp32 (fp64 for fp64). G divides H.

    Args:
        mask: added to the products, broadcast to [b, H, S, T]; in the precision of the log-sum-exp.
    """
    return _forward(query_bHSD, key_bGTD, value_bGTD, 0.0, causal, attn_mask=mask, scale=scale)


def backward(
    grad_bHSD: Tensor,
    query_bHSD: Tensor,
    key_bGTD: Tensor,
    value_bGTD: Tensor,
    out_bHSD: Tensor,
    lse_bHS: Tensor,
    *,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value, where `out` and `lse` may be those of a softmax over more
    keys than these. In the inputs' dtype or in that of the log-sum-exp."""
    inputs = (grad_bHSD, query_bHSD, key_bGTD, value_bGTD, out_bHSD)
    keys = key_bGTD.shape[2]
    if keys <= SHORT_KEYS:
        return _by_products(*inputs, lse_bHS, causal, scale)
    if keys <= MEDIUM_KEYS:
        inputs = tuple(x.to(lse_bHS.dtype) for x in inputs)
    return _backward(*inputs, lse_bHS, 0.0, causal, scale=scale)


def _by_products(
    grad_bHSD: Tensor,
    query_bHSD: Tensor,
    key_bGTD: Tensor,
    value_bGTD: Tensor,
    out_bHSD: Tensor,
    lse_bHS: Tensor,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """P = exp(S − l) and dS = P ∘ (dO Vᵀ − rowsum(dO ∘ O)), in fp32 but for the products."""
    b, H, S, D = query_bHSD.shape
    G, T = key_bGTD.shape[1:3]
    exact = lse_bHS.dtype

    def folded(x: Tensor) -> Tensor:
        """Query heads that share a key head stand behind each other."""
        return x.reshape(b * G, H // G * S, -1)

    query, grad = folded(query_bHSD), folded(grad_bHSD)
    key, value = key_bGTD.reshape(b * G, T, D), value_bGTD.reshape(b * G, T, D)
    p = torch.bmm(query, key.mT).to(exact).mul_(scale).sub_(folded(lse_bHS[..., None])).exp_()
    if causal:
        p = p.view(-1, S, T).tril_().view(b * G, -1, T)
    inner = folded((grad_bHSD.to(exact) * out_bHSD.to(exact)).sum(-1, keepdim=True))
    ds = torch.bmm(grad, value.mT).to(exact).sub_(inner).mul_(p).mul_(scale).to(query.dtype)
    return (
        torch.bmm(ds, key).view(b, H, S, D),
        torch.bmm(ds.mT, query).view(b, G, T, D),
        torch.bmm(p.to(grad.dtype).mT, grad).view(b, G, T, D),
    )
