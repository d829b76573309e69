"""Advantages made of other advantages.

Letters: B rows of the round, T the longest completion, N tokens. Each passes on what its parts
need, a critic or a reference. Everything is computed in float64.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .advantage import Advantage, is_by_token, reads_reference, reads_values
from .columns import check_scale, sampled_tokens, standardised
from .parts import check_part, description_of, text_of

if TYPE_CHECKING:
    from torch import Tensor


class MadeOfOthers(ABC):
    """The base of an advantage that is made of others, and asks for all that they ask for."""

    __slots__ = ()

    @property
    @abstractmethod
    def made_of(self) -> tuple[Advantage, ...]:
        """The others."""

    @property
    def needs_values(self) -> bool:
        """True if one of them reads a critic's values."""
        return any(map(reads_values, self.made_of))

    @property
    def needs_reference(self) -> bool:
        """True if one of them reads the reference's log-probabilities."""
        return any(map(reads_reference, self.made_of))

    @property
    def by_token(self) -> bool:
        """True if one of them gives one number a token."""
        return any(map(is_by_token, self.made_of))


@dataclass(frozen=True, slots=True)
class Whiten(MadeOfOthers):
    """[B, T] (A − mean) / (std + eps) of another advantage, over the sampled tokens of the round,
    with the population's deviation.

    In no paper's equation, and in nearly every PPO for language models: the mean over the round is
    a baseline of its own, which serves while the critic knows nothing. Where no advantage differs,
    all are exactly 0.

    Example: Whiten(Gae()) is PPO's.
    """

    inner: Advantage
    eps: float = 1e-8

    def __post_init__(self) -> None:
        check_part("inner", self.inner)
        check_scale(self, 0, self.eps)

    @property
    def made_of(self) -> tuple[Advantage, ...]:
        return (self.inner,)

    @property
    def by_token(self) -> bool:
        return True

    def describe(self) -> str:
        return f"{description_of(self.inner)}, standardised over the round’s tokens"

    def __call__(self, round: Round) -> Tensor:
        mask_BT = sampled_tokens(round)
        a_BT = _each_token(self.inner(round), mask_BT)
        white_BT = torch.zeros_like(a_BT)
        white_BT[mask_BT] = standardised(a_BT[mask_BT], 0, self.eps)
        return white_BT


@dataclass(frozen=True, slots=True)
class Liked(MadeOfOthers):
    """Another advantage, plus mu·N/N⁺ for each solved row: N the tokens of the round that train, N⁺
    those of its solved rows. The likelihood of positive examples of VAPO (arXiv 2504.05118).

    The paper adds mu times the mean negative log-likelihood of all tokens of solved rows to the
    loss. With `PerToken` and a ratio of 1, mu·N/N⁺ on the advantage has the same gradient; with
    ratios that have moved, the surrogate bounds this one too. A round without a solved row adds
    nothing.

    Example: mu = 0.1, and half of the tokens in solved rows: their advantage grows by 0.2.
    """

    inner: Advantage
    mu: float = 0.1

    def __post_init__(self) -> None:
        check_part("inner", self.inner)
        if not (math.isfinite(self.mu) and self.mu > 0):
            raise ConfigError(f"Liked needs a weight above 0, not {self.mu}.")

    @property
    def made_of(self) -> tuple[Advantage, ...]:
        return (self.inner,)

    def describe(self) -> str:
        return f"{description_of(self.inner)}, and solved ones count {self.mu:g} more on average"

    def __call__(self, round: Round) -> Tensor:
        mask_BT = sampled_tokens(round)
        a = self.inner(round)
        trains_B = torch.tensor([not r.masked for r in round.rollouts], dtype=torch.bool)
        solved_B = torch.tensor([r.verdict.solved for r in round.rollouts], dtype=torch.bool)
        tokens_B = mask_BT.sum(-1) * trains_B
        liked = tokens_B[solved_B].sum().item()
        extra_B = solved_B.double() * (self.mu * tokens_B.sum().item() / liked if liked else 0.0)
        return a + (extra_B if a.ndim == 1 else _each_token(extra_B, mask_BT))


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Sum(MadeOfOthers):
    """The sum of several advantages.

    Example: Sum(Teacher(), ZScore()) copies a teacher and follows the task's reward.
    """

    parts: tuple[Advantage, ...]

    def __init__(self, *given: Advantage, parts: tuple[Advantage, ...] = ()) -> None:
        # By name they come from a config's JSON, which names every field.
        object.__setattr__(self, "parts", (*given, *parts))
        if not self.parts:
            raise ConfigError("Sum needs at least one advantage.")
        for part in self.parts:
            check_part("a part of Sum", part)

    def __repr__(self) -> str:
        return f"Sum({', '.join(map(text_of, self.parts))})"

    @property
    def made_of(self) -> tuple[Advantage, ...]:
        return self.parts

    def describe(self) -> str:
        return ", plus ".join(map(description_of, self.parts))

    def __call__(self, round: Round) -> Tensor:
        given = [part(round) for part in self.parts]
        if all(a.ndim == 1 for a in given):
            return torch.stack(given).sum(0)
        mask_BT = sampled_tokens(round)
        return torch.stack([_each_token(a, mask_BT) for a in given]).sum(0)


def _each_token(a: Tensor, mask_BT: Tensor) -> Tensor:
    """[B, T] an advantage at every sampled token, 0 elsewhere, of one a row or one a token."""
    return torch.where(mask_BT, (a if a.ndim == 2 else a[:, None]).double(), 0.0)
