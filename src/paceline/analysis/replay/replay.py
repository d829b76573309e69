"""The replay of one step: rewind, then measure the step under every objective."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from ...config import labelled, objective_from
from ...errors import ConfigError, MemoryShortError
from ...model import Detokenizer
from ...objective import NAMES, Objective
from ...objective.named import Named
from ...preflight.environment import environment_of
from ...preflight.held import FP32_BYTES, Beside, held_by
from ...preflight.load import Loaded, load, model_size_of
from ...preflight.reference import teacher_size
from ...preflight.resources import Resources
from ...run.screen import Screen
from ...store.base import finite
from ...store.run import Run
from ...text import counted, short_duration
from ...training import Trainer
from .measure import candidates, cosines, measure
from .record import MeasuredObjective, Redone, Replay
from .rewind import (
    check_same,
    differences,
    not_as_it_was,
    of_the_reference,
    redo,
    stored_round,
    take_up,
    trainer_for,
)
from .route import Route, route_to

DEFAULT_OBJECTIVES = ("grpo", "dr_grpo", "gspo", "dapo", "cispo", "rloo")
"""The objectives that are tried if none is named."""
OWN_LABEL = "the run's own"
"""Label of the run's own objective if it has no name."""

Objectives = Mapping[str, Objective] | Sequence[str | Objective]


def replay(
    path: Path | str, step: int, objectives: Objectives = (), *, screen: Screen | None = None
) -> Replay:
    """Recompute a step of a run under its own objective and under others.

    The policy is brought to where it stood just before the step; nothing in the run's directory is
    changed, so the run may still be going on.

    Args:
        path: the run's directory.
        step: an optimizer step of it, counted from 1.
        objectives: names, file.py:value and objectives, or a mapping from labels; if empty, those
            of DEFAULT_OBJECTIVES.
        screen: shows the current work; None shows nothing.

    Raises: UserError with one sentence, before the model is loaded if that is possible.
    """
    screen = screen or Screen(0, quiet=True)
    route = route_to(Run.open(path), step)
    if route.config.answers == "given":
        raise ConfigError(
            f"'{path}' learned from completions that its rows bring, and a replay is of a round "
            "that was sampled; look at the run's report instead."
        )
    loaded = load(route.config, reward=False)  # the verdicts are in the rounds
    now = environment_of(loaded)
    check_same(route, now)
    asked = asked_for(objectives or DEFAULT_OBJECTIVES, loaded)
    _check_memory(route, loaded, asked)
    notes = (*not_as_it_was(route, now), *of_the_reference(route, loaded, now, asked))
    _tell(route, loaded, asked, notes, screen)
    with screen.busy("loading the model"):
        needs = any(o.needs_reference for o in asked.values())
        trainer = trainer_for(route, loaded, reference=needs)
        _check_advantages(route, trainer, asked)
        take_up(route, trainer)
    return _replayed(route, loaded, trainer, asked, notes, screen)


def asked_for(objectives: Objectives, loaded: Loaded) -> dict[str, Objective]:
    """The objectives by name, the run's own first; one that is given twice, or is the run's own,
    stands once.

    Raises: ConfigError for a value that is not an objective, has needs that no trainer here can
        meet, or shares its name with another.
    """
    most, own = loaded.config.rollouts.max_tokens, _replayable(loaded.objective)
    named = (name for name, make in NAMES.items() if make().resolved(most) == own)
    found = {next(named, OWN_LABEL): own}
    for name, given in labelled(_once(objectives)).items():
        objective = _replayable(given).resolved(most)
        if objective in found.values():
            continue
        if name in found:
            raise ConfigError(f"'{name}' is the run's own objective; give the other another label.")
        found[name] = objective
    return found


def _replayable(given: Named) -> Objective:
    """The same, if rounds of sampled completions can be replayed under it."""
    if not isinstance(given, Objective):
        raise ConfigError(
            f"{given} learns from completions that rows bring, and a replay is of a round that was "
            "sampled; take an objective such as grpo."
        )
    if given.needs_values:
        raise ConfigError(
            f"{given} needs a critic's values, and a replay redoes the policy's steps alone; take "
            "a run and objectives without one, such as grpo."
        )
    return given


def _once(objectives: Objectives) -> Objectives:
    if isinstance(objectives, Mapping):
        return objectives
    # A name and the value that it stands for are the same.
    meant = [objective_from(o) if isinstance(o, str) else o for o in objectives]
    return [o for i, o in enumerate(objectives) if meant[i] not in meant[:i]]


