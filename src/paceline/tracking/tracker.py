"""The protocol of a tracker, and what it is told of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from ..store.description import ConfigChange
from ..store.run import Run

PROJECT = "paceline"
"""The project that runs are put into, unless the tracker's own variable names another."""
Figures = Mapping[str, float]
"""Name of a figure, such as train/reward -> its value."""


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as a tracker hears of it.

    Example: TrackedRun(id="5f0c…", name="demo", config={"steps": 80, …}, about={"objective":
        "grpo()", …}, changes=[], pid=None, place=Path("runs/demo/trackers/wandb"))
    """

    id: str
    """The run's identity: 32 letters and digits, the same in every session."""
    name: str
    config: Mapping[str, Any]
    """The whole config, as plain JSON."""
    about: Mapping[str, str]
    """The objective, the command and the versions, in words."""
    changes: Sequence[str]
    """The changes at the run's resumes, a sentence each."""
    pid: int | None
    """The process that trains it on this machine; None where it is over."""
    place: Path
    """A folder of the run that is the tracker's alone."""

    @property
    def settings(self) -> dict[str, Any]:
        """The config, with what the run is about and what was changed, as plain JSON."""
        return {**self.config, "about": dict(self.about), "changes": list(self.changes)}

    @classmethod
    def of(cls, run: Run, tracker: str, pid: int | None = None) -> "TrackedRun":
        """The run in a directory, for the tracker of this name."""
        found = run.description
        about = {"objective": found.objective, "command": found.command or ""}
        about |= {f"version of {name}": version for name, version in found.versions.items()}
        return cls(
            id=found.id or sha256(f"{run.path.name} {found.started}".encode()).hexdigest()[:32],
            name=found.name or run.path.name,
            config=dict(found.config),
            about={key: text for key, text in about.items() if text},
            changes=[_told(change) for change in found.changes],
            pid=pid,
            place=run.path / FOLDER / tracker,
        )


def _told(change: ConfigChange) -> str:
    """Example: after step 40: optimizer.lr is 2e-06, was 1e-06"""
    keys = ", ".join(f"{key} is {now}, was {was}" for key, (was, now) in change.keys.items())
    return f"after step {change.step}: {keys or 'another machine, version or file'}"


FOLDER = "trackers"
"""The folder in a run's that holds what belongs to trackers."""


@dataclass(frozen=True, slots=True)
class Completions:
    """All or some completions of one problem, as a table.

    Example: Completions(("prompt", "completion", "reward", …), [("What is 2 + 3?", "5", 1.0, …)])
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | bool]]


class Tracker(Protocol):
    """A place where others follow a run.

    Every method may take as long as it likes and raise what it likes: neither reaches the run.
    """

    def start(self, run: TrackedRun, sent: int) -> str:
        """Open the run there, or continue it where an earlier session has opened it.

        Args:
            sent: the last step that an earlier session has sent; 0 if there is none.

        Returns: where the run can be seen, as a sentence without its subject.
        """
        ...

    def log(self, figures: Figures, step: int) -> None:
        """Add figures of a step. Steps come in order; a second call for a step adds to it."""
        ...

    def completions(self, table: Completions, step: int) -> None:
        """Add a table of completions that a step has trained on."""
        ...

    def report(self, page: Path, step: int) -> None:
        """Keep the run's report, one HTML file."""
        ...

    def finish(self, state: str) -> None:
        """Send all that is left, and close.

        Args:
            state: "finished"; "interrupted" by a signal; "stopped" by an error; "going" where the
                run's process was killed.
        """
        ...
