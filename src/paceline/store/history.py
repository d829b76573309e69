"""Changes of a run's config from one session to the next: which may be, and which have to be
named."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import ConfigError
from ..text import clipped
from .description import Changes, Environment
from .folder import CONFIG_FILE
from .hints import go_on_with
from .records import Event
from .run import Run

SAFE_KEYS = (
    "name", "out", "save_every", "save_keep", "show_every", "watch", "tracker",
    "tokens_per_forward", "rows_at_once", "evaluation", "rewards.workers", "model.device",
    "optimizer.offload",
)  # fmt: skip
"""Keys and sections that may change without being named: they change no step, except by rounding.
The same holds for `steps`, as long as the learning rate does not fall towards the last step."""
FIXED_KEYS = (
    "seed", "schedule", "model.dtype", "model.quantisation", "model.layers", "optimizer.moments",
    "lora.rank", "lora.alpha", "lora.stabilised", "lora.layers", "lora.merge", "critic.body",
    "critic.layers", "critic.path", "critic.warmup",
)  # fmt: skip
"""Keys and sections that cannot change within a run: a checkpoint would not fit, or would mean
something else."""
ROUND_KEYS = ("objective", "task", "rollouts", "reference")
"""Keys and sections that a round was sampled and scored with: they change between rounds only."""
MEMORY_LIMIT_KEYS = ("tokens_per_forward", "rows_at_once")
"""Keys that limit memory, which may have been lowered when memory ran out."""


def config_changes(
    path: Path, old: Mapping[str, Any], new: Mapping[str, Any], named: Collection[str]
) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ between a run's config and the one that is asked for, with both
    values.

    Args:
        path: the run's directory, for the sentences.
        named: keys and sections that may change although they change the result.

    Raises: ConfigError if a key cannot change, or would change the result and is not named.
    """
    ours, theirs = flat(old), flat(new)
    changes = {
        key: (ours.get(key), theirs.get(key))
        for key in {**ours, **theirs}
        if ours.get(key) != theirs.get(key)
    }
    steady = theirs["optimizer.decay"] == "constant"
    for key, (was, now) in changes.items():
        if within(key, SAFE_KEYS) or (key == "steps" and steady):
            continue
        value, title = configuration.as_typed(key, now), key.removesuffix(".type")
        here, there = clipped(value), clipped(configuration.as_typed(key, was))
        differs = f"{title} is {here} here and {there} in the run"
        if within(key, FIXED_KEYS):
            raise ConfigError(
                f"{differs}, and cannot change within a run; choose another --out for a new run."
            )
        if not within(key, named):
            raise ConfigError(
                f"{differs}, which changes the results; choose another --out for a new run, resume "
                f"without the change, or name it: {go_on_with(path, old, title, value)}."
            )
    return changes


def within(key: str, sections: Collection[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of a config as JSON; an objective, a reward or a function is one value."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        one = key in ("objective", "reward")
        whole = not isinstance(value, Mapping) or one or "function" in value
        found |= {f"{prefix}{key}": value} if whole else flat(value, f"{prefix}{key}.")
    return found


def record_resume(
    run: Run,
    config: Config,
    objective: str,
    now: Environment,
    changes: Changes,
    step: int,
    others: list[str],
) -> None:
    """Keep the run's new settings, with the step from which they hold: in config.json, and as an
    event.

    Args:
        config: the config as it was requested, so that requesting it again is no change.
        objective: repr of the objective, with its constants filled in.
        step: the steps taken so far.
        others: other differences, for the event.
    """
    was = run.description
    is_now = was.resumed(configuration.to_json(config), objective, now, changes, step)
    if is_now is not was:
        run.write_json(CONFIG_FILE, is_now.to_json())
    run.append_event(Event.now("resumed", step, "; ".join(others)))
