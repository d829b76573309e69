"""The process beside a run that follows it for one tracker.

It says what a user has to know on its standard output, a JSON object a line: `place`, where the run
can be seen; `note`, what went wrong; `over`, the end. All else that it prints, or the tracker, goes
into trackers/NAME.log in the run's folder.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from filelock import FileLock

from ..companion import begin_companion, wait_for_end_of_run
from ..store.run import Run
from .follower import Follower
from .tracker import FOLDER
from .trackers import make_tracker

LOOK_SECONDS = 2.0
"""Seconds between two looks at the run's files."""
LATE_SECONDS = 120.0
"""Time without an answer of the tracker after which a user is told."""
LAST_SECONDS = 600.0
"""Longest time that a tracker has after the end of the run."""
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
    path, name = Path(sys.argv[1]), sys.argv[2]
    run, over = Run.open(path), Event()
    (path / FOLDER).mkdir(exist_ok=True)
    say = Speaker(_turned_aside(path / FOLDER / f"{name}.log"))

    def wait() -> None:
        wait_for_end_of_run(pipe)
        over.set()
        time.sleep(LAST_SECONDS)
        os._exit(1)

    Thread(target=wait, daemon=True).start()
    with _told(say, name, path), FileLock(path / FOLDER / f"{name}.lock"):
        follow(Follower(run, name, make_tracker(name)), over, say)  # pyright: ignore[reportArgumentType]
    say("over")
    os._exit(0)  # a tracker's threads may be left, and some wait for ever


def follow(follower: Follower, over: Event, say: Speaker, late: float = LATE_SECONDS) -> None:
    """Open the tracker, and send it what is new until the run is over."""
    working, finished = Event(), Event()

    def watch() -> None:
        seen = follower.sent
        while not finished.wait(late):
            if working.is_set() and follower.sent == seen:
                say("note", f"has not answered for {late:.0f} s; the run goes on without it.")
                return
            seen = follower.sent

    Thread(target=watch, daemon=True).start()
    working.set()
    say("place", follower.start())
    while True:
        follower.look()
        working.clear()
        ended = over.wait(LOOK_SECONDS)
        working.set()
        if ended:
            break
    follower.finish()
    finished.set()


@contextmanager
def _told(say: Speaker, name: str, run: Path) -> Iterator[None]:
    """A context whose error is told in a sentence, and stands in the log as a whole."""
    try:
        yield
    except Exception as error:
        import traceback

        traceback.print_exc()
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
        say(
            "note",
            f"is left out from here on ({said:.300}); `paceline track {run} {name}` sends the "
            "rest.",
        )
        say("over")
        sys.stderr.flush()
        os._exit(1)


def _turned_aside(log: Path) -> int:
    """Turn this process's output, and that of all that it starts, into a file; returns the
    descriptor of where it went."""
    output = os.dup(1)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(file, stream)
    return output
