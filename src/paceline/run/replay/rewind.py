"""A trainer brought to where a run stood, by redoing its updates from the rounds on disk.

Nothing is sampled and no verifier is asked: the rounds hold the tokens and the verdicts. Anchors
and the reference's log-probabilities are computed again, in the packs of the run's own updates, so
that with the same code, machine and threads every weight comes out as it was, bit for bit.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pyarrow

from ... import config as configuration
from ...config import Config
from ...errors import CheckpointError, ConfigError, DataError
from ...model import Reference
from ...model.allocator import give_back_freed_memory
from ...training import Drawn, Sampler, Trainer
from ...training.clock import Clock
from ...types import Problem, Round
from .. import checkpoint, prepare, resuming
from ..check import Checked, without_reward
from ..fingerprints import fingerprints
from ..log import finite
from ..restore import restore
from ..rollouts import read_round
from ..run import Run
from ..saver import fixed_weights
from ..sitting import GIVE_BACK_EVERY
from ..tensors import fingerprint

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to where a run stood before a step."""

    run: Run
    step: int
    lines: Mapping[int, Line]
    """The lines of metrics.jsonl, by step."""
    found: resuming.Found | None
    """The checkpoint to begin from; None begins with the model that the run began with."""
    config: Config
    """Of the steps that are redone, and of the one that is replayed."""
    notes: tuple[str, ...]
    """Why a later checkpoint is not taken, a sentence each."""

    @property
    def begin(self) -> int:
        """Optimizer steps taken where it begins."""
        return self.found[1].step if self.found else 0

    @property
    def first(self) -> int:
        """The first step of the round."""
        return self.step - self.lines[self.step]["part"]

    @property
    def redone(self) -> range:
        """The steps to redo."""
        return range(self.begin + 1, self.step)

    @property
    def seconds(self) -> float:
        """What these took in the run, sampling and verdicts aside."""
        phases = [self.lines[step]["phases"] for step in self.redone]
        return sum(p.get(name, 0.0) for p in phases for name in ("score", "update", "optimize"))


def way_to(run: Run, step: int) -> Way:
    """Find out how to come to a step, without changing anything.

    Raises: ConfigError for a step that the run does not have, or that lies behind a change of its
        config; DataError where a round that is needed is not on disk.
    """
    lines = {line["step"]: line for line in run.metrics()}
    if not lines:
        raise ConfigError(f"'{run.path}' has no step yet; there is nothing to replay.")
    if step not in lines:
        raise ConfigError(f"'{run.path}' has the steps 1 to {max(lines)}, and no step {step}.")
    resuming.config_of(run)  # an old run's config cannot be read
    found, notes = _checkpoint(run, step - lines[step]["part"])
    config = _config(run, found[1].step if found else 0, step)
    way = Way(run, step, lines, found, config, notes)
    for missing in (s for s in way.redone if s not in lines):
        raise DataError(f"The line of step {missing} is missing in '{run.lines}'.")
    _check_rounds(way)
    return way


def _checkpoint(run: Run, first: int) -> tuple[resuming.Found | None, tuple[str, ...]]:
    """The newest one that is whole and not behind the start of the round whose first step this
    is."""
    notes = []
    for folder in checkpoint.saved(run.checkpoints) if run.checkpoints.is_dir() else ():
        if int(folder.name.removeprefix("step-")) >= first:
            continue
        try:
            state = checkpoint.verify(folder, run.config["id"])
            resuming.check_beside(run, state)
        except CheckpointError as error:
            notes.append(f"{folder.name} is not taken: {str(error).rstrip('.')}.")
            continue
        return (folder, state), tuple(notes)
    return None, tuple(notes)


def _config(run: Run, begin: int, step: int) -> Config:
    """The config of the steps behind `begin` up to this one.

    Raises: ConfigError where it was changed between them, or the task was changed behind them: its
        problems of then are not known any more.
    """
    data, changes = run.config["config"], run.config.get("changes", [])
    for change in (c for c in changes if c["step"] >= step):
        if any(resuming.within(key, ("task",)) for key in change["keys"]):
            raise ConfigError(
                f"The run went on with another task after step {change['step']}, so that the "
                f"problems of step {step} are not known any more; replay a later step."
            )
    then = _as_of(data, changes, step)
    for change in (c for c in changes if begin < c["step"] < step):
        try:
            resuming.compare(_as_of(data, changes, change["step"]), then, ())
        except ConfigError:
            keys = [k for k in change["keys"] if not resuming.within(k, resuming.SAFE)]
            raise ConfigError(
                f"The run went on with another {' and another '.join(keys)} after step "
                f"{change['step']}; a replay that begins at step {begin} reaches the steps up to "
                "that one, and later ones only from a checkpoint at that step or behind it."
            ) from None
    meant = {"bfloat16": "bf16", "float32": "fp32"}[run.config["machine"]["dtype"]]
    return configuration.from_json(then).with_(**{"model.dtype": meant})


def _as_of(data: dict[str, Any], changes: list[dict[str, Any]], step: int) -> dict[str, Any]:
    """The config as JSON under which a step was taken: later changes are taken back."""
    data = deepcopy(data)
    for change in reversed([c for c in changes if c["step"] >= step]):
        for key, (was, _) in change["keys"].items():
            *sections, name = key.split(".")
            section = data
            for part in sections:
                section = section[part]
            section[name] = was
    return data


