"""The environment of a run: versions, machine, and hashes of everything that is read."""

import importlib.metadata
import os
import platform
from typing import Any

import torch

from ..store.description import Environment
from .fingerprint import fingerprints
from .load import Loaded, sandbox_of


def environment_of(loaded: Loaded) -> Environment:
    """The environment here and now."""
    return Environment(versions(), machine(loaded), fingerprints(loaded))


def versions() -> dict[str, str]:
    """Versions of every package that decides a result."""
    packages = ("paceline", "torch", "transformers", "tokenizers", "numpy", "pyarrow")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {**found, "python": platform.python_version()}


def machine(loaded: Loaded) -> dict[str, Any]:
    """The machine that a run uses."""
    gpu = torch.cuda.get_device_name(loaded.device) if loaded.device.type == "cuda" else None
    return {
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": gpu or "cpu",
        "dtype": loaded.dtype_name,
        "sandbox": sandbox_of(loaded.task),
        **({"merged": loaded.lora.merge != "no"} if loaded.lora.on else {}),
        "system": f"{platform.system()} {platform.machine()}",
    }
