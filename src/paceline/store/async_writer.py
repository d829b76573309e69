"""Saving in the background: a step waits for the disk only before it changes something that is
being saved.

Between two optimizer steps nothing changes that a checkpoint holds, and sampling the next round
takes most of that time. So a thread writes straight from the live tensors, without a copy of them,
and `settle` waits for it where they are about to change.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from threading import Thread

from ..errors import CheckpointError, UnfitCheckpointError, first_line, machine_short
from . import atomic, checkpoint
from .checkpoint import OtherSchemaError, State
from .safetensors_stream import Tensors, all_finite, fingerprint

FREE_SPACE_FACTOR = 1.2
"""Free space that a checkpoint asks for, as a multiple of its size."""


class Saver:
    """Writes checkpoints of one run, one at a time. Use it in a `with`, so that none is cut off.

    Args:
        folder: the folder of checkpoints.
        run: the run's id.
        keep: number of newest checkpoints to keep; 0 keeps all.
        lines: metrics.jsonl, which must be on the disk up to the length that a checkpoint names.
        failed: called with the reason if a checkpoint could not be saved; training continues.

    Attributes:
        newest: the last checkpoint that this saver wrote, or that the run continued from.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        keep: int,
        lines: Path,
        failed: Callable[[str], None],
        newest: Path | None = None,
    ) -> None:
        self.folder, self.run, self.keep, self.lines = folder, run, keep, lines
        self.failed, self.newest = failed, newest
        self._thread: Thread | None = None
        self._error: Exception | None = None
        self._fixed: str | None = None

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.settle()
        except Exception:
            if kind is None:  # else what ends the run is what has to be told
                raise

    def begin(self, state: State, tensors: Mapping[str, Tensors], fixed: Tensors) -> None:
        """Save in the background. The tensors must stay as they are until `settle`.

        Args:
            tensors: by part and name.
            fixed: weights that training only reads; their hash is kept instead of them.
        """
        self.settle()
        if self.newest is not None and self.newest.name == checkpoint.folder_name(state.step):
            return  # of an earlier session that was stopped at this step
        self._thread = Thread(
            target=self._save, args=(state, tensors, fixed), name="paceline-saver"
        )
        self._thread.start()

    def settle(self) -> None:
        """Wait until the current save is on the disk, or has failed."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        if error is None:
            return
        if isinstance(error, NotPrunedError):
            self.failed(str(error))
            return
        if not isinstance(error, OSError | NotFiniteError) and machine_short(error) is None:
            raise error
        said = error.strerror if isinstance(error, OSError) else first_line(error)
        kept = f"'{self.newest.name}' is still there" if self.newest else "there is none yet"
        self.failed(f"the checkpoint could not be saved ({said}); {kept}")

    def check_fixed(self, fixed: Tensors, state: State) -> None:
        """Raise CheckpointError if fixed weights have changed since the run began."""
        self._fixed = check_fixed(fixed, state) or self._fixed

    def finish(self) -> None:
        """Keep only the last checkpoint, if it is whole: the run is over. What prevents that is
        reported, and keeps the others."""
        self.settle()
        if self.newest is None or not self.keep:
            return
        try:
            checkpoint.verify(self.newest, self.run)
            self._prune(1)
        except NotPrunedError as error:
            self.failed(str(error))
        except (UnfitCheckpointError, OtherSchemaError) as error:
            self.failed(f"'{self.newest.name}' is not whole ({error}); older ones are kept")

    def _save(self, state: State, parts: Mapping[str, Tensors], fixed: Tensors) -> None:
        try:
            for tensors in parts.values():
                if not all_finite(tensors):
                    raise NotFiniteError("weights or moments are not finite")
            if self._fixed is None and fixed:
                self._fixed = fingerprint(fixed)
            self._check_room(parts)
            atomic.sync(self.lines)
            state = replace(state, fixed=self._fixed)
            self.newest = checkpoint.write(self.folder, self.run, state, parts)
            self._prune(self.keep)
        except Exception as error:  # told, or raised, in the thread that trains
            self._error = error

    def _check_room(self, parts: Mapping[str, Tensors]) -> None:
        size = sum(t.numel() * t.element_size() for part in parts.values() for t in part.values())
        free = shutil.disk_usage(self.folder).free
        if free < FREE_SPACE_FACTOR * size:
            raise OSError(
                ENOSPC,
                f"it needs {FREE_SPACE_FACTOR * size / 1e6:.0f} MB, and {free / 1e6:.0f} MB are "
                "free",
            )

    def _prune(self, keep: int) -> None:
        """Remove all but the newest `keep`; 0 keeps all."""
        try:
            for path in checkpoint.saved(self.folder)[keep:] if keep else ():
                gone = path.with_name(f"{path.name}.tmp-old")
                os.replace(path, gone)  # half removed, it must not look like a checkpoint
                shutil.rmtree(gone)
        except OSError as error:
            told = f"older checkpoints could not be removed ({error.strerror})"
            raise NotPrunedError(told) from error


class NotFiniteError(Exception):
    """A value that would be saved is NaN or infinite."""


class NotPrunedError(Exception):
    """Older checkpoints could not be removed."""


def check_fixed(fixed: Tensors, state: State) -> str | None:
    """The hash of fixed weights, if there are some and the checkpoint has a hash of them.

    Raises: CheckpointError if they have changed since the run began.
    """
    if not fixed or state.fixed is None:
        return None
    if (found := fingerprint(fixed)) != state.fixed:
        raise CheckpointError(
            "The model's files are not those that the run began with, and its adapters, or its "
            "reference, need them; put the old ones back."
        )
    return found
