"""The result of a run in the sandbox."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "limit", "failed", "infrastructure"]
"""The outcome of a run. ok: the program ended by itself with status 0. failed: it raised, or ended
with another status. limit: time, memory or output ran out. infrastructure: the sandbox itself did
not work, which says nothing about the program and must never become a reward."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one program."""

    outcome: Outcome
    stdout: bytes
    stderr: bytes
    """The program's errors; like the output, at most OUTPUT_BYTES bytes."""
    exit_code: int | None
    """The program's status, −N if signal N ended it, None if it never ran."""
    reason: str
    """A sentence; equal cases give equal ones, so that they can be counted."""
    seconds: float
    """Seconds from the handing over of the program to its end."""

    @property
    def text(self) -> str:
        """The program's output as text; bytes that are not UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")
