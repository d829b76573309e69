"""The section `rewards` of a config."""

from dataclasses import dataclass
from typing import Literal

from ...annotations import check_fields
from ...errors import ConfigError


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """Settings of calling verifiers."""

    workers: int = 2
    """Processes beside the trainer; 0 calls verifiers in its own, without a time limit."""
    seconds: float = 10.0
    """A call that takes longer is ended, and its group is dropped and counted."""
    on_error: Literal["stop", "drop"] = "stop"
    """A verifier that raises stops the run (what was learned is saved), or, after a second try,
    loses its group."""

    def __post_init__(self) -> None:
        check_fields(self, "rewards")
        if self.workers < 0 or self.seconds <= 0:
            raise ConfigError("rewards.workers must not be negative, rewards.seconds above 0.")
