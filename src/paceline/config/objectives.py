"""Objectives as text: one by name or file, and several with the labels that tell them apart."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, nearest
from ..objective import NAMES, Objective, named
from ..verify import load_function


def objective_from(text: str) -> Objective:
    """An objective by name: grpo, gspo(low=1e-3, kl=0.01), or file.py:name, where name is an
    Objective or a function that returns one.

    Raises: ConfigError for an unknown name or argument.
    """
    if ":" in text:
        return _loaded(text)
    name, _, rest = text.partition("(")
    if not rest:
        return named.by_name(name)
    named.by_name(name)  # an unknown name is told before its arguments are read
    arguments = _arguments(text)
    if arguments is None:
        raise ConfigError(f"'{text}' is no objective; write {name}(low=0.2, kl=0.01).")
    known = list(inspect.signature(named.NAMES[name]).parameters)
    for argument in arguments:
        if argument not in known:
            raise ConfigError(
                f"{name} has no argument '{argument}'.{nearest(argument, known)} It has "
                f"{', '.join(known)}."
            )
    return named.NAMES[name](**arguments)


def _loaded(text: str) -> Objective:
    """The value of file.py:name, or what it returns."""
    found = load_function(text)
    if not isinstance(found, Objective):
        try:
            inspect.signature(found).bind()
        except TypeError:
            raise ConfigError(
                f"'{text}' is no Objective, and a function that makes one takes no arguments."
            ) from None
        found = found()
    if not isinstance(found, Objective):
        raise ConfigError(f"'{text}' is no Objective and returns none.")
    return found


def _arguments(text: str) -> dict[str, Any] | None:
    """{"low": 0.2} of grpo(low=0.2); None where that is not its form."""
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            return None
        return {k.arg or "": ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError):
        return None


def labelled(
    objectives: Mapping[str, Objective] | Sequence[str | Objective],
) -> dict[str, Objective]:
    """Objectives by label: names and file.py:value are read, values of named ones get their name.

    Raises: ConfigError for an unknown name, a value without a name, and one that is named twice.
    """
    if isinstance(objectives, Mapping):
        return dict(objectives)
    names = {make(): name for name, make in NAMES.items()}
    found: dict[str, Objective] = {}
    for one in objectives:
        if isinstance(one, Objective) and one not in names:
            raise ConfigError(
                f"{one!r} is none of the named objectives with their defaults; give labels: "
                'objectives={"mine": …}.'
            )
        label = names[one] if isinstance(one, Objective) else _label(one)
        if label in found and isinstance(one, str) and ":" in one:  # two files, one name
            label = Path(one).name
        if label in found:
            raise ConfigError(f"'{label}' is named twice among the objectives; leave one out.")
        found[label] = one if isinstance(one, Objective) else objective_from(one)
    return found


def _label(text: str) -> str:
    """gspo(low=1e-3) as it is; the value's name of file.py:value, or with the file's where an
    algorithm is called so."""
    if text.partition("(")[0] in NAMES:
        return text
    name = text.rpartition(":")[2]
    return Path(text).name if name in NAMES else name


def split(text: str) -> list[str]:
    """At commas, but for those within parentheses: gspo(low=1e-3,high=2e-3),grpo are two."""
    found, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found if part.strip()]
