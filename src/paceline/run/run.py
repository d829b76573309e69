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
"""

import json
import os
import platform
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from ..errors import ConfigError
from ..model import Policy
from ..store.base import RecordError, read_lines, read_object, read_objects
from ..store.records import Event, StepRecord, Summary
from ..text import counted
from . import disk
from .folder import CONFIG, check_is_run, is_run
from .hints import go_on, of_session

NAME = re.compile(r"[\w][\w.-]*")
FILES = {".lock", ".owner", "config.json.tmp"}
FOLDERS = {"rollouts", "checkpoints"}
"""All that a start leaves which was killed before it had written down what it starts; the folders
are empty then."""


class Run:
    """A run directory.

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = FileLock(self.path / ".lock")

    @classmethod
    def create(cls, path: Path) -> "Run":
        """Make a new run directory and take its lock.

        Raises: ConfigError where the directory holds a run, or anything else, already.
        """
        refuse_taken(path)
        make_directory(path)
        run = cls(path)
        run.acquire()
        run.make_folders()
        disk.sync(path.parent)
        return run

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """An existing run, to be read. Raises: ConfigError where there is none."""
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
            raise ConfigError(f"The run '{self.path}' is in use by another process.") from None
        owner.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")

    def release(self) -> None:
        """Give the lock back; the directory is left as it is."""
        self._lock.release()

    def make_folders(self) -> None:
        """A copy may have left out those that were empty."""
        for folder in FOLDERS:
            (self.path / folder).mkdir(exist_ok=True)

    def remove(self) -> None:
        """Remove the directory, of a run that came to nothing, and give the lock back.

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
        """What a notebook shows: how far the run is, and links to its report and model."""
        links = [
            f' · <a href="{quote(os.path.relpath(path))}" target="_blank">{name}</a>'
            for name, path in (("report", self.path / "report.html"), ("model", self.model))
            if path.exists()
        ]
        name, state = escape(str(self.path)), escape(self._state())
        return f"<p><b>{name}</b>: {state}{''.join(links)}</p>"

    def _state(self) -> str:
        """Example: finished, 80 steps, sampled accuracy 2.2 → 77.0 % on 500 held-out problems"""
        if not is_run(self.path):
            return "holds no run"
        try:
            summary, steps = self.told, self.steps
        except (OSError, RecordError):  # not whole: no reason to fail at a prompt
            return "cannot be read"
        how = "finished" if summary and summary.finished else "not finished"
        told = f"{how}, {counted(steps, 'step')}"
        if not summary or not summary.before or not summary.after:
            return told
        first, last = (100 * one.sampled_accuracy for one in (summary.before, summary.after))
        on = counted(summary.after.n, "held-out problem")
        return f"{told}, sampled accuracy {first:.1f} → {last:.1f} % on {on}"

    @property
    def model(self) -> Path:
        """Where the final model goes."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def rollouts(self) -> Path:
        """Where the rounds are."""
        return self.path / "rollouts"

    @property
    def lines(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.path / CONFIG).read_text(encoding="utf-8"))

    @property
    def summary(self) -> dict[str, Any]:
        """Before, after, counters and seconds; empty until held-out accuracy was measured."""
        path = self.path / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return bool(self.summary.get("finished"))

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut short by a kill is left out."""
        return (found for _, found in read_objects(self.lines) if found is not None)

    def records(self) -> Iterator[StepRecord]:
        """The steps, as `metrics` has them. Raises: RecordError for a line that is no step's."""
        return read_lines(self.lines, StepRecord)

    def event_records(self) -> Iterator[Event]:
        """What happened besides, as `events` has it."""
        return read_lines(self.path / "events.jsonl", Event)

    @property
    def told(self) -> Summary | None:
        """The summary as a record; None until held-out accuracy was measured."""
        path = self.path / "summary.json"
        return read_object(path, Summary) if path.is_file() else None

    def check_readable(self) -> None:
        """Raise RecordError for what this version cannot read, before anything here is changed."""
        deque(self.records(), maxlen=0)
        deque(self.event_records(), maxlen=0)
        _ = self.told

    @property
    def steps(self) -> int:
        """Those that it has lines of; a run that was killed takes the last of them again."""
        return sum(1 for _ in self.metrics())

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines of events.jsonl."""
        path = self.path / "events.jsonl"
        return (found for _, found in read_objects(path) if found is not None)

    def write_json(self, name: str, data: Any) -> None:
        """Write a file aside and rename it, so that a reader never meets half of one."""
        text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        disk.replace(self.path / name, [text.encode()])

    def append_metrics(self, line: dict[str, Any]) -> int:
        """One line of metrics.jsonl; returns its length in bytes."""
        data = _line(line)
        disk.append(self.lines, data)
        return len(data)

    def append_event(self, event: Event) -> None:
        """Write one line of events.jsonl."""
        path = self.path / "events.jsonl"
        line = _line(event.to_json())
        torn = path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")
        disk.append(path, b"\n" + line if torn else line)

    def save_model(self, policy: Policy) -> None:
        """Write model/ aside and rename it: half a model is never taken for one."""
        aside, old = self.path / "model.tmp", self.path / "model.old"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            policy.save(aside)
            for path in (*aside.rglob("*"), aside):
                disk.sync(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        if self.model.exists():  # of an earlier session: a folder cannot be replaced by another
            shutil.rmtree(old, ignore_errors=True)
            os.replace(self.model, old)
        os.replace(aside, self.model)
        disk.sync(self.path)
        shutil.rmtree(old, ignore_errors=True)

    def rollouts_of(self, round: int) -> Path:
        """The parquet file of a round."""
        return self.rollouts / f"round-{round:06d}.parquet"


def _line(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _begun(path: Path) -> bool:
    if path.is_dir():
        return path.name in FOLDERS and not any(path.iterdir())
    return path.name in FILES


def refuse_unwritable(path: Path, flag: str = "--out") -> None:
    """Raise ConfigError where no directory can be made, or written: before any long work."""
    if path.exists() and not path.is_dir():
        raise ConfigError(
            f"'{path}' is a file, and a directory is wanted; choose another with {flag}."
        )
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise ConfigError(
            f"'{path}' cannot be made, as '{there}' is a file; choose another with {flag}."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(
            f"'{path}' cannot be made, as nothing may be written into '{there}'; choose another "
            f"directory with {flag}."
        )


def make_directory(path: Path, flag: str = "--out") -> None:
    """Make a directory, if it is not there. Raises: ConfigError where it cannot be made."""
    refuse_unwritable(path, flag)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"'{path}' cannot be made ({error.strerror}); choose another directory with {flag}."
        ) from error


def refuse_taken(path: Path) -> None:
    """Raise ConfigError where a new run cannot go."""
    refuse_unwritable(path)
    if is_run(path):
        run = Run(path)
        held, config = f"'{path}' holds a run already", run.config["config"]
        if run.finished:
            raise ConfigError(
                f"{held}, which is finished; choose another directory with --out, or give that one "
                f"more steps with {go_on(path, config, 'steps=N')}."
            )
        shorter = "" if of_session(config) else " (or `train … --resume`)"
        raise ConfigError(
            f"{held}, which came to step {run.steps} of {config['steps']}; go on with it with "
            f"{go_on(path, config)}{shorter}, or choose another directory with --out."
        )
    if path.exists() and not (path.is_dir() and all(map(_begun, path.iterdir()))):
        raise ConfigError(f"'{path}' exists and is not empty; choose another directory with --out.")


def stopped_at(path: Path) -> str | None:
    """A sentence about a run that stopped before its end, and that nobody is at; None for another
    directory."""
    run = Run(path)
    try:
        if not is_run(path) or run.finished:
            return None
        with run._lock.acquire(timeout=0):
            pass
    except (Timeout, OSError):
        return None
    steps = run.steps
    config = run.config["config"]
    on = f"{go_on(path, config)} goes on with it"
    return f"'{path}' stopped at step {steps} of {config['steps']}; {on}."


def default_path(name: str, base: str = "runs") -> Path:
    """runs/NAME. Raises: ConfigError where that would be no name."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"'{name}' is no name for a run; use letters, digits, '.', '-' and '_'.")
    return Path(base) / name


def new_path(name: str, out: str | None, base: str = "runs") -> Path:
    """Where a run goes: `out` as it is, or runs/NAME, runs/NAME-2, … whichever is free first."""
    if out is not None:
        refuse_taken(Path(out))
        return Path(out)
    first = default_path(name, base)
    refuse_unwritable(first)
    tries = (first if i == 1 else Path(base) / f"{name}-{i}" for i in range(1, 1_000_000))
    return next(p for p in tries if not p.exists())
