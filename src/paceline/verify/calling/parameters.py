"""The parameters of a function, and what their names and annotations ask for."""

import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any, get_origin

from ...types import Completion, Problem

PAIR = {"problem": Problem, "completion": Completion}
"""The two nouns that a verifier is given, by their names."""
SHORT = {"p": "problem", "c": "completion"}
"""Their names in a lambda."""
VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
"""The kinds of *args and **kwargs."""


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    return list(inspect.signature(function).parameters.values())


def names_of(function: Callable[..., Any]) -> set[str]:
    """The names of the parameters, but for *args and **kwargs."""
    return {p.name for p in parameters_of(function) if p.kind not in VARIABLE}


def is_needed(parameter: Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in VARIABLE


def pair_of(parameters: Sequence[Parameter]) -> dict[str, str] | None:
    """Parameter -> problem or completion, where both have a place and nothing else is asked for.

    Annotations and full names count first; then, where there is no default, p and c; then what is
    called _ gets what is left.
    """
    found: dict[str, str] = {}
    takes = [p for p in parameters if p.kind not in VARIABLE]
    for known in (_by_annotation, _by_name, _by_letter, _by_rest):
        for p in takes:
            left = [role for role in PAIR if role not in found.values()]
            role = known(p, left)
            if p.name not in found and role in left:
                found[p.name] = role
    if len(found) < len(PAIR) or any(is_needed(p) and p.name not in found for p in takes):
        return None
    if any(is_plain(p.annotation) for p in takes if p.name in found):
        return None
    return {p.name: found[p.name] for p in takes if p.name in found}


def _by_annotation(p: Parameter, left: Sequence[str]) -> str | None:
    said = p.annotation
    name = said.rpartition(".")[2] if isinstance(said, str) else ""
    return next((r for r, kind in PAIR.items() if said is kind or name == kind.__name__), None)


def _by_name(p: Parameter, left: Sequence[str]) -> str | None:
    return p.name.lstrip("_")


def _by_letter(p: Parameter, left: Sequence[str]) -> str | None:
    return SHORT.get(p.name.lstrip("_")) if is_needed(p) else None


def _by_rest(p: Parameter, left: Sequence[str]) -> str | None:
    return next(iter(left), None) if is_needed(p) and not p.name.strip("_") else None


def is_plain(annotation: Any) -> bool:
    """Tell whether a parameter is said to be a text, a list or a dictionary, which ours are not."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0] in ("str", "list", "dict")
    return (get_origin(annotation) or annotation) in (str, list, dict)
