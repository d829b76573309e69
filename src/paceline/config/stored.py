"""A config as JSON, in a run's config.json, and back.

A function, or any other value of a user's own, is kept by the name under which it is found again:
file.py:name or module:name. A reward that has no such name is kept as <python>:name: a run goes on
with it from the session that has it, and from there only. A verifier of this package is kept as
paceline.verify:NAME, wherever in that room its file lies.
"""

import dataclasses
import re
import typing
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from ..errors import ConfigError, UserError, nearest
from ..objective import NAMES, Objective, Preference, Ranking
from ..tasks import name_of
from ..tasks.task import BY_NAME
from ..verify.calling.base import VerifierBase
from ..verify.calling.load import IN_PYTHON, load_function, reference_of
from ..verify.calling.verifier import Adapted
from .record import SECTIONS, Config

KINDS: Mapping[str, type[Any]] = {one.__name__: one for one in (Objective, Preference, Ranking)}
"""Kinds of objectives that can be described, by the name that a config's JSON gives them."""
VERIFY = "paceline.verify"
"""Package whose classes a config names without their files."""
_WITH_FILE = re.compile(rf"{re.escape(VERIFY)}(?:\.\w+)+:(\w+)")
"""A verifier as earlier versions wrote it, with a file that may lie elsewhere today."""


def to_json(value: Any) -> Any:
    """A config as plain JSON; a value of a chosen type (task, objective) says which by "type"."""
    if isinstance(value, Adapted):
        return to_json(value.function)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: (_by_name if f.metadata.get(BY_NAME) else to_json)(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if f.init
        }
        chosen = not isinstance(value, SECTIONS)
        return {"type": _type_name(type(value)), **fields} if chosen else fields
    if isinstance(value, tuple | list):
        return [to_json(v) for v in value]
    if callable(value):
        return {"function": _reference(value)}
    if isinstance(value, Real) and not isinstance(value, int | float):
        return int(value) if isinstance(value, Integral) else float(value)  # numpy's
    return value


def _by_name(value: Any) -> Any:
    """A reward as text, as task.reward takes it; one of our own verifiers by its settings."""
    if isinstance(value, str):
        return value
    if isinstance(value, VerifierBase) and _is_plain(value):
        return to_json(value)
    if (reference := reference_of(value)) is not None:
        return reference
    return f"{IN_PYTHON}:{getattr(value, '__name__', type(value).__name__)}"


def _is_plain(value: Any) -> bool:
    """Whether `from_json` makes the same of what `to_json` makes of it."""
    if isinstance(value, Adapted):
        return _is_plain(value.function)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = (getattr(value, f.name) for f in dataclasses.fields(value) if f.init)
        return reference_of(type(value)) is not None and all(map(_is_plain, inner))
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    if callable(value):
        return reference_of(value) is not None
    return value is None or isinstance(value, str | int | float)


def from_json(data: Mapping[str, Any]) -> Config:
    """The config that `to_json` wrote.

    Raises: ConfigError where a key is unknown or a part of the objective is no longer importable.
    """
    return _record(Config, _without_files(data))


def describe_objective(data: Mapping[str, Any]) -> str:
    """The objective of a config's JSON in words. No code of a user's own is loaded for it: a part
    that their file defines is told as it was written.

    Raises: ConfigError where it is none, or one that this version does not have.
    """
    parts = data.get("objective")
    if not isinstance(parts, Mapping) or (kind := KINDS.get(parts.get("type", ""))) is None:
        raise ConfigError("The config has no objective whose parts are known.")
    _check_keys(kind, parts)
    try:
        told = dict[str, Any]()
        for name in parts.keys() - {"type"}:
            told[name] = _OfUser.of(parts[name]) or _value(None, parts[name])
        return kind(**told).describe()
    except TypeError as error:
        raise ConfigError(f"The objective in the config cannot be read: {error}.") from error


def as_typed(key: str, value: Any) -> str:
    """A value of a config's JSON as a command line takes it after KEY=. An objective or a task that
    no name stands for is an ellipsis. The task's type is taken under the key `task`.

    Examples: as_typed("objective", to_json(gspo())) is "gspo"; as_typed("task.type", "Rows") is
        "rows"
    """
    if key == "task.type":
        return name_of(value) or "…"
    if key == "objective":
        names = (name for name, make in NAMES.items() if to_json(make()) == value)
        return next(names, "…")
    if isinstance(value, Mapping):  # a reward of a file
        return str(value.get("function", "…"))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class _OfUser:
    """Stands for a part whose file is not loaded: it can only be told."""

    text: str

    @classmethod
    def of(cls, part: Any) -> "_OfUser | None":
        """None for a part of this package, or a number."""
        if not _named(part):
            return None
        if "function" in part:
            return cls(_title(part["function"]))
        values = ", ".join(f"{k}={v!r}" for k, v in part.items() if k != "type")
        return cls(f"{_title(part['type'])}({values})")

    def __repr__(self) -> str:
        return self.text

    def __call__(self, *_: Any) -> Any:
        raise AssertionError(f"{self.text} was not loaded.")