def _check_memory(route: Route, loaded: Loaded, asked: Mapping[str, Objective]) -> None:
    """Raise MemoryShortError if the gradients would not fit beside the memory of training."""
    model_size = model_size_of(loaded)
    training = 0
    if loaded.device.type == "cpu":
        reference = any(o.needs_reference for o in (loaded.objective, *asked.values()))
        beside = Beside(teacher=teacher_size(loaded))
        held = held_by(loaded.config, model_size, loaded.dtype, reference=reference, beside=beside)
        training = held.fixed
    gradients = model_size.trained * FP32_BYTES * len(asked)
    free = Resources.of(torch.device("cpu"), route.run.path).memory
    if training + gradients > free:
        beside = f" beside {training / 1e9:.1f} GB for training" if training else ""
        many = counted(len(asked), "objective")
        raise MemoryShortError(
            f"The gradients of {many} take {gradients / 1e9:.1f} GB of memory"
            f"{beside}, and {free / 1e9:.1f} GB are free; name fewer with --objective."
        )


def _tell(
    route: Route,
    loaded: Loaded,
    asked: Mapping[str, Objective],
    notes: Sequence[str],
    screen: Screen,
) -> None:
    """Show the starting point, and the number of steps to redo."""
    record, parts = route.lines[route.step], loaded.config.schedule.parts
    screen.say(
        f"paceline: step {route.step} of {route.run.path}, part {record.part + 1} of {parts} of "
        f"round {record.round}, under {', '.join(asked)}",
        "bold",
    )
    for note in (*route.notes, *notes):
        screen.say(f"  note: {note}", "yellow")
    start = f"the checkpoint of step {route.begin}" if route.begin else "the run's start"
    many = len(route.redone)
    if not many:
        screen.say(f"  nothing has to be redone: {start} is where the step began")
        return
    screen.say(
        f"  {many} step{'s have' if many > 1 else ' has'} to be redone from {start}, in about "
        f"{short_duration(route.seconds)} at the run's own pace; a run with save_keep=0 keeps all "
        "its checkpoints, and then it is less"
    )


def _check_advantages(route: Route, trainer: Trainer, asked: Mapping[str, Objective]) -> None:
    """Raise ConfigError if the advantages of an objective cannot be computed for the round, before
    anything is redone."""
    round = stored_round(route.run, route.lines[route.step].round, trainer.source.problem_at)
    for name, objective in asked.items():
        try:
            if not objective.needs_anchor_for_advantages:
                objective.advantages(round)
        except ValueError as error:
            raise ConfigError(f"{name} does not fit this round: {error}") from error


def _replayed(
    route: Route,
    loaded: Loaded,
    trainer: Trainer,
    asked: Mapping[str, Objective],
    notes: tuple[str, ...],
    screen: Screen,
) -> Replay:
    """Redo up to the round, score it for every objective, redo up to the step, measure."""

    def tell(what: str) -> None:
        if screen.status is not None:
            screen.status.update(what)

    def told(step: int) -> None:
        tell(f"redoing step {step}, up to step {route.step - 1}")

    many = len(route.redone)
    with screen.busy(f"redoing {counted(many, 'step')}") if many else nullcontext():
        norms = redo(route, trainer, route.first - 1, told)
        trainer.take_up_round()
        tried = candidates(trainer, asked)
        norms |= redo(route, trainer, route.step - 1, told)
    measured, gradients, scored = [], [], {}
    with screen.busy(f"measuring {counted(len(tried), 'objective')}"):
        for i, candidate in enumerate(tried, 1):
            tell(f"measuring {candidate.name} ({i} of {len(tried)})")
            part = route.lines[route.step].part
            one, gradient = measure(candidate, trainer, part, scored)
            measured.append(one)
            gradients.append(gradient)
        cosine = cosines(gradients)
    norms[route.step] = finite(measured[0].grad_norm)
    redone = _redone(route, norms, notes)
    return _record(route, loaded, trainer, redone, tuple(measured), cosine)


def _redone(route: Route, norms: Mapping[int, float | None], notes: tuple[str, ...]) -> Redone:
    """The record of the redone steps, with their agreement."""
    found = differences(norms, route.lines)
    at = max(found, key=lambda step: found[step])
    return Redone(route.begin, len(route.redone), found[at], at, notes)


def _record(
    route: Route,
    loaded: Loaded,
    trainer: Trainer,
    redone: Redone,
    measured: tuple[MeasuredObjective, ...],
    cosine: tuple[tuple[float | None, ...], ...],
) -> Replay:
    """The record of the replay, with the part's texts."""
    assert trainer.sampled is not None
    round, tokenizer = trainer.sampled.round, trainer.policy.tokenizer
    detokenizer = Detokenizer(tokenizer)
    part = route.lines[route.step].part
    groups = tuple(sorted(trainer.parts.groups(round, part)))
    rows = [row for row, group in enumerate(round.group_of) if group in groups]
    return Replay(
        path=route.run.path,
        step=route.step,
        part=part,
        parts=trainer.parts.count,
        last_step=max(route.lines),
        round=round,
        groups=groups,
        redone=redone,
        measured=measured,
        cosine=cosine,
        pieces={i: detokenizer.pieces(round.rollouts[i].completion.token_ids) for i in rows},
        prompts={g: tokenizer.decode(round.groups[g].prompt_ids) for g in groups},
    )
