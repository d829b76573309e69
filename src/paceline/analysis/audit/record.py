"""The record of an audit: audit.json, and what terminal and page show."""

from dataclasses import asdict, dataclass
from typing import Any

from .conclusions import Finding
from .model import Overlap, Sampled
from .reward import Rewarded


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that was found."""

    recipe: str
    task: str
    training: int
    """Problems to train on."""
    reward: Rewarded
    overlap: Overlap
    sampled: Sampled | None
    """None where the model was not asked."""
    findings: tuple[Finding, ...]
    verdict: str
    """One sentence."""

    @property
    def sound(self) -> bool:
        """True where nothing was found that is a reason not to train."""
        return not any(finding.bad for finding in self.findings)


def as_record(made: Audit) -> dict[str, Any]:
    """The audit as plain JSON."""
    return {**asdict(made), "sound": made.sound}
