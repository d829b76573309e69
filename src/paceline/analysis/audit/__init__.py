"""Audit: the answers that a reward pays for, and a forecast of training on it, before any
training."""

from .audit import audit, write_audit

__all__ = ["audit", "write_audit"]