def _title(reference: str) -> str:
    return reference.rpartition(":")[2]


def renewed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A config's JSON as this version writes it, to be compared with another: a key that an earlier
    version did not write has its default.

    Of what is the same in both nothing is loaded, nor of what the other does not name any more.
    What cannot be loaded, such as an objective whose file is gone, stays as it is.

    Raises: ConfigError for a key that no config has.
    """
    _check_keys(Config, old)
    old = _without_files(old)
    hints, made = typing.get_type_hints(Config), dict[str, Any]()
    for f in dataclasses.fields(Config):
        if f.name not in old:
            default = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
            made[f.name] = to_json(default)
        elif old[f.name] == new.get(f.name) or _named(old[f.name]) - _named(new.get(f.name)):
            made[f.name] = old[f.name]
        else:
            try:
                made[f.name] = to_json(_value(hints[f.name], old[f.name]))
            except UserError:
                made[f.name] = old[f.name]
    return made


def _without_files(data: Any) -> Any:
    """A config's JSON in which verifiers are named as they are today."""
    if isinstance(data, Mapping):
        whole = {key: _without_files(value) for key, value in data.items()}
        if found := _WITH_FILE.fullmatch(str(data.get("type"))):
            whole["type"] = f"{VERIFY}:{found[1]}"
        return whole
    return [*map(_without_files, data)] if isinstance(data, list | tuple) else data


def _named(data: Any) -> set[str]:
    """The functions and classes of the user's that a value's JSON names, each with its file."""
    if isinstance(data, Mapping):
        here = {data[key] for key in ("function", "type") if ":" in str(data.get(key))}
        return here.union(*map(_named, data.values()))
    return set().union(*map(_named, data)) if isinstance(data, list | tuple) else set()


def _type_name(cls: type) -> str:
    inside = cls.__module__.startswith(("paceline.objective", "paceline.tasks"))
    if cls.__module__.startswith(f"{VERIFY}."):
        return f"{VERIFY}:{cls.__name__}"
    return cls.__name__ if inside else _reference(cls)


def _reference(thing: Any) -> str:
    """module:name, or file.py:name for what a user's own file or script defines.

    Raises: ConfigError for what has no name to be found again by, such as a lambda.
    """
    reference = reference_of(thing)
    if reference is None:
        raise ConfigError(
            f"{thing!r} has no name under which a run could record it; write it as a function or a "
            "frozen dataclass at the top of a file."
        )
    return reference


def _record(cls: type, data: Mapping[str, Any]) -> Any:
    _check_keys(cls, data)
    hints = typing.get_type_hints(cls)
    return cls(**{k: _value(hints[k], v) for k, v in data.items() if k != "type"})


def _check_keys(cls: type, data: Mapping[str, Any]) -> None:
    """Raise ConfigError where a key is missing, or is none."""
    known = [f.name for f in dataclasses.fields(cls)]
    needed = {f.name for f in dataclasses.fields(cls) if _required(f)}
    if missing := sorted(needed - set(data)):
        raise ConfigError(f"{cls.__name__} lacks the key '{missing[0]}'.")
    for key in data:
        if key not in (*known, "type"):
            raise ConfigError(f"There is no key '{key}' in {cls.__name__}.{nearest(key, known)}")


def _required(f: dataclasses.Field) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _value(hint: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        if "function" in value:
            return _imported(value["function"])
        if "type" in value:
            return _record(_imported(value["type"]), value)
        return _record(hint, value)
    if isinstance(value, list):
        return tuple(_value(None, v) for v in value)
    return value


def _imported(name: str) -> Any:
    from .. import objective, tasks, verify

    place, _, title = name.rpartition(":")
    if place and place != VERIFY:
        return load_function(name)
    for room in (verify,) if place else (objective, tasks):
        if hasattr(room, title):
            return getattr(room, title)
    raise ConfigError(f"The config names '{name}', which this version of paceline does not have.")
