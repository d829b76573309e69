"""The live view of a run that asks for it (`watch=true`): a process beside it serves its report.

The run does not wait for that process, and goes on without it whatever becomes of it. The process
ends with the run, however that ends: its input is a pipe, which closes then.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from ..errors import ConfigError
from ..report.live import LiveServer, give_way


@contextmanager
def live_view(run: Path, told: Callable[[str], None]) -> Iterator[None]:
    """A context in which the report of a run is served on this machine.

    Args:
        told: called with the address, or the reason why there is none.
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
        [sys.executable, "-c", f"from {__name__} import serve; serve()", str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        # A terminal's Ctrl-C comes to the run alone: its last steps are worth seeing.
        start_new_session=True,
    )


def _tell(process: "subprocess.Popen[str]", told: Callable[[str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        told(line.strip())


def serve() -> None:
    """Serve the report of the run that the command line names, until the input closes."""
    run = Path(sys.argv[1])
    give_way()
    try:
        server = LiveServer([run])
    except ConfigError as error:
        print(f"paceline: {error}", flush=True)
        return
    print(f"{server.address} shows {run} while it goes on", flush=True)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
