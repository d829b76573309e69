"""The launcher of a comparison's runs: each is a process of its own, one after another or several
at once.

A process that is killed, or runs out of memory, ends one run, and the comparison continues.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from ... import config as configuration
from ...run.screen import Screen
from ...run.signals import Interrupts
from ...store.records import Summary
from ...text import counted, percent, short_duration
from .forecast import time_for
from .planned import Planned, Spec

INSIDE_VARIABLE = "PACELINE_IN_COMPARISON"
"""Name of the environment variable that is set while a comparison is made, also in every run's
process."""
POLL_SECONDS = 0.5
"""Seconds between two checks of the processes."""


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A process that makes a run."""

    planned: Planned
    process: subprocess.Popen
    slot: int
    began: float
    steps: int
    """Number of steps that it has to take."""
    said: int
    """Number of bytes that its log had before it."""

    @property
    def doing(self) -> str:
        steps = self.planned.run.steps
        of = self.planned.arm.config.steps
        doing = f"step {steps} of {of}" if steps < of else "last evaluation"
        return f"{self.planned.title}, {doing if steps else 'before training'}"


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that did not finish."""

    planned: Planned
    why: str


class Launcher:
    """Makes runs until all of them are made.

    Args:
        everything: all runs of the comparison: the measurement of one before training serves
            another that starts alike.
        jobs: number of runs at once.
        made: called with each run that has finished.
    """

    def __init__(
        self,
        everything: Sequence[Planned],
        jobs: int,
        screen: Screen,
        interrupts: Interrupts,
        made: Callable[[Planned], None],
    ) -> None:
        self.everything, self.jobs, self.made = everything, jobs, made
        self.screen, self.interrupts = screen, interrupts
        self.running: list[Child] = []
        self.failures: list[Failure] = []
        self.seconds, self.steps = 0.0, 0  # of the runs that this process had made

    def go(self) -> list[Failure]:
        """Make all runs that are not finished; returns those that failed.

        Raises: Interrupted for a signal, when every process has saved and ended.
        """
        waiting = [p for p in self.everything if p.state != "finished"]
        if not waiting:
            return []
        try:
            with self.screen.busy(f"making {counted(len(waiting), 'run')}"):
                while waiting or self.running:
                    while waiting and len(self.running) < self.jobs:
                        chosen = self._next(waiting)
                        waiting.remove(chosen)
                        self.running.append(self._start(chosen))
                    with self.interrupts.interruptible():
                        time.sleep(POLL_SECONDS)
                    self._look(waiting)
        except BaseException:
            self._stop()
            raise
        return self.failures

    def _next(self, waiting: Sequence[Planned]) -> Planned:
        """The next run: one whose accuracy before training is known, or which measures something
        that no other process is measuring; otherwise the first."""
        known = {p.start for p in self.everything if p.before is not None}
        measuring = {c.planned.start for c in self.running} - known
        for wanted in (lambda p: p.start in known, lambda p: p.start not in measuring):
            for one in waiting:
                if wanted(one):
                    return one
        return waiting[0]

    def _start(self, chosen: Planned) -> Child:
        before = next(
            (p.before for p in self.everything if p.start == chosen.start and p.before), None
        )
        spec = Spec(config=configuration.to_json(chosen.config), before=before)
        slot = min(set(range(self.jobs)) - {c.slot for c in self.running})
        steps = chosen.steps_left
        chosen.path.parent.mkdir(parents=True, exist_ok=True)
        with chosen.log.open("ab") as log:
            said = log.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "paceline.analysis.compare.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self._share(slot) | _modules(),
                # A terminal's Ctrl-C comes to this process alone, which passes it on once: a run
                # that is saving would take a second one for an order to stop at once.
                start_new_session=True,
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has failed already, and says why
            # What it shall do; then the pipe stays open, and closes with this process.
            process.stdin.write(json.dumps(spec.to_json()).encode() + b"\n")
            process.stdin.flush()
        return Child(chosen, process, slot, time.monotonic(), steps, said)

    def _share(self, slot: int) -> dict[str, str]:
        """The process's share of the machine: a GPU where there are several, and its processors."""
        if self.jobs == 1:
            return {}
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        devices = named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]
        share = {"CUDA_VISIBLE_DEVICES": devices[slot % len(devices)]} if len(devices) > 1 else {}
        if "OMP_NUM_THREADS" not in os.environ:
            share["OMP_NUM_THREADS"] = str(max(1, processors() // self.jobs))
        return share

    def _look(self, waiting: Sequence[Planned]) -> None:
        """Check which processes have ended, and report them."""
        for child in [c for c in self.running if c.process.poll() is not None]:
            self.running.remove(child)
            self._ended(child, [*(c.planned for c in self.running), *waiting])
        if self.screen.status is not None and self.running:
            self.screen.status.update("; ".join(c.doing for c in self.running))

    def _ended(self, child: Child, left: Sequence[Planned]) -> None:
        planned, took = child.planned, time.monotonic() - child.began
        _close(child)
        if planned.state != "finished":
            why = last_words(planned, child.process.returncode, child.said)
            self.failures.append(Failure(planned, why))
            self.screen.say(f"  {planned.title} failed: {why}", "red")
            return
        if child.steps:  # not only its last evaluation
            self.seconds, self.steps = self.seconds + took, self.steps + child.steps
        more = f"; {len(left)} left" if left else ""
        # Where every step is taken, only last evaluations are left: no time worth a figure.
        if self.steps and (seconds := time_for(left, self.jobs, self.seconds / self.steps)):
            more += f", about {short_duration(seconds)}"
        told = f"{_gain(planned.run.outcome)}{short_duration(took)}{more}"
        self.screen.say(f"  {planned.title}: {told}")
        self.made(planned)

    def _stop(self) -> None:
        """Let every process save and end, and wait for them."""
        for child in self.running:
            _close(child)
        if self.running:
            self.screen.say("stopping: the runs save where they are …", "yellow")
        for child in self.running:
            child.process.wait()


def _gain(summary: Summary | None) -> str:
    """The share measured before and after; nothing where none was."""
    if summary is None or summary.before is None or summary.after is None:
        return ""
    first, last = summary.before.leading, summary.after.leading
    return "" if first is None or last is None else f"{100 * first:.1f} → {percent(last, 1)}, "


def _modules() -> dict[str, str]:
    """The folder where a script finds its own modules, which may define an objective or a
    reward."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = dict.fromkeys(filter(None, [*known, sys.path[0]]))
    return {"PYTHONPATH": os.pathsep.join(places)}


def _close(child: Child) -> None:
    """Tell a process to save and end, if it has not."""
    assert child.process.stdin is not None
    with suppress(BrokenPipeError):  # what it was never able to read
        child.process.stdin.close()


def last_words(planned: Planned, code: int, said: int = 0) -> str:
    """The reason why a process ended: the last line that it wrote, which is its error's sentence.

    Args:
        said: number of bytes that the log had before it.
    """
    wrote = planned.log.read_bytes()[said:] if planned.log.exists() else b""
    text = wrote.decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ending = f"signal {-code}" if code < 0 else f"exit code {code}"
    told = lines[-1].removeprefix("paceline: ") if lines else "it wrote nothing"
    return f"{told} ({ending}; see {planned.log})"


def processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
