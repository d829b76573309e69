"""Sending a run to a tracker now: one that was trained without it, or that it has lost."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import ConfigError, UserError
from ..preflight.trackers import missing_package
from ..settings import TrackerName
from ..store.run import Run
from .follower import Follower
from .process import in_words
from .tracker import FOLDER
from .trackers import make_tracker


def track(path: Path | str, name: TrackerName, told: Callable[[str], None] = print) -> None:
    """Send everything of a run to a tracker that the tracker does not have yet.

    Args:
        path: the run's directory.
        told: called with the place where the run can be seen.

    Raises: ConfigError for a folder that is no run, a run that still goes on, a tracker that is not
        installed or fails, and one to which the run is being sent.
    """
    run = Run.open(path)
    if package := missing_package(name):
        raise ConfigError(f"{name} needs {package}, which is not installed: pip install {package}.")
    if run.in_use:
        raise ConfigError(
            f"'{run.path}' is still going on; its own trackers follow it (tracker={name} at the "
            "next resume). Send it when it has ended."
        )
    (run.path / FOLDER).mkdir(exist_ok=True)
    try:
        with FileLock(run.path / FOLDER / f"{name}.lock", timeout=0):
            follower = Follower(run, name, make_tracker(name))
            told(f"{name} {follower.start()}")
            follower.finish()
    except Timeout:
        raise ConfigError(f"'{run.path}' is being sent to {name} by another process.") from None
    except UserError:
        raise
    except Exception as error:  # of the tracker's, whatever it raises
        raise ConfigError(f"{name} failed ({in_words(error)}); send it again later.") from error
