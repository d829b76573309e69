"""Objectives as text: one by name or file, and several with the labels that tell them apart."""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import ConfigError, nearest
from ..objective import KL, NAMES, named
from ..objective.named import Named
from ..verify import load_function

KL_ARGUMENTS = [f.name for f in fields(KL)]
"""Arguments of KL(…), to tell where one belongs that stands outside of it."""


def objective_from(text: str) -> Named:
    """An objective by name: grpo, gspo(low=1e-3, kl=0.01), grpo(kl=KL(0.04, weighted=True)), or
    file.py:name, where name is an Objective or a function that returns one.

    Raises: ConfigError for an unknown name or argument.
    """
    if ":" in text:
        return _loaded(text)
    name, _, rest = text.partition("(")
    if not rest:
        return named.by_name(name)
    named.by_name(name)  # an unknown name is told before its arguments are read
    call = _call(text)
    if call is None or call.args:
        raise ConfigError(f"'{text}' is not an objective; write {name}(low=0.2, kl=0.01).")
    return _made(NAMES[name], name, call, text)


def _loaded(text: str) -> Named:
    """The value of file.py:name, or what it returns."""
    found = load_function(text)
    if not isinstance(found, Named):
        try:
            inspect.signature(found).bind()
        except TypeError:
            raise ConfigError(
                f"'{text}' is not an Objective, and a function that makes one takes no arguments."
            ) from None
        found = found()
    if not isinstance(found, Named):
        raise ConfigError(f"'{text}' is not an Objective and does not return one.")
    return found


def _call(text: str) -> ast.Call | None:
    """grpo(low=0.2) as a call; None where that is not its form."""
    try:
        call = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    return call if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None


def _made(make: Callable[..., Any], name: str, call: ast.Call, text: str) -> Any:
    """What the call with these arguments gives; `name` is what the sentences call it.

    Raises: ConfigError for an argument that is unknown, of the wrong type, or no value.
    """
    known = list(inspect.signature(make).parameters)
    for argument in (k.arg or "" for k in call.keywords):
        if argument not in known:
            near = nearest(argument, known)
            if argument == "coef":
                near = f" The penalty's weight is kl itself: {name}(kl=0.04)."
            elif argument in KL_ARGUMENTS:
                near = f" It belongs to the penalty: {name}(kl=KL(0.04, {argument}=…))."
            raise ConfigError(
                f"{name} has no argument '{argument}'.{near} It has {', '.join(known)}."
            )
    values = [_value(node, text) for node in call.args]
    options = {str(k.arg): _value(k.value, text) for k in call.keywords}
    try:
        return make(*values, **options)
    except TypeError:
        raise ConfigError(
            f"'{text}' gives {name} too many or too few arguments, or one of the wrong type; it "
            f"has {', '.join(known)}."
        ) from None


def _value(node: ast.expr, text: str) -> Any:
    """A number, True or true, a text, or KL(…) of these."""
    match node:
        case ast.Name(id="true" | "false" | "none"):
            return {"true": True, "false": False, "none": None}[node.id]
        case ast.Call(func=ast.Name(id="KL")):
            return _made(KL, "KL", node, text)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ConfigError(
            f"'{ast.unparse(node)}' in '{text}' is not a value; write a number, or for kl also "
            "KL(0.04, weighted=True)."
        ) from None


def labelled(
    objectives: Mapping[str, Named] | Sequence[str | Named],
) -> dict[str, Named]:
    """Objectives by label: names and file.py:value are read, values of named ones get their name.

    Raises: ConfigError for an unknown name, a value without a name, and one that is named twice.
    """
    if isinstance(objectives, Mapping):
        return dict(objectives)
    names = {make(): name for name, make in NAMES.items()}
    found: dict[str, Named] = {}
    for one in objectives:
        if isinstance(one, Named) and one not in names:
            raise ConfigError(
                f"{one!r} is not one of the named objectives with their defaults; give labels: "
                'objectives={"mine": …}.'
            )
        label = names[one] if isinstance(one, Named) else _label(one)
        if label in found and isinstance(one, str) and ":" in one:  # two files, one name
            label = Path(one).name
        if label in found:
            raise ConfigError(f"'{label}' is named twice among the objectives; leave one out.")
        found[label] = one if isinstance(one, Named) else objective_from(one)
    return found


def _label(text: str) -> str:
    """gspo(low=1e-3) as it is; the value's name of file.py:value, or with the file's where an
    algorithm is called so."""
    if text.partition("(")[0] in NAMES:
        return text
    name = text.rpartition(":")[2]
    return Path(text).name if name in NAMES else name


def split(text: str) -> list[str]:
    """A list split at its commas, but not within parentheses: gspo(low=1e-3,high=2e-3),grpo are
    two."""
    found, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found if part.strip()]
