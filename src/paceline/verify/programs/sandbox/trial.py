"""The suite of attacks, run: a world with something to steal and to break, and a look at it after
every attack.

`paceline sandbox test` is this for a user's machine; the tests run it for both walls.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .attack import Attack
from .attacks import ATTACKS
from .result import Result
from .sandbox import Sandbox

ATTACK_SECONDS = 1.0
"""Most seconds of an attack: none needs more to succeed."""
GRACE_SECONDS = 2.0
"""Seconds within which an attack must be gone after its time is up."""
KEPT_TEXT = "as it was"
"""The content of a file that no attack may change."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """An attack and its result."""

    attack: Attack
    result: Result
    breach: str
    """The thing that the attack got or did; "" if it was contained."""


@dataclass(slots=True)
class World:
    """Everything that an attack might reach."""

    token: str
    folder: Path
    secret: Path
    victim: int
    places: dict[str, str]
    arrived: list[str] = field(default_factory=list)
    """Names of the sockets to which something came."""

    def fill_in(self, code: str) -> str:
        for mark, value in self.places.items():
            code = code.replace(f"@{mark}@", value)
        return code

    def broken(self) -> str:
        """The thing that is no longer as it was; "" if nothing."""
        if self.arrived:
            return f"reached a {self.arrived.pop()}"
        if sorted(os.listdir(self.folder)) != ["kept", "secret", "socket"]:
            return "changed the files of a folder outside"
        kept = self.folder / "kept"
        state = kept.stat()
        if kept.read_text() != KEPT_TEXT or state.st_mode & 0o777 != 0o600 or state.st_mtime < 10:
            return "changed a file outside"
        if _state(self.victim) not in ("S", "R"):
            return "ended or stopped another process"
        return ""


def _state(pid: int) -> str:
    """The state of a process: S sleeping, R running, T stopped, Z gone but not waited for, ""
    gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@contextmanager
def world() -> Iterator[World]:
    """Make a folder with a secret, sockets that listen, a process to attack, a token in this
    process's environment and in an inheritable descriptor."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        token = "token-" + secrets.token_hex(8)
        (folder / "secret").write_text(token)
        (folder / "kept").write_text(KEPT_TEXT)
        (folder / "kept").chmod(0o600)
        abstract = f"paceline-{secrets.token_hex(8)}"
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        in_folder = stack.enter_context(socket.socket(socket.AF_UNIX))
        in_folder.bind(str(folder / "socket"))
        without_file = stack.enter_context(socket.socket(socket.AF_UNIX))
        without_file.bind(f"\0{abstract}")
        in_folder.listen()
        without_file.listen()
        victim = subprocess.Popen(
            [sys.executable, "-S", "-c", "import time; time.sleep(100000)"], start_new_session=True
        )
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        readable, writable = os.pipe()
        stack.callback(os.close, readable)
        os.set_inheritable(readable, True)
        os.write(writable, token.encode())
        os.close(writable)
        os.environ["PACELINE_SECRET"] = token
        stack.callback(os.environ.pop, "PACELINE_SECRET")
        made = World(token, folder, folder / "secret", victim.pid, {
            "SECRET": str(folder / "secret"),
            "FOLDER": str(folder),
            "PORT": str(tcp.getsockname()[1]),
            "UDP": str(udp.getsockname()[1]),
            "UNIX": str(folder / "socket"),
            "TOKENLESS": abstract,
            "VICTIM": str(victim.pid),
            "GRADER": __file__,
        })  # fmt: skip
        listeners = {"TCP port": tcp, "socket in a folder": in_folder, "socket": without_file}
        for name, listening in listeners.items():
            _watch(made, name, listening)
        _watch(made, "UDP port", udp)
        yield made


def _watch(world: World, name: str, listening: socket.socket) -> None:
    """Note everything that arrives, until the socket is closed."""
    listening.settimeout(0.2)

    def wait() -> None:
        while listening.fileno() >= 0:
            try:
                if listening.type == socket.SOCK_DGRAM:
                    listening.recv(1)
                else:
                    listening.accept()[0].close()
            except TimeoutError:
                continue
            except OSError:
                return
            world.arrived.append(name)

    threading.Thread(target=wait, daemon=True).start()


def run_attack(sandbox: Sandbox, attack: Attack, around: World) -> AttackResult:
    """Run one attack and check its effects."""
    result = sandbox.run(
        around.fill_in(attack.code), attack.stdin, seconds=ATTACK_SECONDS, megabytes=256
    )
    return AttackResult(attack, result, _breach(attack, result, around))


def _breach(attack: Attack, result: Result, around: World) -> str:
    printed = result.stdout + result.stderr
    if around.token.encode() in printed:
        return "read a secret"
    if b"BREACH" in printed:
        return "got what it must not get"
    if b"root:" in printed:
        return "read the users of the system"
    if result.seconds > ATTACK_SECONDS + GRACE_SECONDS:
        return f"ran for {result.seconds:.1f} s"
    if result.outcome not in attack.outcomes:
        return f"ended as '{result.outcome}' ({result.reason})"
    if not attack.holds(result):
        return "was not reported as it was"
    return around.broken()


def suite(sandbox: Sandbox, attacks: Sequence[Attack] = ATTACKS) -> Iterator[AttackResult]:
    """Run every attack, one after another."""
    with world() as around:
        for attack in attacks:
            yield run_attack(sandbox, attack, around)


def children(of: int | None = None) -> set[int]:
    """Processes that this one, or another, started, and theirs."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry)] = int(fields[1])
    found, fresh = set[int](), {of or os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        found |= fresh
    return found
