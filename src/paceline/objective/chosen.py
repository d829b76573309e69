"""Advantages that choose completions to be copied: 1 for those, 0 for all others.

With `LogProb` this is supervised training on a policy's own completions; a row of 0 is dropped
before any forward pass. Letters: B rows of the round, K rows of one group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .columns import by_group

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Solved:
    """1 for each solved completion, 0 for the others: rejection sampling (RFT, arXiv 2308.01825;
    ReST-EM, arXiv 2312.06585).

    Example: of rewards 1, 0, 0.2 the first is solved, which gives 1, 0, 0.
    """

    def describe(self) -> str:
        return "each solved completion counts 1, every other one nothing"

    def __call__(self, round: Round) -> Tensor:
        return torch.tensor([r.verdict.solved for r in round.rollouts], dtype=torch.float64)


@dataclass(frozen=True, slots=True)
class Best:
    """1 for the `k` best rows of each group by reward, 0 for the others (RAFT, arXiv 2304.06767,
    with k = 1). Of equal rewards the earlier row goes first.

    A group whose rewards are all equal has no best row, and gives 0.

    Example: Best(1) gives 0, 1, 0 of rewards 0.2, 0.7, 0.7.
    """

    k: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise ConfigError(f"Best needs a whole number of rows, at least 1, not {self.k!r}.")

    def describe(self) -> str:
        best = "the best completion" if self.k == 1 else f"the best {self.k} completions"
        return f"{best} of each group count{'s' if self.k == 1 else ''} 1, the others nothing"

    def __call__(self, round: Round) -> Tensor:
        return by_group(round, self._chosen)

    def _chosen(self, r_K: Tensor, _: Tensor) -> Tensor:
        best = torch.sort(r_K, descending=True, stable=True).indices[: self.k]
        return torch.zeros_like(r_K).index_fill_(0, best, 1.0)
