"""Attention over layouts that transformers does not know: one registered function handles them
all."""

from .hook import AttentionFn, AttentionParams, flat_forward, supports, use_attention
from .packed import PackedAttention

__all__ = [
    "AttentionFn",
    "AttentionParams",
    "PackedAttention",
    "flat_forward",
    "supports",
    "use_attention",
]
