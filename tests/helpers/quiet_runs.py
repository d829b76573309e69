"""Runs in which nothing happens but what a test says, and what the rules tell of them."""

from collections.abc import Callable
from typing import Any

from paceline.diagnostics import Diagnosis, Watch, diagnoses
from paceline.store.records import Measured, StepRecord
from tests.helpers.records import a_measurement, a_step

Steps = list[StepRecord]


def a_run(steps: int, parts: int = 1, **columns: Any) -> Steps:
    """A run in which nothing happens but what the columns say: a value, or a function of the step
    (of the round, where it is a round's figure), both counted from 1."""
    of_steps = {"entropy", "kl", "ratio_max", "clip_fraction", "evaluation"}
    made = []
    for i in range(steps):
        places = {name: i + 1 if name in of_steps else i // parts + 1 for name in columns}
        figures = {
            name: value(places[name]) if callable(value) else value
            for name, value in columns.items()
        }
        made.append(a_step(step=i + 1, round=i // parts, part=i % parts, **figures))
    return made


def told(steps: Steps) -> list[tuple[int, str]]:
    """(step, name) of each diagnosis, at the step at which the watch says it."""
    watch = Watch()
    said = [(step.step, found.name) for step in steps for found in watch.sees(step)]
    assert said == sorted((found.first, found.name) for found in watch.found)
    return said


def only(steps: Steps) -> Diagnosis:
    """The one diagnosis of a run."""
    (found,) = diagnoses(steps)
    return found


def after(step: int, then: float, before: float) -> Callable[[int], float]:
    """A column with one value up to a step, and another from the next one on."""
    return lambda place: then if place > step else before


def measured(places: dict[int, float], n: int = 500) -> Callable[[int], Measured | None]:
    """A column of measurements on held-out problems, with the accuracy at each of some steps."""
    return lambda step: a_measurement(places[step], n) if step in places else None
