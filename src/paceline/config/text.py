"""Keys as text: from a command line or a TOML file, and as a list with types and help."""

import ast
import contextlib
import inspect
import io
import shlex
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
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
    """One thing that can be set."""

    path: str
    """Dotted, such as optimizer.lr."""
    annotation: Any
    value: Any
    help: str

    @property
    def type_name(self) -> str:
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
    """The string under each field of a dataclass, from its source."""
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
    """A key's value from text, by its type."""
    import tyro

    takes_text = annotation is str or str in typing.get_args(annotation)
    if takes_text and typing.get_origin(annotation) is not tuple:
        may_be_none = types.NoneType in typing.get_args(annotation)
        return None if text.lower() == "none" and may_be_none else text
    form = tyro.conf.FlagConversionOff[annotation] if annotation is bool else annotation
    if typing.get_origin(annotation) is tuple:
        text = text.replace(",", " ")
    words = [text.title()] if text.lower() in ("true", "false", "none") else shlex.split(text)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            return tyro.cli(form, args=words)
    except SystemExit:
        raise ConfigError(f"{key} takes {type_name(annotation)}, not '{text}'.") from None


def _annotation(config: Config, key: str) -> Any:
    for known in keys(config):
        if known.path == key:
            return known.annotation
    raise unknown_key(config, key)


def read_toml(path: Path) -> tuple[str, dict[str, str]]:
    """(recipe, overrides) of a TOML file: `recipe = "demo"`, and keys in tables or dotted. A [task]
    table may choose the task by `type`.

    Raises: ConfigError where it is no TOML or names no recipe.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"'{path}' is no TOML file: {error}.") from None
    if "recipe" not in data:
        raise ConfigError(
            f"'{path}' names no recipe to start from; write recipe = \"demo\" on top."
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
