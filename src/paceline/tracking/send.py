"""Sending a run to a tracker now: one that was trained without it, or that it has lost."""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import ConfigError, UserError
from ..preflight.trackers import PACKAGES, not_installed
from ..settings import TrackerName
from ..store.run import Run
from .follower import Follower
from .tracker import FOLDER
from .trackers import make_tracker


def track(path: Path | str, name: TrackerName, told: Callable[[str], None] = print) -> None:
    """Send everything of a run to a tracker that the tracker does not have yet.

    Args:
        path: the run's directory.
        told: called with the place where the run can be seen.

    Raises: ConfigError for a folder that is no run, a tracker that is not installed or fails, and
        one to which the run is being sent.
    """
    run = Run.open(path)
    if not_installed([name]):
        raise ConfigError(f"{name} is not installed: pip install {PACKAGES[name][1]}.")
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
        raise ConfigError(f"{name} failed ({type(error).__name__}: {error}).") from error
