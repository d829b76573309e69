"""Runs of the tiny model that are killed and go on, and what they leave, to compare."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from paceline.run import Run
from tests.helpers.records import untimed

FULL = bool(int(os.environ.get("PACELINE_FAULTS", "0")))
"""Whether all faults are tried: `make faults`. CI tries some of each kind."""
ROOT = Path(__file__).parents[2]


class Nursery:
    """Runs jobs of `tests/faults/nursery.py`, one at a time."""

    def __enter__(self) -> "Nursery":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"OMP_NUM_THREADS": "1", **os.environ, "HF_HUB_OFFLINE": "1"},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.stdin.close()
        self.process.wait()

    def start(self, out: Path, **job: Any) -> int:
        """Begin a run, or go on with the one that is there; returns its pid."""
        self.process.stdin.write(json.dumps({"out": str(out), **job}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["pid"]

    def wait(self) -> int:
        """Its exit code; negative for a signal."""
        return json.loads(self.process.stdout.readline())["code"]

    def run(self, out: Path, **job: Any) -> int:
        self.start(out, **job)
        return self.wait()

    def killed(
        self, out: Path, lines: int, steps: float, number: int = signal.SIGKILL, **job: Any
    ) -> int:
        """Begin a run, or go on, and send it a signal when it has so many lines and has then had
        the time of so many steps: by its progress, as a machine may be fast or slow."""
        began, pid = _events(out), self.start(out, **job)
        seconds = 0.0
        while Path(f"/proc/{pid}").exists():
            taken = [line["seconds"] for line in Run(out).metrics()]
            if _events(out) != began and len(taken) >= lines:
                seconds = steps * taken[-1] if taken else 0.0
                break
            time.sleep(0.002)
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # it was over before
            os.kill(pid, number)
        return self.wait()


ADAPTERS = {"lora": {"rank": 4}, "reference": {"alpha": 1.0, "every": 3}}
"""Changes under which adapters are trained; a reference follows by taking theirs."""


def _events(out: Path) -> int:
    """How much has been told of a run: grows when it starts, and when it goes on."""
    path = out / "events.jsonl"
    return path.stat().st_size if path.exists() else 0


@dataclass(frozen=True)
class Left:
    """What a finished run leaves that has to be the same, however often it was stopped."""

    weights: tuple[str, ...]
    lines: tuple[dict, ...]
    rounds: tuple[str, ...]
    evaluations: tuple[dict | None, ...]


def left_by(out: Path) -> Left:
    run = Run(out)
    assert run.finished, f"{out} is not finished"
    sides = (run.summary[side] for side in ("before", "after"))
    return Left(
        tuple(sha(file) for folder in (run.model, run.adapter) for file in weights_in(folder)),
        tuple(untimed(line) for line in run.metrics()),
        tuple(f"{path.name} {sha(path)}" for path in sorted(run.rollouts.iterdir())),
        tuple(side and {k: v for k, v in side.items() if k != "seconds"} for side in sides),
    )


def weights_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_tidy(out: Path) -> bool:
    """Whether nothing is left of what was cut short."""
    left = [p for p in out.rglob("*") if ".tmp" in p.name or p.suffix == ".old"]
    return not left
