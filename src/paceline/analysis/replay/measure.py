"""The gradients of objectives on one part, with one policy, and their comparison.

Legend: K objectives, N numbers of a gradient.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...batch import Batch
from ...objective import Criterion, Objective
from ...store.base import finite
from ...training import Trainer
from ...training.parts import with_logprobs
from ...training.retry import retry_smaller
from ...types import Round
from .effects import Scored, effects
from .record import MeasuredObjective

CHUNK_NUMBERS = 1 << 22
"""Number of values of each gradient that are brought to fp64 at a time."""
Gradient = Sequence[Tensor]
"""A gradient: one tensor a parameter, flat, in fp32, in the CPU's memory."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An objective with everything that it reads of a round."""

    name: str
    objective: Objective
    """The objective with its constants filled in."""
    round: Round
    """The round, scored at its start with the columns that the objective asks for."""


def candidates(trainer: Trainer, objectives: Mapping[str, Objective]) -> list[Candidate]:
    """Score the round that a trainer has just taken up for other objectives too.

    Each gets the anchor that a run under it would have: of the rows that it trains on, in the packs
    of its own updates. Two that ask for the same share it.
    """
    assert trainer.sampled is not None
    round = trainer.sampled.round
    scored = {_asks(trainer.loss, round): round}
    found = []
    for name, objective in objectives.items():
        asks = _asks(objective, round)
        if asks not in scored:
            scored[asks] = with_logprobs(
                replace(round, anchor=None, ref=None),
                objective,
                trainer.learner,
                trainer.parts,
                trainer.reference,
                at_reference=trainer.is_reference(),
            )
        own = objective == trainer.loss
        found.append(Candidate(name, objective, round if own else scored[asks]))
    return found


def _asks(loss: Criterion, round: Round) -> object:
    """A key that is equal for two objectives for which a round is scored alike."""
    if loss.needs_anchor_for_advantages:
        return "all rows"
    bare = replace(round, anchor=None, ref=None)
    return loss.needs_reference, Batch.of(bare, range(len(round.groups)), loss).index


def measure(
    candidate: Candidate, trainer: Trainer, part: int, scored: Scored
) -> tuple[MeasuredObjective, Gradient]:
    """The gradient of a part under an objective, and the effects on each of its tokens.

    Args:
        trainer: just before the part's step.
        scored: the policy's scores as far as they are known; new ones are added.
    """
    learner, objective = trainer.learner, candidate.objective
    batch = trainer.parts.batch(candidate.round, part, objective, at_reference=trainer.at_reference)
    learner.clear()
    metrics = retry_smaller(
        lambda: learner.forward_backward(batch, objective), learner, lambda change: None
    )
    gradients = learner.gradients()
    norm = float(nn.utils.get_total_norm(gradients))
    kept = [g.detach().flatten().to("cpu", torch.float32, copy=True) for g in gradients]
    learner.clear()
    measured = MeasuredObjective(
        name=candidate.name,
        objective=objective,
        grad_norm=norm,
        rows=batch.part_rows,
        rows_trained=len(batch.rows),
        tokens=metrics.tokens,
        clip_fraction=finite(metrics.clip_fraction),
        ratio_max=finite(metrics.ratio_max) if metrics.tokens else None,
        effects=effects(learner, objective, batch, scored),
    )
    return measured, kept


def cosines(gradients: Sequence[Gradient]) -> tuple[tuple[float | None, ...], ...]:
    """The cosine between every two gradients; None if one is zero or not finite."""
    gram_KK = torch.zeros(len(gradients), len(gradients), dtype=torch.float64)
    for of_parameter in zip(*gradients, strict=True):
        for chunk in zip(*(g.split(CHUNK_NUMBERS) for g in of_parameter), strict=True):
            rows_KN = torch.stack(chunk).double()
            gram_KK += rows_KN @ rows_KN.T
    norm_K = gram_KK.diagonal().sqrt()
    cosine_KK = gram_KK / (norm_K[:, None] * norm_K)
    return tuple(tuple(map(_cosine, row)) for row in cosine_KK.tolist())


def _cosine(value: float) -> float | None:
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else None
