"""Checks of all runs, each by itself and all together, before the first starts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ... import config as configuration
from ...config import Config
from ...errors import ConfigError
from ...preflight.critic import check_critic
from ...preflight.estimate import Disk
from ...preflight.fingerprint import fingerprints, of_code
from ...preflight.limits import check_disk
from ...preflight.preflight import Preflight, check, check_group
from ...preflight.reference import check_reference
from ...preflight.rows import check_answers, check_fits_rows
from ...store.history import flat, within
from ...verify.calling.load import is_of_session
from .arms import Arm
from .planned import Planned

UPDATE_KEYS = ("name", "objective", "optimizer")
"""Keys and sections that change no finding of a whole check, except for what is checked of each arm
and for the passes that an objective needs."""


def check_all(runs: Sequence[Planned], path: Path, jobs: int) -> dict[str, Preflight]:
    """Label -> findings about its runs.

    A whole check takes seconds, so it is made once for all arms that differ only in their update.
    """
    whole: dict[str, Preflight] = {}
    found: dict[str, Preflight] = {}
    for arm in {p.arm.label: p.arm for p in runs}.values():
        kind = _kind(arm)
        if kind not in whole:
            whole[kind] = check(arm.config, path=path)
        check_keys(arm.label, arm.config)
        if (rows := whole[kind].loaded.rows) is not None:
            check_fits_rows(arm.config.objective, rows)
        _check_judged(whole[kind])
        found[arm.label] = whole[kind]
    read = {id(one): fingerprints(one.loaded) for one in whole.values()}
    for one in runs:
        checked = found[one.arm.label]
        code = of_code(configuration.to_json(one.arm.config))
        dtype = checked.loaded.dtype_name
        one.check(read[id(checked)] | {"code": code}, dtype)
    _check_room(found, runs, jobs)
    return found


def check_keys(label: str, config: Config) -> None:
    """Check everything of an arm that can be told from its keys alone.

    Raises: ConfigError.
    """
    check_answers(config)
    check_critic(config)
    check_reference(config)
    if config.answers == "sampled":
        check_group(config)
    _check_record(label, config)


def _check_judged(checked: Preflight) -> None:
    """Raise ConfigError for a task whose answers nobody judges."""
    task = checked.loaded.task
    if not task.judged:
        raise ConfigError(
            f"A comparison is of accuracy on held-out problems, and task '{task.name}' has no "
            "reward; set task.reward, or look at the likelihood in each run's report."
        )


def _kind(arm: Arm) -> str:
    data = flat(configuration.to_json(arm.config))
    kept = {key: value for key, value in data.items() if not within(key, UPDATE_KEYS)}
    objective = arm.config.objective
    asks = (
        objective.needs_reference, objective.needs_anchor_for_advantages,
        objective.needs_values, objective.whole_groups, objective.of_scores,
    )  # fmt: skip
    return repr((kept, asks))


def _check_record(label: str, config: Config) -> None:
    """Raise ConfigError if a separate process could not read its task."""
    record = configuration.to_json(config)
    if is_of_session(reward := record["task"].get("reward")):
        raise ConfigError(
            f"The reward '{reward.partition(':')[2]}' was written in this Python session, and a "
            "comparison makes its runs in processes of their own; put it into a file, and give it "
            "as reward='path/to/file.py:name'."
        )
    try:
        again = configuration.to_json(configuration.from_json(record))
    except ConfigError as error:
        raise ConfigError(f"'{label}' cannot be handed to a process of its own: {error}") from error
    if again != record:
        raise ConfigError(
            f"'{label}' cannot be handed to a process of its own: read back from its record it "
            "is another. Write its parts as functions or frozen dataclasses at the top of a file."
        )


def _check_room(checked: Mapping[str, Preflight], runs: Sequence[Planned], jobs: int) -> None:
    """Raise ConfigError if all runs together would fill the disk."""
    left = Counter(p.arm.label for p in runs if p.state != "finished")
    needs = [(checked[label].estimate.disk, count) for label, count in left.items()]
    if not needs:
        return
    at_once = sorted((d.checkpoints for d, count in needs for _ in range(count)), reverse=True)
    together = Disk(
        checkpoints=sum(at_once[:jobs]),
        model=sum(disk.model * count for disk, count in needs),
        rollouts=sum(disk.rollouts * count for disk, count in needs),
        checkpoint=max(disk.checkpoint for disk, _ in needs),
    )
    check_disk(together, next(iter(checked.values())).estimate.room)
