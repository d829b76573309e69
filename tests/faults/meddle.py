"""Faults put into a run in its own process, each at a place of its own."""

import errno
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from paceline.errors import RewardError, SandboxError
from paceline.training import Learner, Sampler, Trainer


def stop_at(steps: list[int]) -> None:
    """SIGTERM arrives in these steps, while their gradient is being summed."""
    _in_gradient(lambda step: step - 1 in steps and os.kill(os.getpid(), signal.SIGTERM))


def stop_after(count: int) -> None:
    """SIGTERM arrives after so many steps of this process."""
    step, taken = Trainer.step, []

    def stopped(self: Trainer) -> Any:
        report = step(self)
        taken.append(report.step)
        if len(taken) == count:
            os.kill(os.getpid(), signal.SIGTERM)
        return report

    Trainer.step = stopped


def other_model(seed: int) -> None:
    """The model's files are others: the tiny model is made from another seed."""
    from paceline.model import tiny

    model = tiny.model
    tiny.model = lambda _=0, *rest, **options: model(seed, *rest, **options)


def poison(steps: list[int]) -> None:
    """Gradients of these steps are not finite."""
    step = Learner.optim_step

    def poisoned(self: Learner, number: int) -> Any:
        if number in steps:
            self.gradients()[0].fill_(float("nan"))
        return step(self, number)

    Learner.optim_step = poisoned


def signal_in(place: str) -> None:
    """SIGTERM arrives in the middle of sampling, of an evaluation on the way, or of the last
    one."""
    from paceline.engine import LocalEngine

    generate, session = LocalEngine.generate, {"steps": -1}
    at = {"sampling": 5, "evaluation": 4, "last": 10}[place]
    step = Trainer.step

    def stepped(self: Trainer) -> Any:
        session["steps"] = self.steps + (place == "sampling")
        report = step(self)
        session["steps"] = self.steps
        return report

    def generating(self: LocalEngine, *arguments: Any, **options: Any) -> Any:
        if session["steps"] == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return generate(self, *arguments, **options)

    Trainer.step, LocalEngine.generate = stepped, generating


def no_sync(_: bool) -> None:
    """The files of checkpoints are not brought onto the disk before they are renamed."""
    from paceline.store import atomic

    def unless_in_checkpoints(file: int) -> None:
        path = os.readlink(f"/proc/self/fd/{file}")
        if "/checkpoints/" not in path or os.path.isdir(path):
            os.fsync(file)

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            return unless_in_checkpoints if name == "fsync" else getattr(os, name)

    atomic.os = Lazy()


def slow_disk(seconds: float) -> None:
    """Every file of a checkpoint waits before it is written, its tensors not yet read."""
    from paceline.store import atomic

    write = atomic.write

    def slow(path: Path, chunks: Any) -> Any:
        if "checkpoints" in str(path):
            time.sleep(seconds)
        return write(path, chunks)

    atomic.write = slow


def die_in(step: int) -> None:
    """SIGKILL when this step's gradient is to be summed."""
    _in_gradient(lambda number: number == step and os.kill(os.getpid(), signal.SIGKILL))


def _in_gradient(happens: Callable[[int], object]) -> None:
    """Something happens when a step's gradient is to be summed; given the step's number."""

    def after_it(step: int, gradient: Callable[[], Any]) -> Any:
        happens(step)
        return gradient()

    _around_gradient(after_it)


def _around_gradient(does: Callable[[int, Callable[[], Any]], Any]) -> None:
    """Each sum of a gradient is made by a function of the step's number and of the sum."""
    step, gradient, number = Trainer.step, Learner.forward_backward, [0]

    def numbered(self: Trainer) -> Any:
        number[0] = self.steps + 1
        return step(self)

    def summed(self: Learner, *arguments: Any) -> Any:
        return does(number[0], lambda: gradient(self, *arguments))

    Trainer.step, Learner.forward_backward = numbered, summed


