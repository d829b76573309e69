"""Checkpoints: everything from which a run goes on as if it had never stopped.

checkpoints/step-000120/
  policy.safetensors      weights at full precision: the masters, where there are any
  optimizer.safetensors   moments and step counts, by parameter
  reference.safetensors   only where the reference follows the policy
  state.json              counters, and which round file is in use
  MANIFEST.json           size and sha256 of each of these; written last

The round in use is not in it: its parquet file is complete and fsynced before its first update, and
`state.json` holds its hash. safetensors and JSON only: nothing that is loaded can run code.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..model import Reference
from ..store.base import RecordError
from ..store.records import StepRecord
from ..training import Drawn, Trainer
from . import disk
from .tensors import Tensors, chunks_of

SCHEMA = 1


class OtherSchemaError(CheckpointError):
    """A checkpoint of another version: not broken, and not ours to judge."""


NAME = re.compile(r"step-(\d{6,})")
MANIFEST, STATE = "MANIFEST.json", "state.json"
POLICY, OPTIMIZER, REFERENCE = (
    f"{part}.safetensors" for part in ("policy", "optimizer", "reference")
)


@dataclass(frozen=True, slots=True)
class State:
    """What a checkpoint holds besides tensors.

    Example: State(step=41, rounds=11, part=1, draw=88, version=41, tokens_per_forward=4096,
        rows_at_once=128, metrics_bytes=30211, round="ab12…", drawn={"refused": 3, "too_long": 0,
        "lost": []}, line=None, seconds=211.5, fixed=None)
    """

    step: int
    """Optimizer steps taken."""
    rounds: int
    """Rounds sampled."""
    part: int
    """The part of the last round that is next; the number of parts where it is used up."""
    draw: int
    """The next place in the stream of problems."""
    version: int
    """Updates that the weights have seen: steps less those that were skipped."""
    tokens_per_forward: int
    """As the config says, or less since memory ran out."""
    rows_at_once: int
    """The same for sampling; 0 for an engine that has no such bound."""
    metrics_bytes: int
    """The length of metrics.jsonl. What is behind it came later, and is done again."""
    round: str | None
    """sha256 of the file of the round in use; None where it is used up."""
    drawn: dict[str, Any] | None
    """What was counted while that round was sampled."""
    line: dict[str, Any] | None
    """The step's line, where it was not yet written: its evaluation was broken off."""
    seconds: float
    """Spent so far, from the start, over all sittings."""
    fixed: str | None
    """A hash of a fixed reference's weights: they come from the model's own file."""


def tensors_of(trainer: Trainer) -> dict[str, Tensors]:
    """The tensor files of a checkpoint. The tensors are those that training goes on with."""
    files: dict[str, Tensors] = {
        POLICY: dict(trainer.policy.exact_parameters()),
        OPTIMIZER: trainer.optimizer.moments(),
    }
    if follows(trainer.reference):
        assert trainer.reference is not None
        files[REFERENCE] = trainer.reference.exact_parameters()
    return files


def follows(reference: Reference | None) -> bool:
    """Whether a reference changes, so that a checkpoint must hold it; a fixed one is the start."""
    return reference is not None and reference.every > 0


def counted(drawn: Drawn) -> dict[str, Any]:
    """What is known of a round and stands in no row of it, as JSON."""
    lost = [asdict(one) for one in drawn.lost]
    return {
        "refused": drawn.refused, "too_long": drawn.too_long, "lost": lost,
        "refused_accuracy": drawn.refused_accuracy, "at_reference": drawn.at_reference,
    }  # fmt: skip


def write(folder: Path, run: str, state: State, files: Mapping[str, Tensors]) -> Path:
    """Write `folder`/step-NNNNNN and return it.

    Everything goes into a folder aside and onto the disk, the manifest last; then it is renamed. A
    folder with the right name is therefore whole, unless the disk itself fails.

    Args:
        run: the id of the run that it belongs to.

    Raises: OSError; nothing is left of what was begun.
    """
    target = folder / folder_name(state.step)
    aside = folder / f"{target.name}.tmp-{os.getpid()}"
    aside.mkdir(parents=True)
    try:
        parts = {name: chunks_of(tensors) for name, tensors in files.items()}
        parts[STATE] = iter([_text(asdict(state))])
        written = {name: asdict(disk.write(aside / name, part)) for name, part in parts.items()}
        manifest = {"schema": SCHEMA, "run": run, "step": state.step, "files": written}
        disk.write(aside / MANIFEST, [_text(_sealed(manifest))])
        disk.sync(aside)
        os.replace(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    disk.sync(folder)
    return target


def folder_name(step: int) -> str:
    """The folder's name of a step's checkpoint."""
    return f"step-{step:06d}"


def step_of(folder: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(folder.name.removeprefix("step-"))


def verify(folder: Path, run: str) -> State:
    """The state of a checkpoint that is whole, byte for byte, and of this run.

    Raises: CheckpointError saying what is wrong with it.
    """
    manifest = _manifest(folder)
    if manifest["run"] != run:
        raise CheckpointError("it belongs to another run")
    if folder.name != folder_name(manifest["step"]):
        raise CheckpointError(f"it is of step {manifest['step']}, whatever its name says")
    for name, expected in manifest["files"].items():
        _check_file(folder / name, expected)
    try:
        return _state(json.loads((folder / STATE).read_bytes()))
    except (OSError, ValueError, TypeError, RecordError) as error:
        raise CheckpointError(f"{STATE} cannot be read ({error})") from None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = json.loads(text)
        whole = text == _text(_sealed({k: v for k, v in manifest.items() if k != "sha256"}))
        schema, files = manifest["schema"], manifest["files"]
    except OSError:
        raise CheckpointError(f"it has no {MANIFEST} that can be read") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{MANIFEST} is broken") from None
    if not whole or not isinstance(files, dict):
        raise CheckpointError(f"{MANIFEST} was changed after it was written")
    if schema != SCHEMA:
        raise OtherSchemaError(
            f"'{folder}' is a checkpoint of schema {schema}, and this version of paceline reads "
            f"{SCHEMA}; go on with the version that saved it."
        )
    return manifest


def _check_file(path: Path, expected: Mapping[str, Any]) -> None:
    try:
        size = path.stat().st_size
        if size != expected["size"]:
            raise CheckpointError(f"{path.name} has {size} bytes instead of {expected['size']}")
        if disk.measured(path).sha256 != expected["sha256"]:
            raise CheckpointError(f"{path.name} has other bytes than were written")
    except FileNotFoundError:
        raise CheckpointError(f"{path.name} is missing") from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read ({error.strerror})") from None


def _state(data: Mapping[str, Any]) -> State:
    known = {f.name for f in fields(State)}
    if set(data) != known:
        raise ValueError(f"it has other keys than {', '.join(sorted(known))}")
    if data["line"] is not None:
        StepRecord.from_json(data["line"])  # or it could not be written when the run goes on
    return State(**data)


def _sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself, so that it, too, can be told to be whole."""
    return {**manifest, "sha256": sha256(_text(manifest)).hexdigest()}


def _text(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def saved(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first, whole or not."""
    found = [path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]
    return sorted(found, key=step_of, reverse=True)
