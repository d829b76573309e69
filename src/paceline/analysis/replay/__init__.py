"""Replay: a part of a stored round under other objectives, with the policy that trained on it."""

from .record import Effect, Measured, Redone, Replay
from .replay import replay

__all__ = ["Effect", "Measured", "Redone", "Replay", "replay"]
