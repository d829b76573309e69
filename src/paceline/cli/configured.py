"""From the words of a command line to a config."""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config import Config

SHORT_FLAGS = {"model": ("model.path",), "data": ("task.data", "task.path")}
"""Short flags, each with the keys that it may stand for; the first that the config has counts."""

PROSE_KEYS = ("task.user", "task.system", "task.question")
"""Keys with text for the model, in which \\n stands for the end of a line: few shells let one type
it."""
_LINE_END = re.compile(
    r"\\n(?!(?:abla|atural|e|earrow|eg|eq|ewline|exists|geq|i|leq|mid|ot|otin|u)(?![a-z]))"
)
"""\\n, but not as the start of \\neq, \\nu and others of LaTeX's."""


def overrides(rest: Sequence[str], known: argparse.Namespace) -> dict[str, str]:
    """Keys and texts from what argparse did not know: --a.b v, --a.b=v and a.b=v."""
    flags = vars(known)
    found = {name: flags[name] for name in flags.get("flags", ()) if flags[name] is not None}
    words = list(rest)
    while words:
        word = words.pop(0)
        key, equals, text = word.removeprefix("--").partition("=")
        if not equals:
            if not word.startswith("--") or not words:
                from ..config.foreign import counterpart

                no_value = f"'{word}' is not a key with a value; write {key}=VALUE."
                raise counterpart(key.replace("-", "_")) or ConfigError(no_value)
            text = words.pop(0)
        key = key.replace("-", "_")
        found[key] = _LINE_END.sub("\n", text) if key in PROSE_KEYS else text
    return found


def changed(config: "Config", changes: dict[str, str]) -> "Config":
    """The config with keys changed; short flags become the keys that they stand for."""
    from ..config import CHOSEN, apply, keys

    config = apply(config, {k: v for k, v in changes.items() if k in CHOSEN})
    have = {key.path for key in keys(config)}
    rest = {
        next((path for path in SHORT_FLAGS.get(key, ()) if path in have), key): text
        for key, text in changes.items()
        if key not in CHOSEN
    }
    return apply(config, rest)


def config_of(recipe: str) -> "Config":
    """The config that a recipe's name, file.py:function, config.toml or config.json stands for."""
    from .. import config, recipes
    from ..verify import load_function

    if recipe.endswith(".toml") or recipe.endswith(".json"):
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"There is no file '{recipe}'.")
        if recipe.endswith(".toml"):
            name, changes = config.read_toml(path)
            return changed(config_of(name), changes)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ConfigError(f"'{recipe}' is not a JSON file: {error}.") from None
        if not isinstance(data, dict) or "config" not in data:
            raise ConfigError(f"'{recipe}' is not a run's config.json: it has no key 'config'.")
        return config.from_json(data["config"]).with_(out=None)
    if ":" in recipe:
        made = load_function(recipe)()
        if not isinstance(made, config.Config):
            raise ConfigError(
                f"'{recipe}' does not return a Config; return one, such as paceline.recipes.demo()."
            )
        return made
    return recipes.by_name(recipe)
