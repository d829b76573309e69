"""Processes beside a run, for all that must never hold it up: they read the run's files, and may
hang, fail or die.

The run waits for none of them. Each ends with the run, however that ends: its input is a pipe,
which closes then.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

LAST_WORDS_SECONDS = 5.0
"""Longest time to hear what a process has said, once it has ended."""


class Companion:
    """The run's end of a process beside it.

    Args:
        serve: the function that the process calls, as "module:function"; it begins with
            `begin_companion`.
        arguments: the process's own words, sys.argv[1:].
        heard: called, in a thread, with each line that the process prints.
        ended: called, in that thread, when its output has ended, with the last line that it wrote
            to its errors.

    Raises: OSError where no process can be started, for want of memory say.
    """

    def __init__(
        self,
        serve: str,
        arguments: Sequence[str],
        heard: Callable[[str], None],
        ended: Callable[[str], None] = lambda last_words: None,
    ) -> None:
        module, _, function = serve.partition(":")
        self._errors = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - it is as long as the process
        self._process = subprocess.Popen(
            # -P: a file of the user's in this folder must not stand in for a module.
            [
                sys.executable,
                "-P",
                "-c",
                f"from {module} import {function}; {function}()",
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            errors="replace",
            env=os.environ | {"PYTHONPATH": module_path()},
            # A terminal's Ctrl-C comes to the run alone: its last steps are worth seeing.
            start_new_session=True,
        )
        self._heard, self._ended = heard, ended
        self._listener = Thread(target=self._listen, name="paceline-companion", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard(line.strip())
        self._ended(self._last_words())

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Let the process know that the run is over."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, no longer than this; False if it still goes on."""
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        self._listener.join(LAST_WORDS_SECONDS)
        return True

    def kill(self) -> None:
        """End it as it stands."""
        self._process.kill()
        self._process.wait()


def begin_companion() -> int:
    """The first act of a process beside a run: it takes the lowest priority, leaves signals that
    mean the run to the run, and has nothing to read.

    Returns: the descriptor of the pipe that closes when the run ends.
    """
    give_way()
    with suppress(OSError):  # Linux weighs sessions against each other, and this is one
        Path("/proc/self/autogroup").write_text("19")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a scheduler sends it to every process
    pipe, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    return pipe


def give_way() -> None:
    """Let this process have the lowest priority: the runs that it looks at go first."""
    if hasattr(os, "nice"):
        os.nice(19)


def module_path() -> str:
    """The places where this process finds modules, as PYTHONPATH has them; the empty entry of a
    notebook is the working directory."""
    return os.pathsep.join(dict.fromkeys(place or os.getcwd() for place in sys.path))


def wait_for_end_of_run(pipe: int) -> None:
    """Return when the run has ended, or was killed; the argument is what `begin_companion` gave."""
    while os.read(pipe, 4096):
        pass
