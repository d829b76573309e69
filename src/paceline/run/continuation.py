"""What is looked for and compared before a run goes on; nothing of it is touched until all of that
is sound."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import CheckpointError, ConfigError
from ..preflight.load import Loaded
from ..store import atomic, checkpoint
from ..store.checkpoint import OtherSchemaError, State
from ..store.hints import go_on_with, start_again
from ..store.history import LIMITS, OF_A_ROUND, Changes, Environment, changes_of, within
from ..store.records import Event
from ..store.run import Run
from ..text import counted
from .screen import Screen

Found = tuple[Path, State]
"""A checkpoint that is whole, and what it holds besides tensors."""
Broken = tuple[Path, CheckpointError]
"""One that is not, and why."""


def config_of(run: Run, instead: Mapping[str, Any] | None = None) -> Config:
    """The config that a run was started or last gone on with.

    Args:
        instead: values by key that take the place of the run's own, which are not loaded then.
    """
    others = {key: configuration.to_json(value) for key, value in (instead or {}).items()}
    return configuration.from_json({**stored_config(run), **others})


def stored_config(run: Run) -> Mapping[str, Any]:
    """The same as JSON. Raises: ConfigError for a run that cannot be gone on with."""
    data = run.config
    if "id" not in data:
        raise ConfigError(
            f"'{run.path}' was made by a version of paceline that could not resume; start it again "
            f"with {start_again(run.path, data.get('config', {}))}."
        )
    return data["config"]


def find(run: Run) -> tuple[Found | None, list[Broken]]:
    """The newest checkpoint that is whole, and newer ones that are not. None where the run had not
    come to its first one.

    Raises: CheckpointError where there should be one, and none is whole.
    """
    found, broken = newest(run)
    for error in (error for _, error in broken if isinstance(error, OtherSchemaError)):
        raise error
    if found is not None:
        return found, broken
    if broken:
        told = "; ".join(f"{folder.name}: {why}" for folder, why in broken)
        raise CheckpointError(
            f"No checkpoint of '{run.path}' is whole ({told}); start it again with "
            f"{start_again(run.path, run.config['config'])}."
        )
    _check_young(run)
    return None, []


def newest(run: Run, before: int | None = None) -> tuple[Found | None, list[Broken]]:
    """The newest checkpoint that is whole, if there is one, and newer ones that are not.

    Args:
        before: only of those with fewer steps than that; None looks at all.
    """
    broken: list[Broken] = []
    for folder in checkpoint.saved(run.checkpoints) if run.checkpoints.is_dir() else ():
        if before is not None and checkpoint.step_of(folder) >= before:
            continue
        try:
            state = checkpoint.verify(folder, run.config["id"])
            _check_beside(run, state)
        except CheckpointError as error:
            broken.append((folder, error))
            continue
        return (folder, state), broken
    return None, broken


def _check_beside(run: Run, state: State) -> None:
    """Raise CheckpointError where what belongs to a checkpoint and is not in it is not whole: the
    lines up to it, and the round in use."""
    size = run.lines.stat().st_size if run.lines.exists() else 0
    if size < state.metrics_bytes:
        raise CheckpointError(f"{run.lines.name} has only {size} of {state.metrics_bytes} bytes")
    if state.round is None:
        return
    path = run.rollouts_of(state.rounds - 1)
    try:
        same = atomic.measured(path).sha256 == state.round
    except OSError:
        raise CheckpointError(f"the round in use, {path.name}, cannot be read") from None
    if not same:
        raise CheckpointError(f"the round in use, {path.name}, has other bytes than it had")


def _check_young(run: Run) -> None:
    """Beginning again must lose less than a checkpoint's interval."""
    steps, config = run.steps, run.config["config"]
    every = config["save_every"]
    if steps > every:
        why = "they are gone, or could not be saved" if every else "save_every is 0"
        raise CheckpointError(
            f"'{run.path}' made {counted(steps, 'step')} and has no checkpoint to go on from "
            f"({why}); start it again with {start_again(run.path, config)}."
        )


