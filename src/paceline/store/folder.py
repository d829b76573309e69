"""The mark of a run's folder: a config.json with a run's config in it."""

import json
from pathlib import Path

from ..errors import ConfigError

CONFIG_FILE = "config.json"
"""Name of the file that holds a run's config."""


def is_run(path: Path) -> bool:
    """True if a folder is a run: it has the config.json of one, with the config in it. A model's
    file has the same name, but another content."""
    try:
        found = json.loads((path / CONFIG_FILE).read_bytes())
    except (OSError, ValueError):  # there is none, or none that can be read
        return False
    return isinstance(found, dict) and "config" in found


def check_is_run(path: Path) -> None:
    """Raise ConfigError if a folder is not a run."""
    if is_run(path):
        return
    if not path.exists():
        raise ConfigError(
            f"There is no folder '{path}'; give one that training wrote, such as runs/NAME."
        )
    why = "it has no config.json"
    if (path / CONFIG_FILE).is_file():
        why = "its config.json is not that of a run, or is not whole"
    raise ConfigError(
        f"'{path}' is not a run directory: {why}; give one that training wrote, such as runs/NAME."
    )
