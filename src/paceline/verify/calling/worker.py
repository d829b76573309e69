"""A process that has one function and answers calls; ended when a call takes too long.

Signals and threads cannot stop a hanging regular expression or an endless symbolic sum; the end of
a process can. The process imports only modules that the function needs, in particular not torch,
unless the function does. The function travels by import path if its module can be imported, by
value if it was written in a script, a notebook or a file of the user's own.
"""

import importlib.util
import io
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import cloudpickle

from ...companion import module_path
from ...errors import ConfigError
from .load import USER_MODULE_PREFIX

MESSAGE_LENGTH = struct.Struct("<Q")
"""The length of a message, which is sent before it."""
STARTUP_SECONDS = 60.0
"""Seconds in which a worker must have imported the modules that it needs."""


class TimeLimit(Exception):
    """The call took too long, and its process was ended."""


class Died(Exception):
    """The process ended by itself: out of memory, a crash in native code, an exit."""


class NotStarted(Exception):
    """The process did not get ready to be asked; the message gives the reason."""


class DiedLoading(NotStarted):
    """The process ended by itself while it was loading, and so did the one started in its place."""


class Raised(Exception):
    """An exception of the function, as far as it could be sent.

    Args:
        kind: the type's name; of its cause if there is one.
        traceback: its traceback, without our own frames; "" if our own sentence says it all.
        error: the exception itself, if it can be sent.
    """

    def __init__(
        self, kind: str, message: str, traceback: str, error: BaseException | None = None
    ) -> None:
        super().__init__(f"{kind}: {message}\n{traceback}")
        self.kind, self.message, self.traceback, self.error = kind, message, traceback, error


def packed(function: Callable[..., Any]) -> bytes:
    """The function as bytes that another process can read.

    Raises: ConfigError naming it, if it cannot travel.
    """
    by_value = [m for m in _modules_of(function) if not _importable(m)]
    for name in by_value:
        cloudpickle.register_pickle_by_value(sys.modules[name])
    try:
        return cloudpickle.dumps(function)
    except Exception as error:
        said = " ".join(str(error).split())[:160]
        raise ConfigError(
            f"The reward cannot be sent to a worker process ({said}); write it at the top of a "
            "file, without open files, locks or models in it, or set rewards.workers=0."
        ) from error
    finally:
        for name in by_value:
            cloudpickle.unregister_pickle_by_value(sys.modules[name])


def _modules_of(thing: Any) -> list[str]:
    """Modules that a function and the functions in it come from."""
    found: dict[str, None] = {}
    waiting, seen = [thing], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        name = getattr(one, "__module__", None) or getattr(type(one), "__module__", None)
        if isinstance(name, str) and name in sys.modules:
            found[name] = None
        fields = getattr(one, "__dataclass_fields__", {})
        if not isinstance(one, type):
            waiting += [getattr(one, field, None) for field in fields]
        if isinstance(one, tuple | list):
            waiting += one
        if isinstance(one, partial):
            waiting += [one.func, *one.args, *one.keywords.values()]
        waiting.append(getattr(one, "__wrapped__", None))
    return list(found)


def _importable(module: str) -> bool:
    """Tell whether another process can import a module: `__main__` is another one there."""
    if module == "__main__":
        return True  # cloudpickle takes it by value by itself
    if module.startswith(USER_MODULE_PREFIX):
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


class Worker:
    """One process with one function.

    Example: with Worker(packed(slow)) as worker: worker.call((3,), seconds=1.0)
    """

    def __init__(self, function: bytes) -> None:
        self.function = function
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        """The number of times that the process ended by itself; it is started again."""
        self._over = False

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, arguments: tuple[Any, ...], seconds: float) -> Any:
        """Call the function and return its answer.

        Raises: TimeLimit, Died, NotStarted, or Raised with the function's exception. A new process
            is started for the next call if this one had to be ended.
        """
        try:
            message = cloudpickle.dumps(arguments)
        except Exception as error:
            raise Raised(type(error).__name__, f"it cannot be sent there: {error}", "") from error
        if self.process is not None and self.process.poll() is not None:
            self._died()
        if self.process is None:
            self._start()
        try:
            self._send(message)
            said, value = self._receive(seconds)
        except TimeLimit:
            self.close()
            raise
        except Died:
            self._died()
            raise
        if said == "raised":
            raise Raised(*value)
        return value

    def end(self) -> None:
        """End the process for good, from any thread; a call that waits, or would begin, raises
        Died."""
        self._over = True
        self._kill()

    def _kill(self) -> None:
        process = self.process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and forget it."""
        if self.process is None:
            return
        self._kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self.process = None

    def _died(self) -> None:
        self.deaths += not self._over
        self.close()

    def _start(self) -> None:
        """Start the process; start it once more if it ends while it is loading, as when the system
        ends processes because memory is short."""
        for last in (False, True):
            try:
                self._load()
                return
            except Died:
                self._died()
                if self._over:
                    raise
                if last:
                    raise DiedLoading("its process ended while it was loading") from None

    def _load(self) -> None:
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "paceline.verify.calling.serve", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is the trainer's; what it started ends with it
                env={**os.environ, "PYTHONPATH": module_path()},
            )
            if self._over:  # `end` may have come before there was a process to end
                self._kill()
            self._send(self.function)
            said, value = self._receive(STARTUP_SECONDS)
        except OSError as error:
            raise NotStarted(f"no process could be made: {error}") from error
        except TimeLimit:
            self.close()
            raise NotStarted(f"it was not ready after {STARTUP_SECONDS:g} seconds") from None
        if said == "raised":
            self.close()
            raised = Raised(*value)
            raise NotStarted(f"{raised.kind}: {raised.message[:200]}") from raised

    def _send(self, message: bytes) -> None:
        assert self.process and self.process.stdin
        try:
            self.process.stdin.write(MESSAGE_LENGTH.pack(len(message)) + message)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Died from None

    def _receive(self, seconds: float) -> tuple[str, Any]:
        assert self.process and self.process.stdout
        source, deadline = self.process.stdout.fileno(), time.monotonic() + seconds
        data = io.BytesIO()
        wanted = MESSAGE_LENGTH.size
        while data.tell() < wanted:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([source], [], [], left)[0]:
                raise TimeLimit
            part = os.read(source, wanted - data.tell())
            if not part:
                raise Died
            data.write(part)
            if data.tell() == MESSAGE_LENGTH.size == wanted:
                wanted += MESSAGE_LENGTH.unpack(data.getvalue())[0]
        return pickle.loads(data.getvalue()[MESSAGE_LENGTH.size :])