def check_fits(
    run: Run,
    loaded: Loaded,
    now: Environment,
    changes: Changes,
    named: Collection[str],
    found: Found | None,
) -> None:
    """Find what does not fit what the run has.

    Raises: DataError or ConfigError where problems or tokenizer are others under the same name, a
        run that begins again would begin with another model, a change does not fit into the round
        in use, or a reference is not in the checkpoint.
    """
    if found is not None:
        _check_round(run, changes, found)
        reference = loaded.config.reference
        needed = loaded.objective.needs_reference and reference.every > 0
        if needed and not checkpoint.holds(found[0], "reference"):
            raise ConfigError(
                f"The run's checkpoint has no reference that follows the policy, as "
                f"reference.every={reference.every} would need; with reference.every=0 the "
                "reference is the model that the run began with."
            )
    was = Environment.at(run.config)
    if not any(within(key, ("task",)) for key in named):
        change = go_on_with(run.config["config"], "task.KEY", "…")
        was.check_same(now, "problems", f"put the old ones back, or name the change: {change}")
    was.check_same(now, "tokenizer")
    if found is None:
        again = "put the old ones back, or start a new run: this one has no checkpoint yet"
        was.check_same(now, "model", again)


def _check_round(run: Run, changes: Changes, found: Found) -> None:
    """In the middle of a round nothing may differ from what it was sampled with: neither now nor by
    a change that was made behind the checkpoint."""
    state = found[1]
    since = [c for c in changes_of(run.config) if c.step > state.step]
    for key in (*changes, *(key for change in since for key in change.keys)):
        if state.round is not None and within(key, OF_A_ROUND):
            raise ConfigError(
                f"The run goes on in the middle of a round, after step {state.step}, in which "
                f"{key} cannot change; go on without the change up to the round's end (steps=N), "
                "then with it."
            )


def clear(run: Run, found: Found | None, broken: list[Broken], screen: Screen) -> None:
    """Put aside what is not whole, and remove what was written behind the checkpoint: it will be
    written again."""
    for path, why in broken:
        aside = path.with_name(f"{path.name}.broken")
        for number in range(2, 1000):
            if not aside.exists():
                break
            aside = path.with_name(f"{path.name}.broken-{number}")
        os.replace(path, aside)
        told = f"checkpoint {path.name} is put aside as {aside.name}: {why}"
        run.append_event(Event.now("broken", 0, told))
        screen.say(f"  note: {told}; an earlier one is taken.", "yellow")
    for leftover in run.checkpoints.glob("step-*.tmp-*"):
        shutil.rmtree(leftover)
    rounds, size = (found[1].rounds, found[1].metrics_bytes) if found else (0, 0)
    if run.lines.exists():
        os.truncate(run.lines, size)
    kept = {run.rollouts_of(index) for index in range(rounds)}
    for path in run.rollouts.glob("round-*.parquet*"):
        if path not in kept:
            path.unlink()


def tell(
    run: Run,
    config: Config,
    now: Environment,
    changes: Changes,
    found: Found | None,
    screen: Screen,
) -> list[str]:
    """Say where the run goes on and what is not as it was; returns what its record should know of
    that."""
    step = found[1].step if found else 0
    where = f"after step {step} of {config.steps}" if found else "from the start"
    screen.say(f"paceline: {config.name}  →  {run.path}, {where}", "bold")
    for key, (was, asked) in changes.items():
        screen.say(f"  {key}: {was} → {asked}", "yellow")
    unlike = Environment.at(run.config).unlike(now)
    others = [f"{what} was {was} and is {is_}" for what, was, is_ in unlike]
    for other in others:
        told = f"  note: {other}; the run goes on, but not bit for bit as it would have."
        screen.say(told, "yellow")
    return others


def with_limits(found: Found | None, config: Config, run: Run, changes: Changes) -> Found | None:
    """The checkpoint with the config's limits of memory where they were changed since it was saved;
    else it knows better what fits."""
    if found is None:
        return None
    since = [c.keys for c in changes_of(run.config) if c.step >= found[1].step]
    asked = {key for keys in (*since, changes) for key in keys if key in LIMITS}
    folder, state = found
    limits = {key: getattr(config, key) for key in asked}
    return folder, replace(state, trainer={**state.trainer, **limits})
