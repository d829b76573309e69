"""Hooks of a trainer do nothing unless they are overridden, and are called around each step."""

from contextlib import contextmanager

import pytest

from paceline.training import ScheduleConfig, TrainerHooks
from paceline.types import Round
from tests.helpers.trainers import trainer_of


def test_a_hook_does_nothing_by_itself():
    hooks = TrainerHooks()
    assert hooks.keep_round(Round(0, ())) is None
    assert hooks.before_change() is None
    assert hooks.out_of_memory("half as many") is None
    with pytest.raises(KeyError, match="as it was"), hooks.interruptible():
        raise KeyError("as it was")


class Noted(TrainerHooks):
    def __init__(self):
        self.calls = []

    def keep_round(self, round):
        self.calls.append(f"keep {round.index}")

    @contextmanager
    def interruptible(self):
        self.calls.append("(")
        yield
        self.calls.append(")")

    def before_change(self):
        self.calls.append("change")


def test_they_are_called_around_the_work_and_before_the_change():
    hooks = Noted()
    trainer = trainer_of(schedule=ScheduleConfig(minibatches=2), hooks=hooks)
    trainer.step()
    # Sampling and scoring may be given up at any point, and so may the gradient.
    assert "keep 0" in hooks.calls and hooks.calls[-3:] == ["(", ")", "change"]
    assert hooks.calls.index("keep 0") < len(hooks.calls) - 3
    hooks.calls.clear()
    trainer.step()  # the round's second update
    assert hooks.calls == ["(", ")", "change"]
