"""The arms of a comparison: one config for every objective and every value of a varied key."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...config import Config, EvalConfig, apply, split
from ...errors import ConfigError
from ...objective.named import Named
from ...settings import CriticConfig

EVALUATION_INTERVALS = 4
"""Number of intervals between evaluations in a run, if the recipe has no evaluations during
training."""
KEYS_OF_EACH_RUN = ("seed", "out", "name")
"""Keys that every run of a comparison sets for itself."""
MEASURE_KEYS = ("evaluation",)
"""Keys and sections that must be alike, because otherwise the measurements would differ."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the compared settings.

    Example: Arm("gspo optimizer.lr=1e-06", config)
    """

    label: str
    """The label in tables."""
    config: Config
    """The config of its runs, except for the seed and the directory."""

    @property
    def folder(self) -> str:
        """The label as a directory's name."""
        return re.sub(r"[^\w.=+-]+", "-", self.label.replace(")", "")).lstrip("-.") or "unnamed"


def arms_of(
    config: Config, objectives: Mapping[str, Named], vary: Mapping[str, Sequence[object]]
) -> list[Arm]:
    """Every objective with every value of the varied keys, in that order.

    Args:
        objectives: objectives by label; if empty, the config's own.
        vary: key -> its values, as they are or as text.

    Raises: ConfigError for an unknown key or a value of the wrong type, for a key that cannot be
        varied, if two are the same, and if there is nothing to compare.
    """
    found = []
    with_critic = any(objective.needs_values for objective in objectives.values())
    for label, objective in objectives.items() or [("", config.objective)]:
        start = config.with_(objective=objective)
        if with_critic and not objective.needs_values:  # its keys are for those that have one
            start = start.with_(critic=CriticConfig())
        found.append((label, start))
    return _arms(found, vary)


def arms_of_configs(
    configs: Mapping[str, Config], vary: Mapping[str, Sequence[object]]
) -> list[Arm]:
    """Every one of several configs with every value of the varied keys, in that order.

    Raises: as `arms_of`; ConfigError for configs that are measured in different ways.
    """
    first, *others = configs.items()
    for label, config in others:
        if _measured(config) != _measured(first[1]):
            raise ConfigError(
                f"'{label}' and '{first[0]}' are measured in different ways, so that their figures "
                "could not be compared; give both the same section evaluation."
            )
    return _arms(list(configs.items()), vary)


def _measured(config: Config) -> EvalConfig:
    """The way in which a config is measured, however often that is."""
    return replace(config.evaluation, every=0)


def _arms(starts: Sequence[tuple[str, Config]], vary: Mapping[str, Sequence[object]]) -> list[Arm]:
    """Every start with every value of the varied keys."""
    _check_keys(vary)
    found = []
    for label, start in starts:
        for values in itertools.product(*vary.values()):
            pairs = {key: _text(value) for key, value in zip(vary, values, strict=True)}
            words = [label, *(f"{key}={text}" for key, text in pairs.items())]
            own = apply(start, pairs)
            if own.epochs:
                raise ConfigError(
                    f"epochs is {own.epochs}, and a comparison is drawn by steps, which the rows "
                    "would decide; set epochs=0 and steps."
                )
            found.append(Arm(" ".join(w for w in words if w), evaluated(own)))
    _check(found)
    return found


def _text(value: object) -> str:
    """A value as on the command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def evaluated(config: Config) -> Config:
    """The config with evaluations during training, at ends of rounds.

    Raises: ConfigError if there is nothing to measure, or to train.
    """
    if not config.evaluation.problems:
        raise ConfigError(
            "A comparison is measured on held-out problems, and evaluation.problems is 0; set it "
            "to 500, say."
        )
    if not config.steps:
        raise ConfigError("steps is 0, and a comparison is one of training; set it to 1 or more.")
    if config.evaluation.every:
        return config
    parts = config.schedule.parts
    rounds = -(-config.steps // parts)
    return config.with_(**{"evaluation.every": -(-rounds // EVALUATION_INTERVALS) * parts})


def _check_keys(vary: Mapping[str, Sequence[object]]) -> None:
    for key, values in vary.items():
        if isinstance(values, str) or len(values) < 2:
            raise ConfigError(
                f"To vary {key} takes at least two values, such as optimizer.lr=1e-6,5e-6, not "
                f"{values!r}."
            )
        if key in KEYS_OF_EACH_RUN:
            raise ConfigError(f"{key} cannot be varied: every run has its own.")
        if key.partition(".")[0] in MEASURE_KEYS:
            raise ConfigError(
                f"{key} cannot be varied: it says how all are measured, and what is measured "
                "differently cannot be compared."
            )


def _check(arms: Sequence[Arm]) -> None:
    if len(arms) < 2:
        raise ConfigError(
            "A comparison needs at least two things to compare; name objectives (--objectives "
            "grpo,gspo) or values of a key (--vary optimizer.lr=1e-6,5e-6)."
        )
    limits = {arm.config.evaluation.max_tokens or arm.config.rollouts.max_tokens for arm in arms}
    if len(limits) > 1:
        raise ConfigError(
            "With rollouts.max_tokens the length of held-out answers would vary, and with it what "
            f"is measured; set evaluation.max_tokens={max(limits)}, say, for all."
        )
    for one, other in itertools.combinations(arms, 2):
        if one.config == other.config:
            raise ConfigError(
                f"'{one.label}' and '{other.label}' are the same, and would give the same runs; "
                "leave one out."
            )
        if one.folder.lower() == other.folder.lower():
            raise ConfigError(
                f"'{one.label}' and '{other.label}' would share the directory "
                f"'{one.folder}'; give one of them another label."
            )


def varied(words: Sequence[str]) -> dict[str, list[str]]:
    """The option --vary KEY=VALUE,VALUE as a mapping. Raises: ConfigError if it has another
    form."""
    found: dict[str, list[str]] = {}
    for word in words:
        key, _, values = word.partition("=")
        if key in found:
            raise ConfigError(f"--vary names {key} twice; give all its values at once.")
        found[key] = split(values)
    return found
