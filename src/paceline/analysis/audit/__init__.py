"""What a reward pays for, and what training on it would be like, before any training."""

from .audit import audit

__all__ = ["audit"]
