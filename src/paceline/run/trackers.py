"""The trackers of a run (`tracker=wandb,tensorboard`): each follows its files from a process beside
it. None of them can hold up the run, fail it or end it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ..companion import Companion
from ..preflight.trackers import not_installed, remark
from ..settings import TrackerName
from ..store.records import Event
from ..store.run import Run
from .screen import Screen

SERVE = "paceline.tracking.process:serve"
"""The program of the process."""
END_SECONDS = 15.0
"""Longest time that a run waits at its end for its trackers to send what is left; those that take
longer go on without it."""
QUIET_SECONDS = 2.0
"""Part of that time after which a user is told what is waited for."""


@contextmanager
def tracked(run: Run, names: Sequence[TrackerName], screen: Screen) -> Iterator[None]:
    """A context in which trackers follow a run."""
    missing = not_installed(names)
    for name in missing:
        screen.say_once(remark(name))
    trackers = [_Followed(run, name, screen) for name in names if name not in missing]
    try:
        yield
    finally:
        for tracker in trackers:
            tracker.close()
        _wait_for(trackers, screen.say)


class _Followed:
    """The run's end of a tracker's process."""

    def __init__(self, run: Run, name: TrackerName, screen: Screen) -> None:
        self.run, self.name, self.screen = run, name, screen
        self.over = False
        try:
            self._process = Companion(SERVE, [str(run.path), name], self._heard, self._ended)
        except OSError as error:  # no memory for another process, say
            self._process = None
            self._note(f"could not be started ({error.strerror}).")

    def _heard(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if said["kind"] == "place":
            self.screen.say(f"{self.name} {said['text']}")
        elif said["kind"] == "note":
            self._note(said["text"])
        else:
            self.over = True

    def _ended(self) -> None:
        if not self.over:
            self._note("is left out: its process ended by itself.")

    def _note(self, text: str) -> None:
        """Tell a user, now and in the report."""
        event = Event.now("note", self.run.steps, f"{self.name} {text}")
        with suppress(OSError):  # a run that came to nothing has left no folder
            self.run.append_event(event)
        self.screen.event(event)

    def close(self) -> None:
        """Let it know that the run is over."""
        if self._process is not None:
            self._process.close()

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end; False if it still goes on."""
        return self._process is None or self._process.ends_within(seconds)


def _wait_for(trackers: Sequence[_Followed], say: Callable[[str], None]) -> None:
    """Wait for trackers to send what is left, but not for ever."""
    began, told = time.monotonic(), False
    for tracker in trackers:
        if tracker.ends_within(began + QUIET_SECONDS - time.monotonic()):
            continue
        if not told:
            say(f"{tracker.name} sends what is left …")
            told = True
        if not tracker.ends_within(began + END_SECONDS - time.monotonic()):
            say(f"{tracker.name} takes long, and goes on without the run.")
