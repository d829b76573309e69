"""From the words of a command line to a config."""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config import Config, Line
    from ..tasks import TaskSource

SHORT_FLAGS = {"model": ("model.path",), "data": ("task.data", "task.path")}
"""Short flags, each with the keys that it may stand for; the first that the config has counts."""

PROSE_KEYS = ("task.user", "task.system", "task.question")
"""Keys with text for the model, in which \\n stands for the end of a line: few shells let one type
it."""
_OF_MODEL = (
    "model.dtype", "model.device", "model.chat_template", "model.quantisation", "lora.start",
    "rows_at_once", "seed",
)  # fmt: skip
EVAL_KEYS = ("task", "task.KEY", "evaluation.KEY", "rollouts.max_tokens", "rewards.KEY", *_OF_MODEL)
"""Keys of `paceline eval`; KEY stands for every key of a section, but for those of IDLE_KEYS."""
SAMPLE_KEYS = (
    "task", "task.KEY", "rollouts.max_tokens", "evaluation.max_tokens", "evaluation.temperature",
    "evaluation.top_p", "evaluation.top_k", "evaluation.min_p", *_OF_MODEL,
)  # fmt: skip
"""Keys of `paceline sample`."""
CHAT_KEYS = (*SAMPLE_KEYS, "rewards.KEY")
"""Keys of `paceline chat`."""
TASKS_KEYS = ("task.KEY", "rewards.workers", "rewards.seconds")
"""Keys of `paceline tasks check`."""
IDLE_KEYS = ("evaluation.every",)
"""Keys that training alone uses, of sections that other commands use too."""
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

    sampled = config.answers == "sampled"
    config = apply(config, {k: v for k, v in changes.items() if k in CHOSEN})
    given = changes.get("answers", config.answers) == "given"
    if given and sampled:
        config = _without_sampling(config)
    if "data" in changes and "task" not in changes and given:
        config = _learning_from(config, changes["data"])
    have = {key.path for key in keys(config)}
    if "data" in changes and have.isdisjoint(SHORT_FLAGS["data"]):
        raise ConfigError(
            f"Task {task_name(config.task)} reads no rows, so --data would change nothing; add "
            "--task rows to learn from rows of yours."
        )
    rest = {
        next((path for path in SHORT_FLAGS.get(key, ()) if path in have), key): text
        for key, text in changes.items()
        if key not in CHOSEN
    }
    return apply(config, rest)


def _without_sampling(config: "Config") -> "Config":
    """The config of a recipe that samples, for rows that bring their completions: what it says of
    sampling would mean nothing."""
    from ..preflight.rows import OF_SAMPLING
    from ..settings import RolloutConfig, ScheduleConfig

    usual = RolloutConfig()
    return config.with_(
        rollouts={name: getattr(usual, name) for name in OF_SAMPLING}, schedule=ScheduleConfig()
    )


def _learning_from(config: "Config", place: str) -> "Config":
    """The config with the task whose rows bring what its objective learns from: the answers that a
    run has kept, or rows of pairs or of demonstrations. A task that reads rows of its own and has
    gold answers, such as gsm8k, stays."""
    from ..config import keys
    from ..store.folder import is_run
    from ..tasks import by_name, name_of

    pairs = config.objective.whole_groups
    name = "preferences" if pairs else "demonstrations"
    if is_run(Path(place)):
        name = "kept"
    reads = "task.data" in {key.path for key in keys(config)}
    if name == "demonstrations" and reads:
        return config
    if name_of(type(config.task)) != name:
        config = config.with_(task=by_name(name)())
    return config.with_(**{"task.pairs": pairs}) if name == "kept" else config


def task_name(task: "TaskSource") -> str:
    """The name that --task takes; the class's name for a user's own task."""
    from ..tasks import name_of

    return name_of(type(task)) or type(task).__name__


def refuse_idle(command: str, changes: dict[str, str], taken: Sequence[str]) -> None:
    """Raise ConfigError for a key that would change nothing under a command.

    Args:
        taken: keys that change something; KEY stands for every key of a section.
    """
    sections = tuple(key.removesuffix("KEY") for key in taken if key.endswith(".KEY"))
    for key in changes:
        meant = next((path for path in SHORT_FLAGS.get(key, ()) if path.startswith(sections)), key)
        of_section = meant.startswith(sections) and meant not in IDLE_KEYS
        if not of_section and meant not in taken:
            raise ConfigError(
                f"`paceline {command}` takes no key '{key}', as it would change nothing; its keys "
                f"are {', '.join(taken)}."
            )


def configured(known: argparse.Namespace, changes: dict[str, str]) -> "Config":
    """The config of a command's recipe with its keys changed. Raises: ConfigError where the recipe
    was left out."""
    from ..recipes import LINES, NAMES

    if known.recipe is None or "=" in known.recipe:  # a key, where the recipe was left out
        there_are = [*NAMES, *LINES] if known.command == "compare" else NAMES
        raise ConfigError(
            f"Which recipe? For example `paceline {known.command} demo`; there are "
            f"{', '.join(there_are)}, and a file.py:function, a config.toml or a run's config.json "
            "does as well."
        )
    return changed(config_of(known.recipe), changes)


def config_of(recipe: str) -> "Config":
    """The config that a recipe's name, file.py:function, config.toml or config.json stands for."""
    from ..config import Line

    found = found_as(recipe)
    if isinstance(found, Line):
        raise ConfigError(
            f"'{recipe}' is a line of several stages and of ways to go on from them "
            f"({', '.join(found.ways)}); `paceline compare {recipe}` makes all of it."
        )
    return found


def found_as(recipe: str) -> "Config | Line":
    """Everything that a recipe may stand for: a config, or a line of several."""
    from .. import config, recipes
    from ..verify import load_function

    if recipe.endswith(".toml") or recipe.endswith(".json"):
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"There is no file '{recipe}'.")
        if recipe.endswith(".toml"):
            name, changes = config.read_toml(path)
            try:
                return changed(config_of(name), changes)
            except ConfigError as error:
                raise ConfigError(f"In '{recipe}': {error}") from error
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ConfigError(f"'{recipe}' is not a JSON file: {error}.") from None
        if not isinstance(data, dict) or "config" not in data:
            raise ConfigError(f"'{recipe}' is not a run's config.json: it has no key 'config'.")
        return config.from_json(data["config"]).with_(out=None)
    if ":" in recipe:
        made = load_function(recipe)()
        if not isinstance(made, config.Config | config.Line):
            raise ConfigError(
                f"'{recipe}' does not return a Config; return one, such as paceline.recipes.demo()."
            )
        return made
    return recipes.LINES[recipe]() if recipe in recipes.LINES else recipes.by_name(recipe)
