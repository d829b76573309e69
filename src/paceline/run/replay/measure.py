"""What objectives make of one part, with one policy: their gradients, and how these compare.

Legend: K objectives, N numbers of a gradient.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...batch import Batch
from ...objective import Objective
from ...store.base import finite
from ...training import Trainer
from ...types import Round
from .effects import Scored, effects
from .records import Measured

CHUNK = 1 << 22
"""So many numbers of each gradient are brought to fp64 at a time."""
Gradient = Sequence[Tensor]
"""One tensor a parameter, flat, in fp32, in the CPU's memory."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An objective with all that it reads of a round."""

    name: str
    trainer: Trainer
    """Of the same policy, under this objective."""
    round: Round
    """Scored at its start with what the objective asks for."""


def candidates(trainer: Trainer, objectives: Mapping[str, Objective]) -> list[Candidate]:
    """Score the round that a trainer has just taken up for other objectives too.

    Each gets the anchor that a run under it would have: of the rows that it trains on, in the packs
    of its own updates. Two that ask for the same share it.
    """
    assert trainer.drawn is not None
    round = trainer.drawn.round
    scored = {_asks(trainer.objective, round): round}
    found = []
    for name, objective in objectives.items():
        own = objective == trainer.objective
        under = trainer if own else _under(trainer, objective)
        asks = _asks(objective, round)
        if asks not in scored:
            fresh = replace(round, anchor=None, ref=None)
            scored[asks] = under.scored(fresh, under.is_reference())
        found.append(Candidate(name, under, scored[asks]))
    return found


def _under(trainer: Trainer, objective: Objective) -> Trainer:
    """Another trainer of the same policy, which scores and sums gradients and takes no step."""
    return Trainer(
        trainer.policy,
        trainer.engine,
        trainer.sampler,
        objective,
        trainer.optimizer,
        trainer.schedule,
        reference=trainer.reference,
        seed=trainer.seed,
        tokens_per_forward=trainer.tokens_per_forward,
    )


def _asks(objective: Objective, round: Round) -> object:
    """Equal for two objectives for which a round is scored alike."""
    if objective.needs_anchor_for_advantages:
        return "all rows"
    bare = replace(round, anchor=None, ref=None)
    return objective.needs_reference, Batch.of(bare, range(len(round.groups)), objective).index


def measure(candidate: Candidate, part: int, scored: Scored) -> tuple[Measured, Gradient]:
    """The gradient of a part under an objective, and what it does to each of its tokens.

    Args:
        scored: the policy's scores as far as they are known; is added to.
    """
    trainer, objective = candidate.trainer, candidate.trainer.objective
    trainer.part = part
    batch = trainer.batch(candidate.round)
    trainer.optimizer.clear()
    metrics = trainer.gradient(batch)
    gradients = [g for m in trainer.optimizer.masters if (g := m.grad) is not None]
    norm = float(nn.utils.get_total_norm(gradients))
    kept = [g.detach().flatten().to("cpu", torch.float32, copy=True) for g in gradients]
    trainer.optimizer.clear()
    measured = Measured(
        name=candidate.name,
        objective=objective,
        grad_norm=norm,
        rows=batch.part_rows,
        rows_trained=len(batch.rows),
        tokens=metrics.tokens,
        clip_fraction=finite(metrics.clip_fraction),
        ratio_max=finite(metrics.ratio_max) if metrics.tokens else None,
        effects=effects(trainer, batch, scored),
    )
    return measured, kept


def cosines(gradients: Sequence[Gradient]) -> tuple[tuple[float | None, ...], ...]:
    """Between every two gradients; None where one is zero or not finite."""
    gram_KK = torch.zeros(len(gradients), len(gradients), dtype=torch.float64)
    for of_parameter in zip(*gradients, strict=True):
        for chunk in zip(*(g.split(CHUNK) for g in of_parameter), strict=True):
            rows_KN = torch.stack(chunk).double()
            gram_KK += rows_KN @ rows_KN.T
    norm_K = gram_KK.diagonal().sqrt()
    cosine_KK = gram_KK / (norm_K[:, None] * norm_K)
    return tuple(tuple(map(_cosine, row)) for row in cosine_KK.tolist())


def _cosine(value: float) -> float | None:
    return max(-1.0, min(1.0, value)) if math.isfinite(value) else None
