"""The trackers of a config that are not installed. That is no reason to stop: a run is worth more
than its curves elsewhere."""

from collections.abc import Sequence
from importlib.util import find_spec

from ..settings import TrackerName

PACKAGES: dict[TrackerName, tuple[str, str]] = {
    "wandb": ("wandb", "wandb"),
    "swanlab": ("swanlab", "swanlab"),
    "trackio": ("trackio", "trackio"),
    "tensorboard": ("tensorboardX", "tensorboardX"),
    "mlflow": ("mlflow", "mlflow"),
}
"""Name of a tracker -> the module that it needs, and the package that has it."""


def not_installed(names: Sequence[TrackerName]) -> list[TrackerName]:
    """The trackers among these whose packages are not there."""
    return [name for name in names if find_spec(PACKAGES[name][0]) is None]


def remark(name: TrackerName) -> str:
    """A sentence about a tracker that is not installed."""
    package = PACKAGES[name][1]
    return f"the run is not tracked by {name}, which is not installed: pip install {package}."
