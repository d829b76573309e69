"""Keys as text: from a command line or a TOML file, and as a list with types and help.

Values are read by hand, and argparse reads the commands: which keys there are depends on the task,
which is a key itself, and they come from files as well. A library that makes flags from dataclasses
wants to know them all at the start, and its help would be sixty of them under every command.
"""

import ast
import contextlib
import dataclasses
import inspect
import shlex
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..annotations import type_name
from ..errors import ConfigError
from ..tasks import by_name
from .objectives import objective_from
from .record import Config, paths, unknown_key

CHOSEN = ("task", "objective")
"""Keys whose value is one of several kinds, by its name; their own options are keys or
arguments."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the config: one thing that can be set."""

    path: str
    """Dotted name, such as optimizer.lr."""
    annotation: Any
    """Type of the field."""
    value: Any
    """Value in this config."""
    help: str
    """Docstring of the field, on one line."""

    @property
    def type_name(self) -> str:
        """The type in words."""
        return type_name(self.annotation)


def keys(config: Config) -> list[Key]:
    """Every key of a config, in order."""
    found = []
    for path, value in paths(config):
        section, _, name = path.rpartition(".")
        owner: Any = config
        for step in section.split(".") if section else []:
            owner = getattr(owner, step)
        annotation = str if path in CHOSEN else typing.get_type_hints(type(owner))[name]
        found.append(Key(path, annotation, value, field_helps(type(owner)).get(name, "")))
    return found


@cache
def field_helps(cls: type) -> dict[str, str]:
    """The string under each field of a dataclass, from its source and those of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            found |= _own_helps(base)
    return found


def _own_helps(cls: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for line, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[line.target.id] = " ".join(str(following.value.value).split())
    return found


def apply(config: Config, overrides: Mapping[str, str]) -> Config:
    """Change keys of a config by text, as from a command line or a TOML file.

    The task and the objective come first, whatever the order: `task.low` needs to know which task.

    Raises: ConfigError for an unknown key (naming the nearest) or a value of the wrong type.
    """
    first = sorted(overrides.items(), key=lambda item: item[0] not in CHOSEN)
    for key, text in first:
        value = chosen(key, text) if key in CHOSEN else parse(key, _annotation(config, key), text)
        config = config.with_(**{key: value})
    return config


def chosen(key: str, text: str) -> Any:
    """The task, or the objective, that a text names. Raises: ConfigError for an unknown one."""
    return by_name(text)() if key == "task" else objective_from(text)


def parse(key: str, annotation: Any, text: str) -> Any:
    """A key's value from text, by its type. Raises: ConfigError where the text is none of it."""
    try:
        return _read(annotation, text)
    except ValueError:
        raise ConfigError(f"{key} takes {type_name(annotation)}, not '{text}'.") from None
    except TypeError:
        raise ConfigError(
            f"{key} cannot be set as text, as it takes {type_name(annotation)}; set it in Python."
        ) from None


def _read(annotation: Any, text: str) -> Any:
    """Text as a value of a type. Raises: ValueError for other text, TypeError for a type that text
    cannot stand for."""
    origin, choices = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return _read_one_of(choices, text)
    if origin in (tuple, list):
        words = shlex.split(text.replace(",", " "))
        many = origin is list or choices[-1] is ...
        each = [choices[0]] * len(words) if many else choices
        return origin(_read(kind, word) for kind, word in zip(each, words, strict=True))
    if origin is typing.Literal:
        return {str(choice): choice for choice in choices}[_known(text, map(str, choices))]
    if annotation is bool:
        return _known(text.lower(), ("true", "false")) == "true"
    if annotation in (str, int, float, Path):
        return annotation(text)
    raise TypeError


def _read_one_of(choices: tuple[Any, ...], text: str) -> Any:
    """Text as a value of the first of several types that it fits; as it is where text is one."""
    if types.NoneType in choices and text.lower() == "none":
        return None
    if str in choices:
        return text
    for choice in choices:
        if choice is not types.NoneType:
            with contextlib.suppress(ValueError):
                return _read(choice, text)
    raise ValueError


def _known(text: str, words: Iterable[str]) -> str:
    """One of these words, without the spaces around it. Raises: ValueError for another."""
    if (word := text.strip()) not in words:
        raise ValueError
    return word


def _annotation(config: Config, key: str) -> Any:
    for known in keys(config):
        if known.path == key:
            return known.annotation
    raise unknown_key(config, key)


def read_toml(path: Path) -> tuple[str, dict[str, str]]:
    """(recipe, overrides) of a TOML file: `recipe = "demo"`, and keys in tables or dotted. A [task]
    table may choose the task by `type`.

    Raises: ConfigError if it is not TOML or names no recipe.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"'{path}' is not a TOML file: {error}.") from None
    if "recipe" not in data:
        raise ConfigError(
            f"'{path}' does not name a recipe to start from; write recipe = \"demo\" on top."
        )
    recipe = data.pop("recipe")
    flat = dict(_flat(data, ""))
    if "task.type" in flat:
        flat["task"] = flat.pop("task.type")
    return recipe, flat


def _flat(data: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", shlex.join(map(str, value))
        else:
            yield f"{prefix}{key}", str(value)
