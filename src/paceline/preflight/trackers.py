"""Trackers of a config that are not installed. That is no reason to stop: a run is worth more than
its curves elsewhere."""

from importlib.util import find_spec

from ..settings import TrackerName

PACKAGES: dict[TrackerName, str] = {
    "wandb": "wandb",
    "swanlab": "swanlab",
    "trackio": "trackio",
    "tensorboard": "tensorboardX",
    "mlflow": "mlflow",
}
"""Name of a tracker -> the package that it needs, whose module has the same name."""


def missing_package(name: TrackerName) -> str | None:
    """The package that a tracker needs and that is not installed; None if it is."""
    package = PACKAGES[name]
    return package if find_spec(package) is None else None


def remark(name: TrackerName, package: str) -> str:
    """A sentence about a tracker whose package is missing."""
    return (
        f"the run is not tracked by {name}, as {package} is not installed: pip install {package}."
    )
