"""The parameters of a function, and the meaning of their names and annotations."""

import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any, get_origin

from ...types import Completion, Problem

PAIR_TYPES = {"problem": Problem, "completion": Completion}
"""The two values that a verifier gets, by their names, with their types."""
SHORT_NAMES = {"p": "problem", "c": "completion"}
"""Short names of the two values in a lambda."""
VARIABLE_KINDS = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
"""The kinds of *args and **kwargs."""


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    return list(inspect.signature(function).parameters.values())


def names_of(function: Callable[..., Any]) -> set[str]:
    """The names of the parameters, except for *args and **kwargs."""
    return {p.name for p in parameters_of(function) if p.kind not in VARIABLE_KINDS}


def is_needed(parameter: Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in VARIABLE_KINDS


def pair_of(parameters: Sequence[Parameter]) -> dict[str, str] | None:
    """Parameter -> problem or completion, if both have a parameter and nothing else is asked for.

    Annotations and full names count first; then, without a default, p and c; then a parameter
    called _ gets the value that is left.
    """
    found: dict[str, str] = {}
    takes = [p for p in parameters if p.kind not in VARIABLE_KINDS]
    for known in (_by_annotation, _by_name, _by_letter, _by_rest):
        for p in takes:
            left = [role for role in PAIR_TYPES if role not in found.values()]
            role = known(p, left)
            if p.name not in found and role in left:
                found[p.name] = role
    if len(found) < len(PAIR_TYPES) or any(is_needed(p) and p.name not in found for p in takes):
        return None
    if any(is_plain(p.annotation) for p in takes if p.name in found):
        return None
    return {p.name: found[p.name] for p in takes if p.name in found}


def _by_annotation(p: Parameter, left: Sequence[str]) -> str | None:
    said = p.annotation
    name = said.rpartition(".")[2] if isinstance(said, str) else ""
    return next(
        (r for r, kind in PAIR_TYPES.items() if said is kind or name == kind.__name__), None
    )


def _by_name(p: Parameter, left: Sequence[str]) -> str | None:
    return p.name.lstrip("_")


def _by_letter(p: Parameter, left: Sequence[str]) -> str | None:
    return SHORT_NAMES.get(p.name.lstrip("_")) if is_needed(p) else None


def _by_rest(p: Parameter, left: Sequence[str]) -> str | None:
    return next(iter(left), None) if is_needed(p) and not p.name.strip("_") else None


def is_plain(annotation: Any) -> bool:
    """Tell whether a parameter is annotated as a text, a list or a dictionary, which our types are
    not."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0] in ("str", "list", "dict")
    return (get_origin(annotation) or annotation) in (str, list, dict)
