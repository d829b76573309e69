"""The local engine: decodes in the trainer's own process, by continuous batching."""

from .engine import LocalEngine

__all__ = ["LocalEngine"]
