"""The advantage of distillation: what a teacher thinks of the policy's own tokens.

Letters: B rows of the round, T the longest completion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..lazy import torch
from ..types import Round
from .columns import padded, sampled_tokens

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Teacher:
    """[B, T] log π_teacher − log π_anchor of each sampled token: minus the one-sample estimate of
    KL(π ‖ π_teacher) at this token, and nothing of later ones (a discount of 0).

    The teacher is the reference: `Round.ref`. Rewards have no part in it; `Sum(Teacher(),
    ZScore())` adds the task's own advantage.

    Raises ValueError where the round has no reference or no anchor.
    """

    @property
    def needs_reference(self) -> bool:
        return True

    @property
    def by_token(self) -> bool:
        return True

    def describe(self) -> str:
        return "each token counts by how much likelier the teacher finds it"

    def __call__(self, round: Round) -> Tensor:
        if round.ref is None or round.anchor is None:
            raise ValueError(
                "Teacher needs the round's log-probabilities under the teacher and under the "
                "policy: fill Round.ref and Round.anchor first."
            )
        difference_BT = padded(round.ref, round) - padded(round.anchor, round)
        return torch.where(sampled_tokens(round), difference_BT, 0.0)
