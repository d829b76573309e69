"""The signatures of users' reward functions, and the adapter for each.

The names of the parameters decide how a function is called, never their order: `adapt` gives each
name its value, and refuses a function that asks for anything else.
"""

import inspect
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any, cast

from ...errors import ConfigError
from ...types import AnyVerifier, BatchVerifier, Composed
from .adapters import FromBatch, FromColumns, FromLists, FromPair, FromScore
from .base import VerifierBase
from .parameters import PAIR_TYPES, is_needed, is_plain, names_of, pair_of, parameters_of
from .verifier import name_of

SIGNATURES = (
    "(problem, completion)",
    "(problems, completions)",
    "(completions, prompts=…, **columns)",
    "(data_source, solution_str, ground_truth, extra_info)",
    "(queries, prompts, labels)",
    "(prompt, responses, answer)",
)
"""Parameters that a reward may have; all but the columns' names are fixed."""
ARGUMENTS = {
    "solution_str": ("data_source", "solution_str", "ground_truth", "extra_info"),
    "queries": ("queries", "prompts", "labels"),
    "responses": ("prompt", "responses", "answer"),
}
"""Parameter -> all values that a function with this parameter can be given."""


def adapt(function: Any) -> AnyVerifier:
    """Make a verifier from a function, by the names of its parameters, which are read only here.

    `problems` and `completions` make it a function of many at once; `completions` alone a
    FromColumns, `solution_str` a FromScore, `queries` or `responses` a FromLists; `problem` and
    `completion` (or p and c, or parameters annotated with their types) a verifier. Each may be
    `async def`, and must have defaults for its other parameters. A verifier is returned as it is.

    Raises: ConfigError for any other signature.
    """
    if inspect.isclass(function):
        raise ConfigError(
            f"The reward '{function.__name__}' is a class; name a function or an instance of it."
        )
    if isinstance(function, VerifierBase | BatchVerifier | Composed):
        return cast(AnyVerifier, function)
    if not callable(function):
        raise ConfigError(f"A reward is a function or a verifier, not {_value(function)}.")
    try:
        parameters = parameters_of(function)
    except (ValueError, TypeError):  # some functions written in C do not say what they take
        raise ConfigError(
            f"The reward {name_of(function)} does not say what it takes; call it in a function of "
            "(problem, completion)."
        ) from None
    names = names_of(function)
    needed = {p.name for p in parameters if is_needed(p)}
    if {"problems", "completions"} <= names and needed <= {"problems", "completions"}:
        return FromBatch(function)
    if "completions" in names:
        return FromColumns(function)
    for name in names & ARGUMENTS.keys():
        if unknown := sorted(needed - set(ARGUMENTS[name])):
            raise ConfigError(
                f"{_told(function, parameters)}, and nothing is known by the name '{unknown[0]}' "
                f"beside '{name}'; give it a default, or take what there is: "
                f"{', '.join(ARGUMENTS[name])}."
            )
        return FromScore(function) if name == "solution_str" else FromLists(function)
    places = pair_of(parameters)
    if places is None:
        raise ConfigError(_refusal(function, parameters))
    straight = list(places.items()) == [
        (p.name, r) for p, r in zip(parameters, PAIR_TYPES, strict=False)
    ]
    by_place = all(p.kind is not Parameter.KEYWORD_ONLY for p in parameters[:2])
    return cast(AnyVerifier, function) if straight and by_place else FromPair(function)


def _told(function: Callable[..., Any], parameters: Sequence[Parameter]) -> str:
    stars = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
    takes = ", ".join(stars.get(p.kind, "") + p.name for p in parameters)
    return f"The reward {name_of(function)} takes ({takes})"


def _refusal(function: Callable[..., Any], parameters: Sequence[Parameter]) -> str:
    told = _told(function, parameters)
    plain = [p for p in parameters if p.name in PAIR_TYPES and is_plain(p.annotation)]
    if plain and pair_of([p.replace(annotation=p.empty) for p in parameters]):
        name, kind = plain[0].name, inspect.formatannotation(plain[0].annotation).strip("'")
        text = "completion.text" if name == "completion" else "problem.prompt"
        return (
            f"{told}, but '{name}' is not a {kind}: it is a {PAIR_TYPES[name].__name__}, "
            f"with its {text}."
        )
    hint = "" if names_of(function) else " A wrapper keeps its function's names by functools.wraps."
    return (
        f"{told}, and the names decide how it is called; a reward takes "
        f"{', '.join(SIGNATURES[:-1])} or {SIGNATURES[-1]}.{hint}"
    )


def _value(thing: Any) -> str:
    return "None" if thing is None else f"a value of type {type(thing).__name__}"