def _check_rounds(way: Way) -> None:
    """Raise DataError where a round is missing that the way leads through."""
    run, last = way.run, way.lines[way.step]["round"]
    if not any(run.rollouts.glob("round-*.parquet")):
        raise DataError(
            f"'{run.path}' has no rounds on disk, and a replay redoes the updates from them."
        )
    begin = 0 if way.found is None else way.found[1].rounds - (way.found[1].round is not None)
    for index in range(begin, last + 1):
        if not run.rollouts_of(index).is_file():
            raise DataError(
                f"Round {index} of '{run.path}' is not on disk ({run.rollouts_of(index).name}), "
                f"and step {way.step} cannot be come to without it."
            )


def checked_for(way: Way) -> Checked:
    """What a trainer is made from, without the reward: it will not be asked.

    Raises: DataError or ConfigError where problems or tokenizer are not those of the run.
    """
    checked = without_reward(way.config)  # the verdicts are in the rounds
    was, now = way.run.config["fingerprints"], fingerprints(checked)
    if was["problems"] != now["problems"]:
        raise DataError(
            "The problems of the task, or how they are asked, are not those that the run was made "
            "with; put the old ones back."
        )
    if was["tokenizer"] != now["tokenizer"]:
        raise ConfigError(
            "The model's tokenizer or chat template is not the one that the run was made with; put "
            "the old one back."
        )
    return checked


class StoredRounds(Sampler):
    """Hands out a run's rounds as they were sampled."""

    def __init__(self, run: Run, like: Sampler) -> None:
        super().__init__(like.policy, like.engine, like.task, like.settings, like.seed, like.judges)
        self.run = run

    def sample(self, index: int, clock: Clock) -> Drawn:
        """The round of this number, not yet scored."""
        return Drawn(self.stored(index), refused=0, too_long=0)

    def stored(self, index: int) -> Round:
        """The same without what was counted beside it.

        Raises: DataError where it cannot be read, or asked problems that the task does not have.
        """

        def problem_at(draw: int, id: str) -> Problem:
            problem = self.problem_at(draw)
            if problem.id != id:
                raise DataError(
                    f"Round {index} asked problem {id} at place {draw}, where the task has "
                    f"{problem.id} now; put the old problems back."
                )
            return problem

        path = self.run.rollouts_of(index)
        try:
            round = read_round(path, problem_at)
        except (pyarrow.ArrowException, OSError, KeyError, IndexError) as error:
            raise DataError(f"'{path}' cannot be read ({type(error).__name__}).") from error
        return replace(round, anchor=None, ref=None)


def trainer_for(way: Way, checked: Checked, *, reference: bool) -> Trainer:
    """A trainer that redoes the run, at its beginning.

    Args:
        reference: give it one also where the run has none: the model that the run began with.
    """
    policy = prepare.policy_of(checked)
    trainer = prepare.trainer_of(checked, policy)
    trainer.sampler = StoredRounds(way.run, trainer.sampler)
    if reference and trainer.reference is None:
        trainer.reference = Reference(policy)
    return trainer


def take_up(way: Way, trainer: Trainer) -> None:
    """Put the trainer where the checkpoint was. Raises: CheckpointError where it does not fit."""
    if way.found is None:
        return
    folder, state = way.found
    try:
        restore(folder, state, trainer, way.run.rollouts_of(state.rounds - 1))
    except CheckpointError as error:
        raise CheckpointError(f"'{folder}' cannot be begun from: {error}.") from error
    fixed = fixed_weights(trainer)
    if state.fixed is not None and fixed is not None and fingerprint(fixed) != state.fixed:
        raise CheckpointError(
            "The model's files are not those that the run began with, and the reference that its "
            "KL term needs is read from them; put the old ones back."
        )


def redo(
    trainer: Trainer, until: int, tell: Callable[[int], None] = lambda step: None
) -> dict[int, float | None]:
    """Take steps again until so many are taken; their gradients' norms by step."""
    norms: dict[int, float | None] = {}
    while trainer.steps < until:
        tell(trainer.steps + 1)
        report = trainer.step()
        norms[report.step] = finite(report.stepped.grad_norm)
        if report.step % GIVE_BACK_EVERY == 0:
            give_back_freed_memory()
    return norms


def differences(norms: Mapping[int, float | None], lines: Mapping[int, Line]) -> dict[int, float]:
    """The relative difference to the run's own norm, by step; infinite where only one of the two is
    a finite number."""
    found = {}
    for step, here in norms.items():
        there = lines[step]["grad_norm"]
        if here == there:
            found[step] = 0.0
        elif here is None or not there:
            found[step] = float("inf")
        else:
            found[step] = abs(here - there) / there
    return found


def not_as_it_was(way: Way, checked: Checked) -> tuple[str, ...]:
    """Versions and hardware that decide how numbers round, a sentence each."""
    then, now = way.run.config, (prepare.versions(), prepare.machine(checked))
    pairs = zip((then["versions"], then["machine"]), now, strict=True)
    return tuple(
        f"{key} was {was.get(key)} and is {here[key]}."
        for was, here in pairs
        for key in here
        if key not in ("cpus", "sandbox") and was.get(key) != here[key]
    )
