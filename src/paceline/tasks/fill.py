"""Names in braces in a user's turn: {prompt}, and other columns of the row.

Braces that are arguments of LaTeX (\\boxed{answer}, x^{n}) and braces around anything but a name
are plain text, and so is a name in two pairs of braces: {{answer}} is read as {answer}.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from ..errors import ConfigError, nearest

PROMPT = "prompt"
"""Name in braces that stands for the problem's text."""
_BRACES = re.compile(
    r"(?P<latex>\\[A-Za-z]{2,}\s*(?:\{[^{}]*\})+|[\^_]\{[^{}]*\})"
    r"|\{\{(?P<letters>[^\W\d][\w.-]*)\}\}"
    r"|\{(?P<name>[^{}\n]+)\}"
)
_NAME = re.compile(r"[^\W\d][\w.-]*")


def names_in(user: str, columns: Sequence[str] = ()) -> list[str]:
    """The names in braces that are to be filled in, {prompt} among them, each once.

    Args:
        columns: names that count whatever letters they have; without them only words do.
    """
    return list(dict.fromkeys(_names(user, columns)))


def _names(user: str, columns: Sequence[str]) -> Iterator[str]:
    for found in _BRACES.finditer(user):
        name = found["name"]
        if found["latex"] and f"{{{PROMPT}}}" in found["latex"]:
            yield PROMPT
        elif name is not None and (name in columns or _NAME.fullmatch(name)):
            yield name


def fill(user: str, values: Mapping[str, str]) -> str:
    """The user's turn with these values in place of their names."""

    def one(found: re.Match[str]) -> str:
        if found["letters"] is not None:
            return f"{{{found['letters']}}}"
        if found["latex"] is not None:
            # The problem is always asked: "\\quad {prompt}" looks like an argument and is none.
            return found[0].replace(f"{{{PROMPT}}}", values.get(PROMPT, f"{{{PROMPT}}}"))
        return values.get(found["name"], found[0])

    return _BRACES.sub(one, user)


def check_filled(user: str, columns: Sequence[str] = (), hidden: str | None = None) -> list[str]:
    """The columns that a user's turn names besides {prompt}.

    Args:
        columns: all that there are to fill in.
        hidden: the column of expected answers, which a model must not read.

    Raises: ConfigError for a name that is no column, and for the hidden one.
    """
    others = [name for name in names_in(user, columns) if name != PROMPT]
    for name in others:
        letters = f"if these letters themselves are meant, write {{{{{name}}}}}"
        if hidden is not None and _inside(name, hidden):
            raise ConfigError(
                f"task.user has {{{name}}}, where the expected answers are, so the model would "
                f"read them; take it out, or, {letters}."
            )
        if name not in columns and name.partition(".")[0] not in columns:
            there = f"the rows have [{', '.join(columns)}]" if columns else "only {prompt} is there"
            raise ConfigError(
                f"task.user has {{{name}}}, and {there} to fill in.{nearest(name, list(columns))} "
                f"Or, {letters}."
            )
    return others


def _inside(name: str, hidden: str) -> bool:
    """True if one of two columns holds the other, as reward_model does reward_model.answer."""
    return f"{name}.".startswith(f"{hidden}.") or f"{hidden}.".startswith(f"{name}.")
