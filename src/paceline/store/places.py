"""Places for runs: free directories for new ones, and reasons why a directory is taken."""

import os
import re
from pathlib import Path

from ..errors import ConfigError
from . import atomic
from .base import RecordError
from .folder import is_run
from .hints import go_on, of_session
from .run import FOLDERS, Run

RUN_NAME = re.compile(r"[\w][\w.-]*")
"""Pattern of a run's name, which is that of its folder."""
LEFTOVER_FILES = {".lock", ".owner", "config.json.tmp"}
"""Files that a start leaves, beside empty folders, if it is killed before it has written its
config."""


def create_run(path: Path) -> Run:
    """Make a new run directory and take its lock.

    Raises: ConfigError if the directory already holds a run, or anything else.
    """
    refuse_taken(path)
    make_directory(path)
    run = Run(path)
    run.acquire()
    run.make_folders()
    atomic.sync(path.parent)
    return run


def _begun(path: Path) -> bool:
    if path.is_dir():
        return path.name in FOLDERS and not any(path.iterdir())
    return path.name in LEFTOVER_FILES


def refuse_unwritable(path: Path, flag: str = "--out") -> None:
    """Raise ConfigError if no directory can be made or written: before any long work."""
    if path.exists() and not path.is_dir():
        raise ConfigError(f"'{path}' is a file, not a directory; choose another with {flag}.")
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise ConfigError(
            f"'{path}' cannot be made, as '{there}' is a file; choose another with {flag}."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(
            f"'{path}' cannot be made, as '{there}' is not writable; choose another "
            f"directory with {flag}."
        )


def make_directory(path: Path, flag: str = "--out") -> None:
    """Make a directory, if it is not there. Raises: ConfigError if it cannot be made."""
    refuse_unwritable(path, flag)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be made ({error.strerror}); choose another directory with {flag}."
        ) from error


def refuse_taken(path: Path) -> None:
    """Raise ConfigError if a new run cannot go to a place."""
    refuse_unwritable(path)
    if is_run(path):
        run = Run(path)
        held, about = f"'{path}' already holds a run", run.description
        if run.finished:
            raise ConfigError(
                f"{held}, which is finished; choose another directory with --out, or give that one "
                f"more steps with {go_on(path, about.config, 'steps=N')}."
            )
        shorter = "" if of_session(about.config) else " (or `train … --resume`)"
        raise ConfigError(
            f"{held}, which reached step {run.steps} of {about.steps}; resume it with "
            f"{go_on(path, about.config)}{shorter}, or choose another directory with --out."
        )
    if path.exists() and not (path.is_dir() and all(map(_begun, path.iterdir()))):
        raise ConfigError(f"'{path}' exists and is not empty; choose another directory with --out.")


def stopped_at(path: Path) -> str | None:
    """A sentence about a run that stopped before its end and that no process holds; None for
    another directory, or a run that cannot be read."""
    run = Run(path)
    try:
        if not is_run(path) or run.finished or run.in_use:
            return None
        steps, about = run.steps, run.description
    except (OSError, ValueError, RecordError):
        return None
    on = f"{go_on(path, about.config)} resumes it"
    return f"'{path}' stopped at step {steps} of {about.steps}; {on}."


def default_path(name: str, base: str = "runs") -> Path:
    """The path runs/NAME. Raises: ConfigError if the name is not allowed."""
    if not RUN_NAME.fullmatch(name):
        raise ConfigError(
            f"'{name}' is not a name for a run; use letters, digits, '.', '-' and '_'."
        )
    return Path(base) / name


def new_path(name: str, out: str | None, base: str = "runs") -> Path:
    """The path of a new run: `out` as it is, or runs/NAME, runs/NAME-2, … whichever is free
    first."""
    if out is not None:
        refuse_taken(Path(out))
        return Path(out)
    first = default_path(name, base)
    refuse_unwritable(first)
    tries = (first if i == 1 else Path(base) / f"{name}-{i}" for i in range(1, 1_000_000))
    return next(p for p in tries if not p.exists())
