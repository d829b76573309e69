"""Checks before a run continues: files are found and compared, and nothing is changed until all of
them are sound."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import CheckpointError, ConfigError, UnfitCheckpointError
from ..preflight.load import Loaded
from ..store import atomic, checkpoint
from ..store.checkpoint import FoundCheckpoint, OtherSchemaError, State
from ..store.description import Changes, Environment
from ..store.hints import go_on_with, start_again
from ..store.history import MEMORY_LIMIT_KEYS, ROUND_KEYS, within
from ..store.records import Event
from ..store.run import Run
from ..text import counted
from .screen import Screen

Broken = tuple[Path, UnfitCheckpointError | OtherSchemaError]
"""A checkpoint that is not whole, and the reason."""


def config_of(run: Run, instead: Mapping[str, Any] | None = None) -> Config:
    """The config with which a run was started or last continued.

    Args:
        instead: values by key that replace the run's own, which are not loaded then.
    """
    others = {key: configuration.to_json(value) for key, value in (instead or {}).items()}
    return configuration.from_json({**stored_config(run), **others})


def stored_config(run: Run) -> Mapping[str, Any]:
    """The same as JSON. Raises: ConfigError for a run that cannot be resumed."""
    description = run.description
    if description.id is None:
        raise ConfigError(
            f"'{run.path}' was made by a version of paceline that could not resume; start it again "
            f"with {start_again(run.path, description.config)}."
        )
    return description.config


def find(run: Run) -> tuple[FoundCheckpoint | None, list[Broken]]:
    """The newest checkpoint that is whole, and newer ones that are not. None if the run has not
    reached its first checkpoint.

    Raises: CheckpointError if there should be one, and none is whole.
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
            f"{start_again(run.path, run.description.config)}."
        )
    _check_young(run)
    return None, []


def newest(run: Run, before: int | None = None) -> tuple[FoundCheckpoint | None, list[Broken]]:
    """The newest checkpoint that is whole, if there is one, and newer ones that are not.

    Args:
        before: only checkpoints with fewer steps than that; None looks at all.
    """
    broken: list[Broken] = []
    for folder in checkpoint.saved(run.checkpoints) if run.checkpoints.is_dir() else ():
        if before is not None and checkpoint.step_of(folder) >= before:
            continue
        try:
            state = checkpoint.verify(folder, run.description.id or "")
            _check_beside(run, state)
        except (UnfitCheckpointError, OtherSchemaError) as error:
            broken.append((folder, error))
            continue
        return FoundCheckpoint(folder, state), broken
    return None, broken


def refusal(verb: str, run: Run, folder: Path, why: UnfitCheckpointError) -> CheckpointError:
    """The sentence about a checkpoint that cannot be used, with what to do.

    Args:
        verb: what was to be done from it, such as "resume".
    """
    return CheckpointError(
        f"Cannot {verb} from '{folder}': {why}; start the run again with "
        f"{start_again(run.path, run.description.config)}."
    )


def _check_beside(run: Run, state: State) -> None:
    """Raise UnfitCheckpointError if the files that belong to a checkpoint without being in it are
    not whole: the lines up to it, and the current round."""
    size = run.lines.stat().st_size if run.lines.exists() else 0
    if size < state.metrics_bytes:
        raise UnfitCheckpointError(
            f"{run.lines.name} has only {size} of {state.metrics_bytes} bytes"
        )
    if state.round is None:
        return
    path = run.rollouts_of(state.rounds - 1)
    try:
        same = atomic.measured(path).sha256 == state.round
    except OSError:
        raise UnfitCheckpointError(f"the round in use, {path.name}, cannot be read") from None
    if not same:
        raise UnfitCheckpointError(f"the round in use, {path.name}, has other bytes than it had")


def _check_young(run: Run) -> None:
    """Beginning again must lose less than a checkpoint's interval."""
    steps, every = run.steps, run.description.save_every
    if steps > every:
        why = "they are gone, or could not be saved" if every else "save_every is 0"
        raise CheckpointError(
            f"'{run.path}' made {counted(steps, 'step')} and has no checkpoint to resume from "
            f"({why}); start it again with "
            f"{start_again(run.path, run.description.config)}."
        )


