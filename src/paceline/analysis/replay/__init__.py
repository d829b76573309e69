"""What if: a stored round's part under other objectives, with the policy that met it."""

from .record import Effect, Measured, Redone, Replay
from .replay import replay

__all__ = ["Effect", "Measured", "Redone", "Replay", "replay"]
