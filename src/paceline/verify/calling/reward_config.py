"""The section `rewards` of a config."""

from dataclasses import dataclass
from typing import Literal

from ...annotations import check_fields, refuse_if


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """Settings of calling verifiers."""

    model: str | None = None
    """Reward model whose score is the reward, a folder or a hub name; the task's own reward then
    only says which answers are right. None leaves the reward to the task."""
    workers: int = 2
    """Worker processes that call the verifiers; 0 calls them in the trainer's process, without a
    time limit."""
    seconds: float = 10.0
    """Time limit of one call of a verifier, in seconds; a longer call is ended, and its group is
    dropped and counted."""
    on_error: Literal["stop", "drop"] = "stop"
    """Reaction to a verifier that raises: stop saves the run and ends it; drop tries once more,
    then drops the group and counts it."""

    def __post_init__(self) -> None:
        check_fields(self, "rewards")
        refuse_if(self.workers < 0, "rewards.workers", self.workers, "not be negative")
        refuse_if(self.seconds <= 0, "rewards.seconds", self.seconds, "be above 0")
