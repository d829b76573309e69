"""The trackers of a run (`tracker=wandb,tensorboard`): each follows its files from a process beside
it. None of them can hold up the run, fail it or end it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from ..companion import Companion
from ..preflight.trackers import missing_package, remark
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
def tracked(run: Run, names: Sequence[TrackerName], screen: Screen) -> Iterator[Callable[[], None]]:
    """A context in which trackers follow a run, once what it gives is called: when the run is about
    to take steps, so that one which comes to nothing is seen nowhere."""
    followed: list[Followed] = []

    def begin() -> None:
        for name in names:
            if package := missing_package(name):
                note(run, screen, remark(name, package))
            else:
                followed.append(Followed(run, name, screen))

    try:
        yield begin
    finally:
        for one in followed:
            one.close()
        _wait_for(followed)


class Followed:
    """The run's end of a tracker's process."""

    def __init__(self, run: Run, name: TrackerName, screen: Screen) -> None:
        self.run, self.name, self.screen = run, name, screen
        self._over = False
        self._process: Companion | None = None
        try:
            self._process = Companion(SERVE, [str(run.path), name], self._heard, self._ended)
        except OSError as error:  # no memory for another process, say
            self.tell(f"could not be started ({error.strerror}).")

    def _heard(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            return
        if said["kind"] == "place":
            self.screen.say(f"{self.name} {said['text']}")
        elif said["kind"] == "note":
            self.tell(said["text"])
        else:
            self._over = True

    def _ended(self, last_words: str) -> None:
        if not self._over:
            why = f" ({last_words})" if last_words else ""
            self.tell(f"is left out: its process ended by itself{why}.")

    def tell(self, text: str) -> None:
        """Tell a user something about the tracker."""
        note(self.run, self.screen, f"{self.name} {text}")

    def close(self) -> None:
        """Let it know that the run is over."""
        if self._process is not None:
            self._process.close()

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end; False if it still goes on."""
        return self._process is None or self._process.ends_within(seconds)


def note(run: Run, screen: Screen, text: str) -> None:
    """Tell a user something now, and in the run's events."""
    event = Event.now("note", run.steps, text)
    with suppress(OSError):  # a run that came to nothing has left no folder
        run.append_event(event)
    screen.event(event)


def _wait_for(trackers: Sequence[Followed]) -> None:
    """Wait for trackers to send what is left, but not for ever."""
    began, told = time.monotonic(), False
    for tracker in trackers:
        if tracker.ends_within(began + QUIET_SECONDS - time.monotonic()):
            continue
        if not told:
            tracker.screen.say(f"{tracker.name} sends what is left …")
            told = True
        if not tracker.ends_within(began + END_SECONDS - time.monotonic()):
            tracker.tell("takes long, and goes on without the run.")
