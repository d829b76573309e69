"""Every part of an objective as text: the expression that makes it, and a clause in plain words."""

from __future__ import annotations

from types import FunctionType
from typing import Protocol, runtime_checkable

from ..errors import ConfigError


@runtime_checkable
class Described(Protocol):
    """A part that says in plain words what it does. One without is shown as it is written."""

    def describe(self) -> str:
        """A clause without a capital and a full stop, such as "one ratio for each token"."""
        ...


def text_of(value: object) -> str:
    """A part as it is written; a function by its name, since its address would differ from run to
    run."""
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


def description_of(part: object) -> str:
    """A part in a few words; as it is written, where it does not describe itself."""
    return part.describe() if isinstance(part, Described) else text_of(part)


def capitalised(clause: str) -> str:
    """A clause with a capital, the rest as it is."""
    return f"{clause[:1].upper()}{clause[1:]}"


def check_part(name: str, part: object) -> None:
    """Raise ConfigError for a part that is a class, or that nobody can call."""
    if isinstance(part, type):
        raise ConfigError(
            f"{name} is the class {part.__name__}; give a value: {part.__name__}(...)."
        )
    if not callable(part):
        raise ConfigError(f"{name} must be one of its parts or a function, not {part!r}.")
