"""A trainer brought back to an earlier step of a run, by redoing its updates from the rounds on
disk.

Nothing is sampled and no verifier is asked: the rounds hold the tokens and the verdicts. Anchors
and the reference's log-probabilities are computed again, in the packs of the run's own updates, so
that with the same code, machine and threads every weight comes out as it was, bit for bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pyarrow

from ...errors import DataError, UnfitCheckpointError
from ...model import make_reference
from ...model.allocator import give_back_freed_memory
from ...objective import Objective
from ...preflight.load import Loaded
from ...run import build
from ...run.continuation import refusal
from ...run.session import GIVE_BACK_EVERY, restore
from ...store.async_writer import check_fixed
from ...store.base import RecordError, finite
from ...store.description import Environment
from ...store.records import StepRecord
from ...store.rounds import read_round
from ...store.run import Run
from ...training import StoredRounds, Stream, Trainer
from ...types import Problem, Round
from .route import Route


def check_same(route: Route, now: Environment) -> None:
    """Raise DataError or ConfigError where problems, tokenizer or, if the route begins with them,
    the model's weights are not those of the run."""
    was = route.run.description.environment_at(route.step)
    began = [kind for kind in ("adapter",) if kind in now.fingerprints]
    for kind in ("problems", "tokenizer", *began, *(["model"] if route.found is None else [])):
        was.check_same(now, kind)


def stored_round(run: Run, index: int, problem_at: Callable[[int], Problem]) -> Round:
    """A round of a run as it was sampled, not yet scored.

    Raises: DataError if it cannot be read, or asked problems that the task does not have.
    """
    path = run.rollouts_of(index)
    try:
        round = read_round(path, problem_at)
    except RecordError as error:
        raise DataError(str(error)) from error
    except (pyarrow.ArrowException, OSError, IndexError) as error:
        raise DataError(f"'{path}' cannot be read ({type(error).__name__}).") from error
    return replace(round, anchor=None, ref=None)


def trainer_for(route: Route, loaded: Loaded, *, reference: bool) -> Trainer:
    """A trainer that redoes the run from its stored rounds, at its beginning.

    Args:
        reference: give it a reference even if the run has none: the model that the run began with.
    """
    config, policy = loaded.config, build.policy_of(loaded)
    stream = Stream(loaded.task.train, config.seed)
    read = partial(stored_round, route.run, problem_at=stream.at)
    frozen = None
    if loaded.objective.needs_reference:
        frozen = build.reference_of(loaded, policy)
    elif reference:
        frozen = make_reference(policy)
    return Trainer(
        build.learner_of(loaded, policy),
        StoredRounds(read, config.rollouts.max_tokens, stream.at),
        loaded.objective,
        config.schedule,
        reference=frozen,
        seed=config.seed,
    )


def take_up(route: Route, trainer: Trainer) -> None:
    """Restore the checkpoint into the trainer. Raises: CheckpointError if it does not fit."""
    if route.found is None:
        return
    try:
        restore(trainer, route.found, route.run)
    except UnfitCheckpointError as error:
        raise refusal("replay", route.run, route.found.folder, error) from error
    check_fixed(trainer.fixed(), route.found.state)


def redo(
    route: Route, trainer: Trainer, until: int, tell: Callable[[int], None] = lambda step: None
) -> dict[int, float | None]:
    """Take steps again up to a number; returns their gradients' norms by step."""
    norms: dict[int, float | None] = {}
    while True:
        learner = trainer.learner
        limit = route.packs.get(trainer.steps, learner.tokens_per_forward)
        learner.tokens_per_forward = limit
        if trainer.steps >= until:
            return norms
        tell(trainer.steps + 1)
        report = trainer.step()
        norms[report.step] = finite(report.update.grad_norm)
        if report.step % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()


def differences(
    norms: Mapping[int, float | None], lines: Mapping[int, StepRecord]
) -> dict[int, float]:
    """The relative difference to the run's own norm, by step; infinite if only one of the two is
    finite."""
    found = {}
    for step, here in norms.items():
        there = lines[step].grad_norm
        if here == there:
            found[step] = 0.0
        elif here is None or not there:
            found[step] = float("inf")
        else:
            found[step] = abs(here - there) / there
    return found


def of_the_reference(
    route: Route, loaded: Loaded, now: Environment, asked: Mapping[str, Objective]
) -> tuple[str, ...]:
    """Notes on the reference of other objectives if the run has none, a sentence each."""
    names = [name for name, objective in asked.items() if objective.needs_reference]
    if not names or loaded.objective.needs_reference:
        return ()
    notes, whose = [], f"The reference of {' and '.join(names)}"
    if every := route.config.reference.every:
        notes.append(
            f"{whose} is the model that the run began with, although reference.every is {every}: "
            "the run has no reference, so there is none that followed it."
        )
    was = route.run.description.environment_at(route.step).fingerprints.get("model")
    here = now.fingerprints["model"]
    if was is not None and was != here:
        notes.append(f"{whose} is read from the model's files, which are not as they were.")
    elif route.found is not None and not here and loaded.source.kind != "tiny":
        notes.append(
            f"{whose} is read from the model's files as they are now; of a model on a hub the run "
            "kept no hash."
        )
    return tuple(notes)


def not_as_it_was(route: Route, now: Environment) -> tuple[str, ...]:
    """Sentences about what decides how numbers round and is not as it was when the steps of the
    route were taken."""
    description = route.run.description
    last = [c.step for c in description.changes if route.begin < c.step < route.step]
    steps = (*last, route.step)
    found = [one for step in steps for one in description.environment_at(step).unlike(now)]
    # No program is run here, whatever wall the run's own were behind.
    told = [f"{what} was {was} and is {is_}." for what, was, is_ in found if what != "sandbox"]
    return tuple(dict.fromkeys(told))
