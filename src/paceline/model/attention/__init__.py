"""Attention over layouts that transformers does not know: one registered function carries them."""

from .hook import Attending, How, attending_by, flat_forward, supports
from .packed import PackedAttention

__all__ = ["Attending", "How", "PackedAttention", "attending_by", "flat_forward", "supports"]