def reward_breaks(round: int) -> None:
    """The reward raises in this round."""
    _breaks(round, RewardError("The reward 'mine' raised KeyError on problem p3."))


def sandbox_breaks(round: int) -> None:
    """The sandbox stops working in this round."""
    _breaks(round, SandboxError("The sandbox does not start any more."))


def _breaks(round: int, error: Exception) -> None:
    groups = Sampler._groups

    def broken(self: Sampler, index: int, *rest: Any) -> Any:
        found = groups(self, index, *rest)
        if index == round:
            raise error
        return found

    Sampler._groups = broken


def mute(_: bool) -> None:
    """Nobody reads what is printed: the pipe is closed after the third step."""
    step = Trainer.step

    def muted(self: Trainer) -> Any:
        if self.steps == 3:
            reading, writing = os.pipe()
            os.close(reading)
            os.dup2(writing, 1)
        return step(self)

    Trainer.step = muted


def no_report(_: bool) -> None:
    """The report cannot be written."""
    from paceline.run import session

    def fails(path: Path) -> Path:
        raise ZeroDivisionError("in the report")

    session.write_report = fails


def slow_save(seconds: float) -> None:
    """A checkpoint takes its time to be written."""
    from paceline.store import checkpoint

    write = checkpoint.write

    def slow(*arguments: Any) -> Any:
        time.sleep(seconds)
        return write(*arguments)

    checkpoint.write = slow


def few_rows(rows: int) -> None:
    """Decoding more rows than these at once runs out of memory."""
    from paceline.engine import LocalEngine

    generate = LocalEngine.generate

    def short(self: LocalEngine, *arguments: Any, **options: Any) -> Any:
        if self.rows_at_once > rows:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
        return generate(self, *arguments, **options)

    LocalEngine.generate = short


def little_memory(megabytes: int) -> None:
    """The first step's update gets no more memory than this."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    limits: list[int] = []

    def held() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * resource.getpagesize()

    def limited(step: int, gradient: Callable[[], Any]) -> Any:
        if step > 1:
            return gradient()
        # What was freed is kept for reuse: that much is in the way first.
        now, ballast = held(), list[torch.Tensor]()
        while held() == now:
            ballast.append(torch.empty(2**18))
        if not limits:
            limits.append(now + megabytes * 2**20)
        resource.setrlimit(resource.RLIMIT_AS, (limits[0], before[1]))
        try:
            return gradient()
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    _around_gradient(limited)


def forget(tokens: int) -> None:
    """A pass over more tokens than these runs out of memory."""
    from paceline.model import Policy

    loss = Policy.loss

    def short(self: Policy, objective: Any, micro: Any, *rest: Any) -> Any:
        if self.layout.size(micro.rows) > tokens and len(micro.rows) > 1:
            raise torch.OutOfMemoryError(f"CUDA out of memory. RewardTrial {micro.rows}")
        return loss(self, objective, micro, *rest)

    Policy.loss = short


def fill_disk(path: str) -> None:
    """After step 5 a file takes all the room that the disk has left."""
    step = Trainer.step

    def filled(self: Trainer) -> Any:
        report = step(self)
        if report.step == 5:
            with suppress(OSError), open(path, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        return report

    Trainer.step = filled


def full(names: list[str]) -> None:
    """Files of these names cannot be written: the disk is full."""
    write = os.write

    def refusing(file: int, data: Any) -> int:
        path = os.readlink(f"/proc/self/fd/{file}")
        if any(name in path for name in names):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    os.write = refusing


def no_room_for_the_model(path: str) -> None:
    """A file takes all the room that the disk has left, but for a few kilobytes, when the final
    model is to be saved."""
    from paceline.model import Policy

    save = Policy.save

    def saved(self: Policy, folder: Path) -> None:
        with suppress(OSError), open(path, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        os.truncate(path, os.path.getsize(path) - 100_000)
        save(self, folder)

    Policy.save = saved
