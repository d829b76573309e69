"""Runs that an error stopped on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paceline.config import Config
from paceline.run import train
from paceline.training import Trainer
from tests.helpers.runs import small


class Stop(Exception):
    """An error in the middle of a run."""


@contextmanager
def stops_after(steps: int) -> Iterator[None]:
    """Trainers raise `Stop` where they would take another step than the first so many."""
    step = Trainer.step

    def stops(self):
        if self.steps == steps:
            raise Stop
        return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", stops)
        yield


def of_eight_steps(out: Path) -> Config:
    """Eight steps, two a round, with a checkpoint after every second."""
    return small(out, steps=8, schedule={"minibatches": 2}, save_every=2)


def stopped_run(out: Path) -> Path:
    """A run that an error stopped after 5 of 8 steps, in the middle of a round."""
    with stops_after(5), pytest.raises(Stop):
        train(of_eight_steps(out), quiet=True)
    return out
