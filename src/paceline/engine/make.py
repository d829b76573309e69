"""The making of an engine by its name, for builders of a run."""

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigError
from ..model import Policy
from .engine import Engine
from .local import LocalEngine

ENGINES: Mapping[str, Callable[..., Engine]] = {"local": LocalEngine}
"""Constructors by name. Each takes the policy and, by keyword, its own settings."""


def make_engine(name: str, policy: Policy, **settings: Any) -> Engine:
    """The engine of this name, with the policy's weights loaded.

    Example: make_engine("local", policy, rows_at_once=128)

    Raises: ConfigError if no engine has this name.
    """
    if name not in ENGINES:
        raise ConfigError(f"There is no engine '{name}'; take one of: {', '.join(ENGINES)}.")
    return ENGINES[name](policy, **settings)
