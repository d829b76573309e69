"""A run's directory: made once, owned by one process, written so that it can always be read.

runs/NAME/
  config.json      the whole config, repr(objective), versions
  metrics.jsonl    one line a step
  summary.json     before, after, counters, seconds
  rollouts/        parquet, one file a round
  checkpoints/     step-000120/
  report.html      one self-contained page
  model/           the final model in Hugging Face layout
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import ConfigError
from ..model import Policy

NAME = re.compile(r"[\w][\w.-]*")


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
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path)
        try:
            run._lock.acquire(timeout=0)
        except Timeout:
            raise ConfigError(f"Another process is starting a run in '{path}'.") from None
        for folder in ("rollouts", "checkpoints"):
            (path / folder).mkdir()
        return run

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """An existing run, to be read. Raises: ConfigError where there is none."""
        run = cls(path)
        if not (run.path / "config.json").is_file():
            raise ConfigError(f"'{path}' is no run directory: it has no config.json.")
        return run

    def release(self) -> None:
        """Give the lock back; the directory is left as it is."""
        self._lock.release()

    @property
    def model(self) -> Path:
        """Where the final model goes."""
        return self.path / "model"

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.path / "config.json").read_text(encoding="utf-8"))

    @property
    def summary(self) -> dict[str, Any]:
        """Before, after, counters and seconds; empty while the run goes on."""
        path = self.path / "summary.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut short by a kill is left out."""
        path = self.path / "metrics.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                return

    def write_json(self, name: str, data: Any) -> None:
        """Write a file aside and rename it, so that a reader never meets half of one."""
        path = self.path / name
        aside = path.with_suffix(".tmp")
        aside.write_text(
            json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
        os.replace(aside, path)

    def append_metrics(self, line: dict[str, Any]) -> None:
        """One line of metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def save_model(self, policy: Policy) -> None:
        """Write model/ aside and rename it: half a model is never taken for one."""
        aside = self.path / "model.tmp"
        shutil.rmtree(aside, ignore_errors=True)
        policy.save(aside)
        os.replace(aside, self.model)

    def rollouts_of(self, round: int) -> Path:
        """The parquet file of a round."""
        return self.path / "rollouts" / f"round-{round:06d}.parquet"


def refuse_taken(path: Path) -> None:
    """Raise ConfigError where a new run cannot go."""
    if (path / "config.json").is_file():
        raise ConfigError(
            f"'{path}' holds a run already; choose another directory with --out, or resume that "
            f"one with `paceline resume {path}` (not in this version yet)."
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"'{path}' exists and is not empty; choose another directory with --out.")


def new_path(name: str, out: str | None, base: str = "runs") -> Path:
    """Where a run goes: `out` as it is, or runs/NAME, runs/NAME-2, … whichever is free first."""
    if out is not None:
        refuse_taken(Path(out))
        return Path(out)
    if not NAME.fullmatch(name):
        raise ConfigError(f"'{name}' is no name for a run; use letters, digits, '.', '-' and '_'.")
    tries = (Path(base) / (name if i == 1 else f"{name}-{i}") for i in range(1, 1_000_000))
    return next(p for p in tries if not p.exists())
