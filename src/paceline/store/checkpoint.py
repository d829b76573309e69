"""Checkpoints: everything that a run needs to continue as if it had never stopped.

checkpoints/step-000120/
  policy.safetensors      weights at full precision: the masters, where there are any
  optimizer.safetensors   moments and step counts, by parameter
  reference.safetensors   only where the reference follows the policy
  critic.safetensors, critic_optimizer.safetensors   the same of a critic, where there is one
  state.json              counters, and which round file is in use
  MANIFEST.json           size and sha256 of each of these; written last

The current round is not in it: its parquet file is complete and fsynced before its first update,
and `state.json` holds its hash. safetensors and JSON only: nothing that is loaded can run code.
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

from ..errors import CheckpointError, UnfitCheckpointError
from ..lazy import torch
from . import atomic
from .base import Json, RecordError
from .records import StepRecord
from .safetensors_stream import Tensors, chunks_of

SCHEMA_VERSION = 1
"""Version of the layout of checkpoints."""


class OtherSchemaError(CheckpointError):
    """A checkpoint of another version: not broken, but not readable here."""


FOLDER_NAME = re.compile(r"step-(\d{6,})")
"""Pattern of a checkpoint's folder name, with the step."""
MANIFEST_FILE, STATE_FILE = "MANIFEST.json", "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The content of a checkpoint besides tensors, flat in state.json.

    Example: State(trainer={"step": 41, "rounds": 11, "part": 1, "draw": 88, …},
        metrics_bytes=30211, round="ab12…", line=None, seconds=211.5, fixed=None)
    """

    trainer: Json
    """The trainer's `state_dict` without its tensors."""
    metrics_bytes: int
    """The length of metrics.jsonl in bytes. Later lines belong to steps that are taken again."""
    round: str | None
    """sha256 of the current round's file; None if the round is used up."""
    line: Json | None
    """The step's line if it was not yet written because its evaluation was interrupted."""
    seconds: float
    """Seconds spent so far, from the start, over all sessions."""
    fixed: str | None
    """Hash of weights that training only reads: they come from the model's own file."""

    @property
    def step(self) -> int:
        """Number of optimizer steps taken."""
        return self.trainer["step"]

    @property
    def rounds(self) -> int:
        """Number of rounds sampled."""
        return self.trainer["rounds"]

    def to_json(self) -> dict[str, Any]:
        """The state as the JSON of state.json."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "trainer"}
        return {**self.trainer, **own}

    @classmethod
    def from_json(cls, data: Json) -> "State":
        """The state that the JSON of state.json holds. Raises: ValueError naming what is
        missing."""
        own = {f.name for f in fields(cls)} - {"trainer"}
        if lacking := sorted((own | {"step", "rounds"}) - data.keys()):
            raise ValueError(f"it lacks {', '.join(lacking)}")
        if data["line"] is not None:
            StepRecord.from_json(data["line"])  # or it could not be written when the run goes on
        trainer = {name: value for name, value in data.items() if name not in own}
        return cls(trainer=trainer, **{name: data[name] for name in own})


@dataclass(frozen=True, slots=True)
class FoundCheckpoint:
    """A checkpoint that is whole."""

    folder: Path
    state: State
    """Its content besides tensors."""


def split(state: Json) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Split a trainer's state into its tensors, by part, and its plain JSON."""
    tensors = {name: value for name, value in state.items() if _holds_tensors(value)}
    return tensors, {name: value for name, value in state.items() if name not in tensors}


def _holds_tensors(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(t, torch.Tensor) for t in value.values())


def trainer_state(folder: Path, state: State) -> dict[str, Any]:
    """The trainer's `state_dict`, read from a verified checkpoint.

    Raises: UnfitCheckpointError if a file of tensors cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found = dict(state.trainer)
    for path in sorted(folder.glob("*.safetensors")):
        try:
            found[path.stem] = load_file(path)
        except (OSError, ValueError, SafetensorError) as error:
            raise UnfitCheckpointError(f"{path.name} cannot be read ({error})") from None
    return found


def holds(folder: Path, part: str) -> bool:
    """True if a checkpoint has tensors of a part, such as "reference"."""
    return file_of(folder, part).exists()


def file_of(folder: Path, part: str) -> Path:
    """The file of a part's tensors."""
    return folder / f"{part}.safetensors"


