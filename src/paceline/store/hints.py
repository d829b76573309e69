"""Commands that resume a run, or start it again.

If the reward was written in a Python session and no file holds it, the hint is a call that works
from there.
"""

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from ..verify.calling.load import is_of_session
from .folder import CONFIG_FILE


def go_on(path: Path, config: Mapping[str, Any], change: str = "") -> str:
    """The command that resumes a run.

    Args:
        config: the run's config, as JSON.
        change: KEY=VALUE to continue with; a key without a dot, such as steps=N.

    Example: `paceline resume runs/demo steps=N`
    """
    if not of_session(config):
        return f"`paceline resume {path}{f' {change}' if change else ''}`"
    asked = f"config.with_({change})" if change else "config"
    return f"`paceline.resume({str(path)!r}, {asked})` in the session that has its reward"


def go_on_with(path: Path, config: Mapping[str, Any], key: str, value: str) -> str:
    """The command that resumes a run with a change that must be named, because it changes the
    result.

    Args:
        config: the run's config, as JSON.
        value: the new value, as the command line takes it; … stands for whatever is wanted.
    """
    if not of_session(config):
        word = f"{key}={value}"
        return f"`paceline resume {quote(str(path))} {word if value == '…' else quote(word)}`"
    call = f"paceline.resume({str(path)!r}, config, named=[{key!r}])"
    return f"`{call}` in the session that has its reward"


def start_again(path: Path, config: Mapping[str, Any]) -> str:
    """The command that starts a run like this one from its beginning, in another place.

    Args:
        config: the run's config, as JSON.
    """
    if not of_session(config):
        return f"`paceline train {path / CONFIG_FILE}`"
    return "`paceline.train(config)` in the session that has its reward"


def of_session(config: Mapping[str, Any]) -> bool:
    """True if a run's reward exists only in the Python session that started it.

    Args:
        config: the run's config, as JSON.
    """
    return is_of_session(config.get("task", {}).get("reward"))
