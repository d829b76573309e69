"""What makes a folder a run."""

import json
from pathlib import Path

from ..errors import ConfigError

CONFIG = "config.json"


def is_run(path: Path) -> bool:
    """Whether a folder is a run: it has the config.json of one, with the config in it. A model's
    file has the same name, and other things in it."""
    try:
        found = json.loads((path / CONFIG).read_bytes())
    except (OSError, ValueError):  # there is none, or none that can be read
        return False
    return isinstance(found, dict) and "config" in found


def check_is_run(path: Path) -> None:
    """Raise ConfigError where a folder is no run."""
    if is_run(path):
        return
    why = "it has no config.json"
    if (path / CONFIG).is_file():
        why = "its config.json is not that of a run, or is not whole"
    raise ConfigError(
        f"'{path}' is no run directory: {why}; give one that training wrote, such as runs/NAME."
    )
