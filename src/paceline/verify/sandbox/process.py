"""One program in a process of its own: started, fed, read and ended, whatever it does.

Output is read up to a cap and the clock is the parent's. A program has ended when both its outputs
are closed *and* the process is gone: one that closes them and loops has not.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .runner import HEAD, READY

OUTPUT = 64 * 1024
"""Bytes of each of the two outputs; a program that writes more is ended."""
STARTUP = 10.0
"""Seconds that the walls may take to stand."""
PIECE = 1 << 16


@dataclass(slots=True)
class Ended:
    """How a process ended, before anybody judges it."""

    ready: bool = False
    """Whether the walls stood, so that the program began."""
    stopped: str = ""
    """"time" or "output" where we ended it."""
    code: int | None = None
    outputs: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    seconds: float = 0.0


def execute(
    command: Sequence[str],
    environment: dict[str, str],
    source: bytes,
    stdin: bytes,
    seconds: float,
) -> Ended:
    """Run the command, hand over source and standard input when it is ready, and end it in time.

    Raises: OSError where it cannot be started.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
        start_new_session=True,
    )
    try:
        return _Conversation(process, HEAD.pack(len(source)) + source + stdin, seconds).hold()
    finally:
        _end(process)


class _Conversation:
    """What goes to a process and what comes from it."""

    def __init__(self, process: subprocess.Popen[bytes], message: bytes, seconds: float) -> None:
        assert process.stdin and process.stdout and process.stderr
        self.process, self.message, self.allowed = process, memoryview(message), seconds
        self.ended = Ended()
        self.stdin = process.stdin.fileno()
        self.outputs = {process.stdout.fileno(): 0, process.stderr.fileno(): 1}
        for place in (self.stdin, *self.outputs):
            os.set_blocking(place, False)
        self.begun = time.monotonic()
        self.deadline = self.begun + STARTUP

    def hold(self) -> Ended:
        with selectors.DefaultSelector() as selector:
            for place in self.outputs:
                selector.register(place, selectors.EVENT_READ)
            while selector.get_map() and not self.ended.stopped:
                left = self.deadline - time.monotonic()
                if left <= 0:
                    self.ended.stopped = "time"
                    break
                for key, _ in selector.select(left):
                    if key.fd == self.stdin:
                        self._write(selector)
                    else:
                        self._read(selector, key.fd)
        self._wait()
        self.ended.seconds = time.monotonic() - self.begun
        return self.ended

    def _read(self, selector: selectors.BaseSelector, place: int) -> None:
        data = os.read(place, PIECE)
        if not data:
            selector.unregister(place)
            return
        if not self.ended.ready and self.outputs[place] == 0:
            self.ended.ready = data.startswith(READY)
            if not self.ended.ready:
                self.ended.stopped = "time"
                return
            data = data[len(READY) :]
            self.begun = time.monotonic()
            self.deadline = self.begun + self.allowed
            selector.register(self.stdin, selectors.EVENT_WRITE)
        kept = self.ended.outputs[self.outputs[place]]
        kept += data[: OUTPUT - len(kept)]
        if len(data) > 0 and len(kept) == OUTPUT:
            self.ended.stopped = "output"

    def _write(self, selector: selectors.BaseSelector) -> None:
        try:
            written = os.write(self.stdin, self.message[:PIECE])
        except BrokenPipeError:  # It closed its input, or is gone.
            written = len(self.message)
        self.message = self.message[written:]
        if not self.message:
            selector.unregister(self.stdin)
            assert self.process.stdin
            self.process.stdin.close()

    def _wait(self) -> None:
        if self.ended.stopped:
            return
        try:
            self.ended.code = self.process.wait(max(0.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.ended.stopped = "time"


def _end(process: subprocess.Popen[bytes]) -> None:
    """No process, no zombie, no open pipe."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