def write(folder: Path, run: str, state: State, tensors: Mapping[str, Tensors]) -> Path:
    """Write `folder`/step-NNNNNN and return it.

    Everything is written to a temporary folder and onto the disk, the manifest last; then the
    folder is renamed. A folder with the right name is therefore whole, unless the disk itself
    fails.

    Args:
        run: the id of the run that it belongs to.
        tensors: by part and name; one file for each part.

    Raises: OSError; no partial checkpoint is left.
    """
    target = folder / folder_name(state.step)
    aside = folder / f"{target.name}.tmp-{os.getpid()}"
    aside.mkdir(parents=True)
    try:
        parts = {file_of(aside, part): chunks_of(named) for part, named in tensors.items()}
        parts[aside / STATE_FILE] = iter([_text(state.to_json())])
        written = {path.name: asdict(atomic.write(path, part)) for path, part in parts.items()}
        manifest = {"schema": SCHEMA_VERSION, "run": run, "step": state.step, "files": written}
        atomic.write(aside / MANIFEST_FILE, [_text(_sealed(manifest))])
        atomic.sync(aside)
        os.replace(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    atomic.sync(folder)
    return target


def folder_name(step: int) -> str:
    """The name of the checkpoint folder of a step."""
    return f"step-{step:06d}"


def step_of(folder: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(folder.name.removeprefix("step-"))


def verify(folder: Path, run: str) -> State:
    """The state of a checkpoint, after checking that it is whole, byte for byte, and belongs to
    this run.

    Raises: UnfitCheckpointError naming the fault.
    """
    manifest = _manifest(folder)
    if manifest["run"] != run:
        raise UnfitCheckpointError("it belongs to another run")
    if folder.name != folder_name(manifest["step"]):
        raise UnfitCheckpointError(f"it is of step {manifest['step']}, not of the step in its name")
    for name, expected in manifest["files"].items():
        _check_file(folder / name, expected)
    try:
        return State.from_json(json.loads((folder / STATE_FILE).read_bytes()))
    except (OSError, ValueError, TypeError, RecordError) as error:
        raise UnfitCheckpointError(f"{STATE_FILE} cannot be read ({error})") from None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        text = (folder / MANIFEST_FILE).read_bytes()
        manifest = json.loads(text)
        whole = text == _text(_sealed({k: v for k, v in manifest.items() if k != "sha256"}))
        schema, files = manifest["schema"], manifest["files"]
    except OSError:
        raise UnfitCheckpointError(f"it has no {MANIFEST_FILE} that can be read") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnfitCheckpointError(f"{MANIFEST_FILE} is broken") from None
    if not whole or not isinstance(files, dict):
        raise UnfitCheckpointError(f"{MANIFEST_FILE} was changed after it was written")
    if schema != SCHEMA_VERSION:
        raise OtherSchemaError(
            f"'{folder}' is a checkpoint of schema {schema}, and this version of paceline reads "
            f"{SCHEMA_VERSION}; resume with the version that saved it."
        )
    return manifest


def _check_file(path: Path, expected: Mapping[str, Any]) -> None:
    try:
        size = path.stat().st_size
        if size != expected["size"]:
            told = f"{path.name} has {size} bytes instead of {expected['size']}"
            raise UnfitCheckpointError(told)
        if atomic.measured(path).sha256 != expected["sha256"]:
            raise UnfitCheckpointError(f"{path.name} has other bytes than were written")
    except FileNotFoundError:
        raise UnfitCheckpointError(f"{path.name} is missing") from None
    except OSError as error:
        raise UnfitCheckpointError(f"{path.name} cannot be read ({error.strerror})") from None


def _sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself, so that the manifest, too, can be verified."""
    return {**manifest, "sha256": sha256(_text(manifest)).hexdigest()}


def _text(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def saved(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first, whole or not."""
    found = [
        path for path in folder.iterdir() if path.is_dir() and FOLDER_NAME.fullmatch(path.name)
    ]
    return sorted(found, key=step_of, reverse=True)
