"""A test of a wall: a handful of attacks, a few milliseconds each, before it is trusted."""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from .result import Result

PROBE = """
import os, socket, sys
found = []
def tried(name, attempt):
    try:
        attempt()
    except (OSError, ImportError):
        return
    found.append(name)
tried("read a file of this user", lambda: open({secret!r}).read())
tried("read /proc", lambda: open("/proc/self/environ", "rb").read())
tried("list the root folder of the system", lambda: os.listdir("/home"))
tried("write into the temporary folder", lambda: open({written!r}, "w").close())
tried("write into its own folder", lambda: open("x", "w").close())
tried("connect to a port of this machine",
      lambda: socket.create_connection(("127.0.0.1", {port}), 1).close())
tried("start a process", os.fork)
tried("signal another process", lambda: os.kill({victim}, 0))
if {token!r} in os.environ.values():
    found.append("see the environment")
if not found:
    started = ["python", "-c", "print('start a program')"]
    tried("start a program", lambda: os.execv(sys.executable, started))
print(", ".join(found) or "contained")
"""
"""The program; the parts to fill in are in braces."""


def breach(run: Callable[[str], Result]) -> str:
    """The forbidden thing that a program could do, or the reason why it could not be tried; "" if
    nothing."""
    token = os.urandom(8).hex()
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder) / "secret"
        secret.write_text(token, encoding="utf-8")
        result = run(
            PROBE.format(
                secret=str(secret),
                written=str(Path(folder) / "written"),
                port=server.getsockname()[1],
                victim=os.getpid(),
                token=token,
            )
        )
    if result.outcome == "infrastructure":
        return result.reason
    said = result.text.strip()
    if said == "contained":
        return ""
    return f"a program could {said}" if said else f"the trial {result.reason}"
