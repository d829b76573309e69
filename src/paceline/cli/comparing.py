"""From the words of `paceline compare` to what is compared: a config, several, or a line of
stages."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .configured import changed, config_of, configured, found_as

if TYPE_CHECKING:
    from ..config import Config, Line


def compared(
    known: argparse.Namespace, changes: dict[str, str]
) -> "Config | dict[str, Config] | Line":
    """The config, the line or the configs by recipe that a comparison is of, with keys changed in
    all that are compared."""
    from ..config import Line

    if known.more:
        recipes = [known.recipe, *known.more]
        if twice := next((one for one in recipes if recipes.count(one) > 1), None):
            raise ConfigError(f"'{twice}' is named twice among the recipes; leave one out.")
        return {recipe: changed(config_of(recipe), dict(changes)) for recipe in recipes}
    found = found_as(known.recipe) if known.recipe and "=" not in known.recipe else None
    if not isinstance(found, Line):
        return configured(known, changes)
    return changed_line(found, changes)


def changed_line(line: "Line", changes: dict[str, str]) -> "Line":
    """The line with keys changed in all that is compared. Those of the task are changed in every
    stage of the same task too, so that --data is read by all of them, and those of the model
    wherever it is not one that a stage leaves.

    Raises: ConfigError for a key that would make all ways the same.
    """
    from ..config import Line

    for key in ("objective", "answers", "task"):
        if key in changes:
            raise ConfigError(
                f"'{line.name}' compares ways that differ in what they learn from, so that {key} "
                "cannot be set for all of them; leave it out, or compare recipes of your own."
            )
    kind, left = type(line.stages[0].task), [f"{stage.out}/" for stage in line.stages]
    of_task = {key for key in changes if key == "data" or key.startswith("task.")}
    of_model = {key for key in changes if key == "model" or key.startswith("model.")}

    def own(config: "Config", taken: Iterable[str]) -> "Config":
        idle = set[str]()
        if type(config.task) is not kind:
            idle |= of_task
        if str(config.model.path).startswith(tuple(left)):
            idle |= of_model
        return changed(config, {key: changes[key] for key in taken if key not in idle})

    stages = (own(stage, of_task | of_model) for stage in line.stages)
    ways = {label: own(config, changes) for label, config in line.ways.items()}
    return Line(line.name, tuple(stages), ways)
