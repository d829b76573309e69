"""Annotations of settings: in words, and held against a value.

A command line reads text by these types. From Python anything may come, and a number given as text
or half a step would only show in the middle of a run.
"""

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import Any, Literal

from .errors import ConfigError
from .types import BatchVerifier

PLAIN = (bool, str, types.NoneType)
"""Types for which `isinstance` decides."""


def check_fields(record: Any, section: str = "") -> None:
    """Raise ConfigError if a field of a record has a value of another type than it is declared
    with; the first thing that a record's __post_init__ does, as all else compares values.

    Args:
        section: words before the field's name in the sentence, such as "optimizer".
    """
    hints = typing.get_type_hints(type(record))
    for f in fields(record):
        value, annotation = getattr(record, f.name), hints[f.name]
        if not allows(annotation, value):
            key = f"{section}.{f.name}" if section else f.name
            raise ConfigError(
                f"{key} takes {type_name(annotation, written=False)}, not {value!r:.60}."
            )


def refuse_if(wrong: bool, key: str, value: object, rule: str) -> None:
    """Raise ConfigError for a wrong value of a key.

    Example: refuse_if(seconds <= 0, "rewards.seconds", seconds, "be above 0")
    """
    if wrong:
        raise ConfigError(f"{key} is {value}; it must {rule}.")


def allows(annotation: Any, value: Any) -> bool:
    """True if a value is of a type. numpy's numbers are numbers, true and false are not. Values
    that are not plain, such as functions, are left to their owner, who says what it takes."""
    if annotation in (int, float):
        kind = Integral if annotation is int else Real
        return isinstance(value, kind) and not isinstance(value, bool)
    if isinstance(annotation, type) and (annotation in PLAIN or is_dataclass(annotation)):
        return isinstance(value, annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin in (types.UnionType, typing.Union):
        return any(allows(one, value) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(allows(arguments[0], v) for v in value)
    return True


def type_name(annotation: Any, *, written: bool = True) -> str:
    """A type in words: "a whole number", "one of constant, linear, cosine".

    Args:
        written: for a reader who writes the value as text, and not in Python.
    """
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if annotation in words:
        return words[annotation]
    if is_dataclass(annotation) and isinstance(annotation, type):
        return f"{annotation.__name__}(…)"
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Callable:
        return "a function"
    if annotation is BatchVerifier:
        return "a verifier"
    if typing.get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        names = (type_name(a, written=written) for a in arguments if a is not types.NoneType)
        return " or ".join([*names, *(["none"] if types.NoneType in arguments else [])])
    if typing.get_origin(annotation) is tuple:
        if written and typing.get_origin(arguments[0]) is Literal:
            return f"some of {', '.join(typing.get_args(arguments[0]))}, with commas between"
        if written:
            return "words with spaces or commas between"
        return f"a tuple of {type_name(arguments[0])}"
    return str(annotation)
