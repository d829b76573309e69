"""Faults put into a run in its own process, each at a place of its own."""

import errno
import os
import signal
from typing import Any

import torch

from paceline.training import Trainer


def stop_at(steps: list[int]) -> None:
    """SIGTERM arrives in these steps, while their gradient is being summed."""
    gradient = Trainer._gradient

    def stopped(self: Trainer, batch: Any) -> Any:
        if self.steps in steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return gradient(self, batch)

    Trainer._gradient = stopped


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


def poison(steps: list[int]) -> None:
    """Gradients of these steps are not finite."""
    gradient = Trainer._gradient

    def poisoned(self: Trainer, batch: Any) -> Any:
        metrics = gradient(self, batch)
        if self.steps + 1 in steps:
            self.optimizer.masters[0].grad.fill_(float("nan"))
        return metrics

    Trainer._gradient = poisoned


def forget(tokens: int) -> None:
    """A pass over more tokens than these runs out of memory."""
    from paceline.model import Policy

    loss = Policy.loss

    def short(self: Policy, objective: Any, micro: Any, temperature: float) -> Any:
        if self.layout.size(micro.rows) > tokens and len(micro.rows) > 1:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried {micro.rows}")
        return loss(self, objective, micro, temperature)

    Policy.loss = short


def full(names: list[str]) -> None:
    """Files of these names cannot be written: the disk is full."""
    write = os.write

    def refusing(file: int, data: Any) -> int:
        path = os.readlink(f"/proc/self/fd/{file}")
        if any(name in path for name in names):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    os.write = refusing
