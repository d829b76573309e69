"""Checks of the settings that save memory, before anything is loaded."""

from ..errors import ConfigError
from ..model.quantised import bitsandbytes
from .load import Loaded


def check_thrift(loaded: Loaded) -> None:
    """Raise ConfigError for a form of weights, moments or masters that cannot be had here."""
    model, optimizer = loaded.config.model, loaded.config.optimizer
    if model.quantisation != "none":
        if not loaded.lora.on:
            raise ConfigError(
                f"model.quantisation is {model.quantisation}, and weights of few bits cannot be "
                "trained; train adapters on them, with lora.rank=16."
            )
        bitsandbytes(f"model.quantisation={model.quantisation}")
    if optimizer.moments == "8bit":
        bitsandbytes("optimizer.moments=8bit")
    if optimizer.offload and loaded.device.type == "cpu":
        raise ConfigError(
            "optimizer.offload is for a GPU: on a CPU all is in the host's memory anyway; leave it "
            "out."
        )
