"""A run's directory: made once, owned by one process, written so that it can always be read.

runs/NAME/
  config.json      the whole config, repr(objective), versions, hashes of what was read, and what
                   changed on the way
  metrics.jsonl    one line a step
  events.jsonl     what happened besides: starts, stops, notes, checkpoints that failed
  summary.json     before, after, counters, seconds
  rollouts/        parquet, one file a round
  checkpoints/     step-000120/
  report.html      one self-contained page
  model/           the final model in Hugging Face layout
  adapter/         the trained adapters alone, in PEFT's layout; only where adapters are trained
"""

import json
import os
import platform
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from ..errors import ConfigError
from ..text import counted
from . import atomic
from .base import RecordError, read_lines, read_object, read_objects
from .description import RunDescription
from .folder import CONFIG_FILE, check_is_run, is_run
from .records import Event, Measured, StepRecord, Summary

if TYPE_CHECKING:
    from ..model import Policy

FOLDERS = ("rollouts", "checkpoints")
"""Folders that every run directory has."""


class Run:
    """A run directory.

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = FileLock(self.path / ".lock")

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """Open an existing run for reading. Raises: ConfigError if there is none."""
        run = cls(path)
        check_is_run(run.path)
        return run

    def acquire(self) -> None:
        """Take the lock. Raises: ConfigError naming the process that has it."""
        owner = self.path / ".owner"
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            with suppress(OSError):
                raise ConfigError(
                    f"The run '{self.path}' is in use by {owner.read_text(encoding='utf-8')}; wait "
                    "for it, or end it first."
                ) from None
            raise ConfigError(
                f"The run '{self.path}' is in use by another process; wait for it, or end it first."
            ) from None
        owner.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")

    @property
    def in_use(self) -> bool:
        """True if a process has the lock. Raises: OSError if that cannot be known."""
        try:
            with self._lock.acquire(timeout=0):
                return False
        except Timeout:
            return True

    def release(self) -> None:
        """Give the lock back; the directory is left as it is."""
        self._lock.release()

    def make_folders(self) -> None:
        """Make the run's folders: a copy may have left out those that were empty."""
        for folder in FOLDERS:
            (self.path / folder).mkdir(exist_ok=True)

    def remove(self) -> None:
        """Remove the directory of a run that came to nothing, and give the lock back.

        It is renamed first, under the lock: another process may begin in its place at once.
        """
        gone = self.path.with_name(f".{self.path.name}.gone-{os.getpid()}")
        with suppress(OSError):
            os.replace(self.path, gone)
        self.release()
        shutil.rmtree(gone, ignore_errors=True)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}): {self._state()}"

    def _repr_html_(self) -> str:
        """HTML for a notebook: the progress of the run, and links to its report and model."""
        links = [
            f' · <a href="{quote(os.path.relpath(path))}" target="_blank">{name}</a>'
            for name, path in (
                ("report", self.path / "report.html"),
                ("model", self.model),
                ("adapter", self.adapter),
            )
            if path.exists()
        ]
        name, state = escape(str(self.path)), escape(self._state())
        return f"<p><b>{name}</b>: {state}{''.join(links)}</p>"

    def _state(self) -> str:
        """The state of the run in words. Example: finished, 80 steps, sampled accuracy 2.2 → 77.0 %
        on 500 held-out problems"""
        if not is_run(self.path):
            return "holds no run"
        try:
            summary, steps = self.outcome, self.steps
        except (OSError, RecordError):  # not whole: no reason to fail at a prompt
            return "cannot be read"
        how = "finished" if summary and summary.finished else "not finished"
        told = f"{how}, {counted(steps, 'step')}"
        if not summary or not summary.before or not summary.after:
            return told
        before, after = summary.before.sampled_accuracy, summary.after.sampled_accuracy
        if before is None or after is None:
            return _with_likelihood(told, summary.before, summary.after)
        first, last = 100 * before, 100 * after
        on = counted(summary.after.n, "held-out problem")
        return f"{told}, sampled accuracy {first:.1f} → {last:.1f} % on {on}"

    @property
    def model(self) -> Path:
        """The folder of the final model."""
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        """The folder of the trained adapters, beside the model that they are merged into."""
        return self.path / "adapter"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def rollouts(self) -> Path:
        """The folder of the rounds."""
        return self.path / "rollouts"

    @property
    def lines(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.path / CONFIG_FILE).read_text(encoding="utf-8"))

    @property
    def description(self) -> RunDescription:
        """config.json as a record. Raises: RecordError where it is not one; OSError."""
        return read_object(self.path / CONFIG_FILE, RunDescription)

    @property
    def summary(self) -> dict[str, Any]:
        """Content of summary.json: before, after, counters and seconds; empty until held-out
        accuracy was measured."""
        path = self.path / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @property
    def finished(self) -> bool:
        """True if the run came to its end. Raises: RecordError for a summary that is none."""
        return self.outcome is not None and self.outcome.finished

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut short by a kill is left out."""
        return (found for _, found in read_objects(self.lines) if found is not None)

    def records(self) -> Iterator[StepRecord]:
        """The steps, as `metrics` has them. Raises: RecordError for a line that is not a step's."""
        return read_lines(self.lines, StepRecord)

    def event_records(self) -> Iterator[Event]:
        """Events besides the steps, as `events` has them."""
        return read_lines(self.path / "events.jsonl", Event)

    @property
    def outcome(self) -> Summary | None:
        """The summary as a record; None until held-out accuracy was measured."""
        path = self.path / "summary.json"
        return read_object(path, Summary) if path.is_file() else None

    def check_readable(self) -> None:
        """Raise RecordError for files that this version cannot read, before anything here is
        changed."""
        deque(self.records(), maxlen=0)
        deque(self.event_records(), maxlen=0)
        _ = self.outcome

    @property
    def steps(self) -> int:
        """Number of steps that have lines; a run that was killed takes the last of them again."""
        return sum(1 for _ in self.metrics())

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines of events.jsonl."""
        path = self.path / "events.jsonl"
        return (found for _, found in read_objects(path) if found is not None)

    def write_json(self, name: str, data: Any) -> None:
        """Write a temporary file and rename it, so that a reader never sees half of one."""
        text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        atomic.replace(self.path / name, [text.encode()])

    def append_metrics(self, line: dict[str, Any]) -> int:
        """Append one line to metrics.jsonl; returns its length in bytes."""
        data = _line(line)
        atomic.append(self.lines, data)
        return len(data)

    def append_event(self, event: Event) -> None:
        """Append one line to events.jsonl."""
        path = self.path / "events.jsonl"
        line = _line(event.to_json())
        torn = path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")
        atomic.append(path, b"\n" + line if torn else line)

    def save_model(self, policy: "Policy") -> None:
        """Write model/, and adapter/ if adapters were all that was trained."""
        self._save_folder(self.model, policy.save)
        if policy.saves_adapter:
            base = self.description.config["model"]["path"]
            self._save_folder(self.adapter, lambda folder: policy.save_adapter(folder, base))

    def _save_folder(self, target: Path, write: Callable[[Path], None]) -> None:
        """Write a temporary folder and rename it: half a model is never taken for a whole one."""
        aside, old = (self.path / f"{target.name}.{word}" for word in ("tmp", "old"))
        shutil.rmtree(aside, ignore_errors=True)
        try:
            write(aside)
            for path in (*aside.rglob("*"), aside):
                atomic.sync(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        if target.exists():  # of an earlier session: a folder cannot be replaced by another
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        os.replace(aside, target)
        atomic.sync(self.path)
        shutil.rmtree(old, ignore_errors=True)

    def rollouts_of(self, round: int) -> Path:
        """The parquet file of a round."""
        return self.rollouts / f"round-{round:06d}.parquet"


def _line(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _with_likelihood(told: str, before: Measured, after: Measured) -> str:
    """The state of a run whose answers nobody judged."""
    if before.ordered and after.ordered:
        first, last = 100 * before.ordered.value, 100 * after.ordered.value
        on = counted(after.pairs or after.n, "held-out pair")
        return f"{told}, {first:.1f} → {last:.1f} % of {on} in order"
    if before.nll is None or after.nll is None:
        return told
    on = counted(after.n, "held-out row")
    return f"{told}, {before.nll:.4f} → {after.nll:.4f} nats a token on {on}"
