"""The live view of a run that asks for it (`watch=true`): `paceline watch` in a process beside it.

The run does not wait for that process, and goes on without it whatever becomes of it.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread


@contextmanager
def live_view(run: Path, told: Callable[[str], None]) -> Iterator[None]:
    """A context in which the reports of a run are served on this machine.

    Args:
        told: called with what `paceline watch` says, once it listens: its address.
    """
    try:
        process = _start(run)
    except OSError as error:  # no memory for another process, say
        told(f"The report cannot be shown while the run goes on ({error.strerror}).")
        yield
        return
    Thread(target=_tell, args=(process, told), name="paceline-live", daemon=True).start()
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)


def _start(run: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "paceline.cli", "watch", str(run)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        # A terminal's Ctrl-C comes to the run alone: its last steps are worth seeing.
        start_new_session=True,
    )


def _tell(process: "subprocess.Popen[str]", told: Callable[[str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        told(line.strip())
