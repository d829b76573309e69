"""The trackers by name."""

from ..settings import TrackerName
from .tracker import Tracker


def make_tracker(name: TrackerName) -> Tracker:
    """The tracker of this name, not opened yet; its tool is loaded when it is opened."""
    if name == "wandb":
        from .wandb import WandbTracker as Made
    elif name == "swanlab":
        from .swanlab import SwanlabTracker as Made
    elif name == "trackio":
        from .trackio import TrackioTracker as Made
    elif name == "tensorboard":
        from .tensorboard import TensorboardTracker as Made
    else:
        from .mlflow import MlflowTracker as Made
    return Made()