def check_fits(
    run: Run,
    loaded: Loaded,
    now: Environment,
    changes: Changes,
    named: Collection[str],
    found: FoundCheckpoint | None,
) -> None:
    """Check that problems, tokenizer and config fit the run.

    Raises: DataError or ConfigError if problems or tokenizer have changed under the same name, a
        run that starts again would start with another model, a change does not fit into the current
        round, or a reference is not in the checkpoint.
    """
    if found is not None:
        _check_round(run, changes, found)
        reference = loaded.config.reference
        needed = loaded.objective.needs_reference and reference.every > 0
        if needed and not checkpoint.holds(found.folder, "reference"):
            raise ConfigError(
                f"The run's checkpoint has no reference that follows the policy, as "
                f"reference.every={reference.every} would need; with reference.every=0 the "
                "reference is the model that the run began with."
            )
    was = run.description.environment_at()
    if not any(within(key, ("task",)) for key in named):
        change = go_on_with(run.path, run.description.config, "task.KEY", "…")
        was.check_same(now, "problems", f"put the old ones back, or name the change: {change}")
    was.check_same(now, "tokenizer")
    if loaded.lora.start is not None:
        was.check_same(now, "adapter")
    if found is None:
        again = "put the old ones back, or start a new run: this one has no checkpoint yet"
        was.check_same(now, "model", again)


def _check_round(run: Run, changes: Changes, found: FoundCheckpoint) -> None:
    """Check that nothing differs from the settings of the current round in its middle: neither now
    nor by a change that was made after the checkpoint."""
    state = found.state
    since = [c for c in run.description.changes if c.step > state.step]
    for key in (*changes, *(key for change in since for key in change.keys)):
        if state.round is not None and within(key, ROUND_KEYS):
            raise ConfigError(
                f"The run resumes in the middle of a round, after step {state.step}, in which "
                f"{key} cannot change; resume without the change until the round's end (steps=N), "
                "then with it."
            )


def clear(run: Run, found: FoundCheckpoint | None, broken: list[Broken], screen: Screen) -> None:
    """Put aside broken files, and remove everything written after the checkpoint: it will be
    written again."""
    for path, why in broken:
        aside = path.with_name(f"{path.name}.broken")
        for number in range(2, 1000):
            if not aside.exists():
                break
            aside = path.with_name(f"{path.name}.broken-{number}")
        os.replace(path, aside)
        told = f"checkpoint {path.name} is put aside as {aside.name}: {why}"
        run.append_event(Event.now("broken", found.state.step if found else 0, told))
        screen.say(f"  note: {told}; an earlier one is taken.", "yellow")
    for leftover in run.checkpoints.glob("step-*.tmp-*"):
        shutil.rmtree(leftover)
    rounds, size = (found.state.rounds, found.state.metrics_bytes) if found else (0, 0)
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
    found: FoundCheckpoint | None,
    screen: Screen,
) -> list[str]:
    """Tell where the run continues and what has changed. Returns the changes that its record should
    keep."""
    step = found.state.step if found else 0
    where = f"after step {step} of {config.steps}" if found else "from the start"
    screen.say(f"paceline: {config.name}  →  {run.path}, {where}", "bold")
    for key, (was, asked) in changes.items():
        screen.say(f"  {key}: {was} → {asked}", "yellow")
    unlike = run.description.environment_at().unlike(now)
    others = [f"{what} was {was} and is {is_}" for what, was, is_ in unlike]
    for other in others:
        told = f"  note: {other}; the run continues, but not bit for bit as before."
        screen.say(told, "yellow")
    return others


def with_limits(
    found: FoundCheckpoint | None, config: Config, run: Run, changes: Changes
) -> FoundCheckpoint | None:
    """The checkpoint with the config's memory limits if they were changed after it was saved;
    otherwise its own, which were adapted to the memory, stay."""
    if found is None:
        return None
    since = [c.keys for c in run.description.changes if c.step >= found.state.step]
    asked = {key for keys in (*since, changes) for key in keys if key in MEMORY_LIMIT_KEYS}
    limits = {key: getattr(config, key) for key in asked}
    state = replace(found.state, trainer={**found.state.trainer, **limits})
    return replace(found, state=state)
