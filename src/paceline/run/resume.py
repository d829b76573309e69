"""What is found and compared before a run goes on."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .. import config as configuration
from ..config import Config
from ..errors import CheckpointError, ConfigError, DataError
from . import checkpoint, disk, prepare
from .checkpoint import State
from .plan import fingerprints
from .prepare import Checked
from .run import Run
from .screen import Screen

Found = tuple[Path, State]
"""A checkpoint that is whole, and what it holds besides tensors."""
Changes = Mapping[str, tuple[Any, Any]]
"""Key -> (the run's own value, the one asked for)."""
SAFE = (
    "name", "out", "steps", "save_every", "save_keep", "show_every", "tokens_per_forward",
    "rows_at_once", "evaluation", "rewards", "model.device",
)  # fmt: skip
"""Keys, and sections, that may change without being named: they change no step, to rounding."""
FIXED = ("seed", "schedule", "model.path", "model.dtype")
"""Those that cannot change within a run: a checkpoint would not fit, or mean something else."""


def config_of(run: Run) -> Config:
    """The config that a run was started or last gone on with."""
    data = run.config
    if "id" not in data:
        raise ConfigError(
            f"'{run.path}' was made by a version of paceline that could not resume; start it again "
            f"with `paceline train {run.path / 'config.json'}`."
        )
    return configuration.from_json(data["config"])


def compare(old: Mapping[str, Any], new: Mapping[str, Any], named: Collection[str]) -> Changes:
    """Keys whose values differ.

    Raises: ConfigError where one cannot change, or would change what comes out and is not named.
    """
    ours, theirs = _flat(old), _flat(new)
    changes = {
        key: (ours.get(key), theirs.get(key))
        for key in {**ours, **theirs}
        if ours.get(key) != theirs.get(key)
    }
    for key, (was, now) in changes.items():
        if _within(key, SAFE):
            continue
        told = f"{key} is {now!r} here and {was!r} in the run"
        if _within(key, FIXED):
            raise ConfigError(f"{told}, and cannot change within a run; start a new one with it.")
        if not _within(key, named):
            raise ConfigError(
                f"{told}, which changes what comes out; go on without it, or name it: "
                f"`paceline resume RUN {key}={now}`."
            )
    return changes


def _within(key: str, sections: Collection[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of a config as JSON; an objective or a function is one value."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        whole = not isinstance(value, Mapping) or key == "objective" or "function" in value
        found |= {f"{prefix}{key}": value} if whole else _flat(value, f"{prefix}{key}.")
    return found


def find(run: Run, screen: Screen) -> Found | None:
    """The newest checkpoint that is whole; those that are not are told, and put aside. None where
    the run had not come to its first one.

    Raises: CheckpointError where there should be one, and none is whole.
    """
    for leftover in run.checkpoints.glob("*.tmp-*"):
        shutil.rmtree(leftover)
    broken: list[str] = []
    for folder in checkpoint.saved(run.checkpoints):
        try:
            found = folder, checkpoint.verify(folder, run.config["id"])
            _check_beside(run, found[1])
        except CheckpointError as error:
            broken.append(f"{folder.name}: {error}")
            continue
        _put_aside(run, broken, screen)
        return found
    if broken:
        raise CheckpointError(
            f"No checkpoint of '{run.path}' is whole ({'; '.join(broken)}); start it again with "
            f"`paceline train {run.path / 'config.json'}`."
        )
    _check_young(run)
    return None


def _check_beside(run: Run, state: State) -> None:
    """Raise CheckpointError where what belongs to a checkpoint and is not in it is not whole."""
    size = run.lines.stat().st_size if run.lines.exists() else 0
    if size < state.metrics_bytes:
        raise CheckpointError(f"{run.lines.name} has only {size} of {state.metrics_bytes} bytes")
    if state.round is None:
        return
    path = run.rollouts_of(state.rounds - 1)
    try:
        same = disk.measured(path).sha256 == state.round
    except OSError:
        raise CheckpointError(f"the round in use, {path.name}, cannot be read") from None
    if not same:
        raise CheckpointError(f"the round in use, {path.name}, has other bytes than it had")


def _put_aside(run: Run, broken: list[str], screen: Screen) -> None:
    """Make room for the checkpoints that will be saved again; the next save removes these."""
    for said in broken:
        name = said.partition(":")[0]
        os.replace(run.checkpoints / name, run.checkpoints / f"{name}.broken")
        run.event("broken", said, 0)
        screen.say(f"  note: checkpoint {said}; an earlier one is taken.", "yellow")


def _check_young(run: Run) -> None:
    """Beginning again must lose less than a checkpoint's interval."""
    steps, every = sum(1 for _ in run.metrics()), run.config["config"]["save_every"]
    if steps > every:
        why = "its checkpoints are gone" if every else "save_every is 0"
        raise CheckpointError(
            f"'{run.path}' made {steps} steps and has no checkpoint to go on from ({why}); start "
            f"it again with `paceline train {run.path / 'config.json'}`."
        )


def go_back_to(run: Run, found: Found | None) -> None:
    """Remove what was written behind the checkpoint: it will be written again."""
    rounds, size = (found[1].rounds, found[1].metrics_bytes) if found else (0, 0)
    if run.lines.exists():
        os.truncate(run.lines, size)
    kept = {run.rollouts_of(index) for index in range(rounds)}
    for path in run.rollouts.iterdir():
        if path not in kept:
            path.unlink()


def tell(
    run: Run,
    checked: Checked,
    changes: Changes,
    found: Found | None,
    screen: Screen,
) -> None:
    """Where the run goes on, and what is not as it was."""
    step = found[1].step if found else 0
    where = f"after step {step} of {checked.config.steps}" if found else "from the start"
    screen.say(f"paceline: {checked.config.name}  →  {run.path}, {where}", "bold")
    for key, (was, now) in changes.items():
        screen.say(f"  {key}: {was} → {now}", "yellow")
    for what, was, now in _not_the_same(run, checked):
        screen.say(
            f"  note: {what} was {was} and is {now}; the run goes on, but not bit for bit as it "
            "would have.",
            "yellow",
        )


def _not_the_same(run: Run, checked: Checked) -> list[tuple[str, Any, Any]]:
    """Versions and hardware that decide how numbers round."""
    old = run.config
    pairs = [(old["versions"], prepare.versions()), (old["machine"], prepare.machine(checked))]
    return [
        (key, was.get(key), now[key])
        for was, now in pairs
        for key in now
        if key != "cpus" and was.get(key) != now[key]
    ]


def check_content(
    run: Run, checked: Checked, changes: Changes, named: Collection[str], found: Found | None
) -> None:
    """Find what does not fit what the run has, before anything of it is touched.

    Raises: DataError or ConfigError where problems or tokenizer are others under the same name, or
        a change does not fit into the round in use.
    """
    if found is not None and found[1].round is not None:
        for key in changes:
            if _within(key, ("objective", "task")):
                raise ConfigError(
                    f"The run stopped in the middle of a round, in which {key} cannot change; go "
                    "on without the change up to the round's end (steps=N), then with it."
                )
    was, now = run.config["fingerprints"], fingerprints(checked)
    task = any(key.partition(".")[0] == "task" for key in named)
    if was["problems"] != now["problems"] and not task:
        raise DataError(
            "The problems of the task, or how they are asked, are not those that the run began "
            "with; put the old ones back, or name the change: `paceline resume RUN task.KEY=…`."
        )
    if was["tokenizer"] != now["tokenizer"]:
        raise ConfigError(
            "The model's tokenizer or chat template is not the one that the run began with; put "
            "the old one back."
        )


def record(
    run: Run,
    checked: Checked,
    changes: Changes,
    found: Found | None,
) -> None:
    """Keep in config.json what the run goes on with, and since when."""
    step, data = found[1].step if found else 0, run.config
    if changes:
        data["config"] = configuration.to_json(checked.config)
        data["objective"] = repr(checked.objective)
        told = {key: list(pair) for key, pair in changes.items()}
        data.setdefault("changes", []).append({"step": step, "keys": told})
        data["fingerprints"] = fingerprints(checked)
        run.write_json("config.json", data)
    run.event("resumed", f"after step {step}", step)
