"""A warm interpreter behind a wall, with one program at a time in it: fed, read and ended, whatever
it does.

Output is read up to a cap and the clock is the parent's. A program has ended when both its outputs
are closed *and* its process is gone: one that closes them and loops has not. One that has to be
ended takes its interpreter with it, so that nothing of it can stay.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from .runner import CODE_LENGTH, JOB_LIMITS, READY, STATUS, STREAMS

OUTPUT_BYTES = 64 * 1024
"""Most bytes of each of the two outputs; a program that writes more is ended."""
STARTUP_SECONDS = 10.0
"""Seconds that an interpreter may take to start, or to build its walls."""
PIECE_BYTES = 1 << 16
"""Number of bytes that are read at once."""


@dataclass(slots=True)
class Ended:
    """The end of a program, not yet judged."""

    ready: bool = False
    """True if the walls stood, so that the program began."""
    stopped: str = ""
    """The reason of a forced end: "time" or "output" if we ended it, "lost" if its interpreter was
    gone."""
    code: int | None = None
    outputs: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    seconds: float = 0.0


class Interpreter:
    """A process that forks for every program; one at a time.

    Raises: OSError if it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        self.channel.settimeout(STARTUP_SECONDS)
        try:
            started = self.channel.recv(len(READY)) == READY
        except OSError:
            started = False
        if not started:
            said = self._said()
            self.close()
            raise ChildProcessError(None, said or "it did not say why")

    def _said(self) -> str:
        """The interpreter's complaint, as far as it has come."""
        assert self.process.stderr
        os.set_blocking(self.process.stderr.fileno(), False)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        return (self.process.stderr.read() or b"").decode("utf-8", "replace").strip()[-300:]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def run(self, source: bytes, stdin: bytes, seconds: float, job: tuple[int, int]) -> Ended:
        """Hand over a program and its standard input, and end it in time.

        Args:
            job: whole seconds of the processor, and megabytes.
        """
        ours, theirs = _streams()
        try:
            self.channel.sendmsg(
                [JOB_LIMITS.pack(*job)],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, STREAMS.pack(*theirs))],
            )
        except OSError:
            for place in ours:
                os.close(place)
            return Ended(stopped="lost")
        finally:
            for place in theirs:
                os.close(place)
        message = CODE_LENGTH.pack(len(source)) + source + stdin
        ended = _Conversation(self.channel, ours, message, seconds).hold()
        if ended.stopped:
            self.close()
        return ended

    def close(self) -> None:
        """End the interpreter, and the program in it."""
        if self.process.returncode is None:  # else its number may be somebody else's by now
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            # Its program is now a child of process 1. Where that is ourselves, as in a container,
            # nobody else would ever ask for its status.
            with suppress(ChildProcessError):
                while True:
                    os.waitpid(-self.process.pid, 0)
        self.channel.close()
        if self.process.stderr:
            self.process.stderr.close()


def _streams() -> tuple[list[int], list[int]]:
    """Our ends and the program's of its standard input, output and errors."""
    fed, outputs = os.pipe(), (os.pipe(), os.pipe())
    ours = [fed[1], *(out[0] for out in outputs)]
    for place in ours:
        os.set_blocking(place, False)
    return ours, [fed[0], *(out[1] for out in outputs)]


class _Conversation:
    """Everything that goes to a program and comes from it. Closes our ends."""

    def __init__(
        self, channel: socket.socket, ours: list[int], message: bytes, seconds: float
    ) -> None:
        self.channel, self.message, self.allowed = channel, memoryview(message), seconds
        self.stdin, *outputs = ours
        self.outputs = {place: i for i, place in enumerate(outputs)}
        self.open = set(ours)
        self.ended = Ended()
        self.begun = time.monotonic()
        self.deadline = self.begun + STARTUP_SECONDS

    def hold(self) -> Ended:
        try:
            with selectors.DefaultSelector() as selector:
                self.selector = selector
                for place in (*self.outputs, self.channel.fileno()):
                    selector.register(place, selectors.EVENT_READ)
                while self._goes_on():
                    left = self.deadline - time.monotonic()
                    if left <= 0:
                        self.ended.stopped = "time"
                        break
                    for key, _ in selector.select(left):
                        self._serve(key.fd)
        finally:
            for place in self.open:
                os.close(place)
        self.ended.seconds = time.monotonic() - self.begun
        return self.ended

    def _goes_on(self) -> bool:
        if self.ended.stopped:
            return False
        return self.ended.code is None or any(place in self.open for place in self.outputs)

    def _serve(self, place: int) -> None:
        if self.ended.stopped:
            return
        if place == self.channel.fileno():
            self._status()
        elif place == self.stdin:
            self._write()
        else:
            self._read(place)

    def _status(self) -> None:
        try:
            data = self.channel.recv(STATUS.size)
        except OSError:  # it died with our message unread
            data = b""
        self.selector.unregister(self.channel)
        if data:
            self.ended.code = STATUS.unpack(data)[0]
        else:
            self.ended.stopped = "lost"

    def _read(self, place: int) -> None:
        data = os.read(place, PIECE_BYTES)
        if not data:
            self._close(place)
            return
        which = self.outputs[place]
        if not self.ended.ready and which == 0:
            self.ended.ready = True
            data = data[len(READY) :]
            self.begun = time.monotonic()
            self.deadline = self.begun + self.allowed
            self.selector.register(self.stdin, selectors.EVENT_WRITE)
        kept = self.ended.outputs[which]
        kept += data[: OUTPUT_BYTES - len(kept)]
        if len(kept) == OUTPUT_BYTES:
            self.ended.stopped = "output"

    def _write(self) -> None:
        try:
            written = os.write(self.stdin, self.message[:PIECE_BYTES])
        except BrokenPipeError:  # It closed its input, or is gone.
            written = len(self.message)
        self.message = self.message[written:]
        if not self.message:
            self._close(self.stdin)

    def _close(self, place: int) -> None:
        with suppress(KeyError):  # standard input is registered only once the program is ready
            self.selector.unregister(place)
        os.close(place)
        self.open.remove(place)
