"""Replay: a part of a stored round under other objectives, with the policy that trained on it."""

from .record import Effect, MeasuredObjective, Redone, Replay
from .replay import replay

__all__ = ["Effect", "MeasuredObjective", "Redone", "Replay", "replay"]
