"""Objectives as text: one by name or file, and several with the labels that tell them apart."""

import ast
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ConfigError, nearest
from ..objective import NAMES, Objective, named
from ..verify import load_function


def objective_from(text: str) -> Objective:
    """An objective by name: grpo, gspo(low=1e-3, kl=0.01), or file.py:name, where name is an
    Objective or a function that returns one.

    Raises: ConfigError for an unknown name or argument.
    """
    if ":" in text:
        found = load_function(text)
        found = found if isinstance(found, Objective) else found()
        if not isinstance(found, Objective):
            raise ConfigError(f"'{text}' is no Objective and returns none.")
        return found
    name, _, rest = text.partition("(")
    if not rest:
        return named.by_name(name)
    named.by_name(name)  # an unknown name is told before its arguments are read
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        arguments = {k.arg or "": ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise ConfigError(f"'{text}' is no objective; write {name}(low=0.2, kl=0.01).") from None
    known = list(inspect.signature(named.NAMES[name]).parameters)
    for argument in arguments:
        if argument not in known:
            raise ConfigError(
                f"{name} has no argument '{argument}'.{nearest(argument, known)} It has "
                f"{', '.join(known)}."
            )
    return named.NAMES[name](**arguments)


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
    """gspo(low=1e-3) as it is; the value's name of file.py:value."""
    return text if text.partition("(")[0] in NAMES else text.rpartition(":")[2]


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
