"""What to type to go on with a run, or to begin it again.

A command; or, where the reward was written in a Python session and no file holds it, the call that
works from there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..verify.calling.load import is_of_session
from .folder import CONFIG


def go_on(path: Path, config: Mapping[str, Any], change: str = "") -> str:
    """What goes on with a run.

    Args:
        config: the run's, as JSON.
        change: KEY=VALUE that it shall go on with; a key without a dot, such as steps=N.

    Example: `paceline resume runs/demo steps=N`
    """
    if not of_session(config):
        return f"`paceline resume {path}{f' {change}' if change else ''}`"
    asked = f"config.with_({change})" if change else "config"
    return f"`paceline.resume({str(path)!r}, {asked})` in the session that has its reward"


def go_on_with(config: Mapping[str, Any], key: str, value: object) -> str:
    """What goes on with a change that has to be named, as it changes what comes out.

    Args:
        config: the run's, as JSON.
    """
    if not of_session(config):
        return f"`paceline resume RUN {key}={value}`"
    return f"`paceline.resume(RUN, config, named=[{key!r}])` in the session that has its reward"


def start_again(path: Path, config: Mapping[str, Any]) -> str:
    """What begins a run like this one from its start, elsewhere.

    Args:
        config: the run's, as JSON.
    """
    if not of_session(config):
        return f"`paceline train {path / CONFIG}`"
    return "`paceline.train(config)` in the session that has its reward"


def of_session(config: Mapping[str, Any]) -> bool:
    """Whether a run's reward is in the Python session only that began it.

    Args:
        config: the run's, as JSON.
    """
    return is_of_session(config.get("task", {}).get("reward"))
