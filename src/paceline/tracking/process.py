"""The process beside a run that follows it for one tracker.

It says what a user has to know on its standard output, a JSON object a line: `place`, where the run
can be seen; `note`, what went wrong; `over`, the end. All else that it prints, or the tracker, goes
into trackers/NAME.log in the run's folder.
"""

import json
import os
import shlex
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Literal, cast

from filelock import FileLock

from ..companion import begin_companion, wait_for_end_of_run
from ..settings import TrackerName
from ..store.run import Run
from .follower import Follower
from .tracker import FOLDER
from .trackers import make_tracker

LOOK_SECONDS = 2.0
"""Seconds between two looks at the run's files."""
LATE_SECONDS = 120.0
"""Time without an answer of the tracker after which a user is told."""
PAUSES = (10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds until a tracker that failed is tried again; the last one holds for all further times."""
LAST_SECONDS = 600.0
"""Longest time that a tracker has after the end of the run."""
CLOSE_SECONDS = 20.0
"""Longest time that a tracker which failed has to send what it has taken."""
Kind = Literal["place", "note", "over"]


class Speaker:
    """Says what a user has to know, if anybody still listens.

    Args:
        output: the descriptor of the pipe to the run.
    """

    def __init__(self, output: int) -> None:
        self._output = output

    def __call__(self, kind: Kind, text: str = "") -> None:
        with suppress(OSError):  # the run has ended
            os.write(self._output, (json.dumps({"kind": kind, "text": text}) + "\n").encode())


def serve() -> None:
    """Follow the run that the command line names for the tracker that it names, until that run
    ends: the program of a process beside it."""
    pipe = begin_companion()
    path, name = Path(sys.argv[1]), cast(TrackerName, sys.argv[2])
    over = Event()
    try:
        (path / FOLDER).mkdir(exist_ok=True)
    except FileNotFoundError:
        return  # the run has come to nothing meanwhile
    say = Speaker(_turned_aside(path / FOLDER / f"{name}.log"))

    def wait() -> None:
        wait_for_end_of_run(pipe)
        over.set()
        time.sleep(LAST_SECONDS)
        os._exit(1)

    Thread(target=wait, daemon=True).start()
    with FileLock(path / FOLDER / f"{name}.lock"):
        failed = False
        try:
            follower = Follower(Run.open(path), name, make_tracker(name), os.getppid())
            follow(follower, over, say)
        except Exception as error:
            failed = True
            traceback.print_exc()
            again = shlex.join(["paceline", "track", str(path), name])
            say("note", f"is left out from here on ({in_words(error)}); `{again}` sends the rest.")
    say("over")
    sys.stderr.flush()
    os._exit(int(failed))  # a tracker's threads may be left, and some wait for ever


def follow(follower: Follower, over: Event, say: Speaker) -> None:
    """Open the tracker once a step was taken, and send it what is new until the run is over. A
    tracker that fails later is tried again.

    Raises: what the tracker raises when it is opened, or still raises at the end.
    """
    while not follower.has_steps:
        if over.wait(LOOK_SECONDS):
            return
    patience = Patience(follower, say)
    try:
        with patience:
            say("place", follower.start())
        failures = 0
        while True:
            pause = LOOK_SECONDS
            try:
                with patience:
                    follower.look()
                failures = 0
            except Exception as error:
                traceback.print_exc()
                if not failures:
                    say("note", f"failed ({in_words(error)}); it is tried again.")
                pause = PAUSES[min(failures, len(PAUSES) - 1)]
                failures += 1
            if over.wait(pause):
                break
        with patience:
            follower.finish()
    except Exception:
        _close(follower)
        raise


class Patience:
    """Tells a user, once, that a tracker does not answer.

    Example: with patience: follower.look()
    """

    def __init__(self, follower: Follower, say: Speaker) -> None:
        self.follower, self.say = follower, say
        self._since: float | None = None
        self._seen = follower.sent
        Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._since, self._seen = time.monotonic(), self.follower.sent

    def __exit__(self, *_: object) -> None:
        self._since = None

    def late(self, now: float) -> bool:
        """True if a call has gone on for too long without anything sent.

        Args:
            now: seconds, of the monotonic clock.
        """
        since, sent = self._since, self.follower.sent
        if since is not None and sent is not self._seen:  # it answers, and has more to send
            self._since, self._seen = since, sent = now, sent
        return since is not None and now - since > LATE_SECONDS

    def _watch(self) -> None:
        while not self.late(time.monotonic()):
            time.sleep(LATE_SECONDS / 20)
        told = f"has not answered for {LATE_SECONDS:.0f} s; the run goes on without it."
        self.say("note", told)


def in_words(error: Exception) -> str:
    """An error of a tracker on one line.

    Example: ConnectionError: no route to host
    """
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return f"{said:.300}"


def _close(follower: Follower) -> None:
    """Let a tracker that failed send what it has taken; it may hang, and fail again."""

    def finish() -> None:
        with suppress(Exception):
            follower.tracker.finish("stopped")

    closing = Thread(target=finish, daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)


def _turned_aside(log: Path) -> int:
    """Turn this process's output, and that of all that it starts, into a file; returns the
    descriptor of where it went."""
    output = os.dup(1)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(file, stream)
    return output
