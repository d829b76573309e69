"""What may change from one sitting of a run to the next, what config.json keeps of it, and the
config of any step."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import ConfigError
from .check import Checked
from .plan import fingerprints
from .run import Run

Changes = Mapping[str, tuple[Any, Any]]
"""Key -> (the run's own value, the one asked for)."""
SAFE = (
    "name", "out", "save_every", "save_keep", "show_every", "tokens_per_forward", "rows_at_once",
    "evaluation", "rewards.workers", "model.device",
)  # fmt: skip
"""Keys, and sections, that may change without being named: they change no step, to rounding. So
does `steps`, as long as the learning rate does not fall towards the last one."""
FIXED = ("seed", "schedule", "model.dtype")
"""Those that cannot change within a run: a checkpoint would not fit, or mean something else."""
OF_A_ROUND = ("objective", "task", "rollouts", "reference")
"""Those that a round was sampled and scored with: they change between rounds only."""
LIMITS = ("tokens_per_forward", "rows_at_once")


@dataclass(frozen=True, slots=True)
class Change:
    """What was not as before when a run went on: an entry of `changes` in config.json."""

    step: int
    """Later steps were taken with it."""
    keys: Changes
    """Of the config."""


def changes_of(data: Mapping[str, Any]) -> list[Change]:
    """Those of a run, in the order in which they were made.

    Args:
        data: its config.json.
    """
    return [Change(**entry) for entry in data.get("changes", [])]


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], named: Collection[str]
) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ.

    Raises: ConfigError where one cannot change, or would change what comes out and is not named.
    """
    ours, theirs = flat(old), flat(new)
    changes = {
        key: (ours.get(key), theirs.get(key))
        for key in {**ours, **theirs}
        if ours.get(key) != theirs.get(key)
    }
    steady = theirs["optimizer.decay"] == "constant"
    for key, (was, now) in changes.items():
        if within(key, SAFE) or (key == "steps" and steady):
            continue
        told = f"{key} is {now!r} here and {was!r} in the run"
        if within(key, FIXED):
            raise ConfigError(f"{told}, and cannot change within a run; start a new one with it.")
        if not within(key, named):
            raise ConfigError(
                f"{told}, which changes what comes out; go on without it, or name it: "
                f"`paceline resume RUN {key}={now}`."
            )
    return changes


def within(key: str, sections: Collection[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of a config as JSON; an objective or a function is one value."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        whole = not isinstance(value, Mapping) or key == "objective" or "function" in value
        found |= {f"{prefix}{key}": value} if whole else flat(value, f"{prefix}{key}.")
    return found


def as_begun(config: Config, data: Mapping[str, Any]) -> Config:
    """The config in the dtype that `auto` meant where the run of this config.json began."""
    meant = {"bfloat16": "bf16", "float32": "fp32"}[data["machine"]["dtype"]]
    return config.with_(**{"model.dtype": meant})


def as_of(data: Mapping[str, Any], step: int) -> dict[str, Any]:
    """The config as JSON under which a step was taken: later changes are taken back.

    Args:
        data: the run's config.json.
    """
    then = deepcopy(data["config"])
    for change in reversed([c for c in changes_of(data) if c.step >= step]):
        for key, (was, _) in change.keys.items():
            *sections, name = key.split(".")
            section = then
            for part in sections:
                if not isinstance(section.get(part), dict):  # there was another one there since
                    section[part] = {}
                section = section[part]
            section[name] = was
    return then


def record(
    run: Run, config: Config, checked: Checked, changes: Changes, step: int, others: list[str]
) -> None:
    """Keep what the run goes on with, and since when: in config.json, and as an event.

    Args:
        config: as it was asked for, so that asking for it again is no change.
        step: the steps taken so far.
        others: what else is not as it was, for the event.
    """
    data, now = run.config, fingerprints(checked)
    # Steps behind the checkpoint are taken again, with what the run goes on with now.
    kept = [replace(c, step=min(c.step, step)) for c in changes_of(data)]
    if changes or data["fingerprints"] != now:
        kept.append(Change(step, changes))
    if kept != changes_of(data):
        data["config"] = configuration.to_json(config)
        data["objective"], data["fingerprints"] = repr(checked.objective), now
        data["changes"] = [asdict(change) for change in kept]
        run.write_json("config.json", data)
    run.event("resumed", "; ".join(others), step)
