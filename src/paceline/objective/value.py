"""The loss of a critic, the targets that it learns, and what is measured of it.

Letters: B rows, T completion tokens, M tokens of the mask. V is the critic's value as it was scored
at the start of the round, v its value now, R the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..lazy import torch
from ..types import Round
from .columns import padded, sampled_tokens
from .gae import Gae, LengthAdaptive
from .records import Tokens, kept

if TYPE_CHECKING:
    from torch import Tensor

NO_SPREAD = 1e-10
"""The share of the mean square below which a variance is the rounding of equal numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The numbers that a critic's loss reads beside the tokens.

    Example: one row of two tokens: Targets(value_BT=[[0.4, 0.5]], target_BT=[[1.0, 1.0]]), both of
    them tensors.
    """

    value_BT: Tensor
    """[B, T] V, the critic's values at the start of the round. Any number where the mask is
    False, NaN included."""
    target_BT: Tensor
    """[B, T] R, the numbers that the critic is to forecast."""

    def rows(self, index: Tensor | slice | list[int]) -> Targets:
        """Some of the rows, e.g. a micro-batch."""
        return self._each(lambda x_BT: x_BT[index])

    def cut(self, width: int) -> Targets:
        """The first `width` columns, where the rows that were taken are no longer than that."""
        return self._each(lambda x_BT: x_BT[:, :width])

    def to(self, device: torch.device | str) -> Targets:
        """These targets on another device."""
        return self._each(lambda x_BT: x_BT.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Targets:
        return Targets(change(self.value_BT), change(self.target_BT))


def value_targets(round: Round, gamma: float = 1.0, lam: float | LengthAdaptive = 1.0) -> Tensor:
    """[B, T] R = A + V, A the advantage by `Gae` with the critic's own lam, in float64; 0 at tokens
    that the model did not sample.

    With lam = 1 it is the return itself: the reward less the penalties from the token on. KL in the
    reward is in it if the round has its penalty: take `Criterion.penalised(round)`.

    Raises ValueError where the round has no values.
    """
    advantage_BT = Gae(gamma, lam)(round)
    values_BT = padded(round.values or (), round)
    return torch.where(sampled_tokens(round), advantage_BT + values_BT, 0.0)


@dataclass(frozen=True, slots=True)
class ValueMetrics:
    """Sums over the tokens of the mask, which add over micro-batches and processes.

    Example: sum(measured, ValueMetrics.zero()) of a part's micro-batches.
    """

    tokens: int = 0
    loss: float = 0.0
    """The share of the part's value loss."""
    value_sum: float = 0.0
    """Σ V."""
    target_sum: float = 0.0
    """Σ R."""
    target_square_sum: float = 0.0
    error_sum: float = 0.0
    """Σ (R − V)."""
    error_square_sum: float = 0.0

    @staticmethod
    def zero() -> ValueMetrics:
        """The metrics of no tokens at all; adding them changes nothing."""
        return ValueMetrics()

    def __add__(self, other: ValueMetrics) -> ValueMetrics:
        return ValueMetrics(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def value(self) -> float | None:
        """Mean V; None without tokens, as all means here."""
        return self._mean(self.value_sum)

    @property
    def target(self) -> float | None:
        """Mean R."""
        return self._mean(self.target_sum)

    @property
    def explained_variance(self) -> float | None:
        """1 − Var(R − V) / Var(R): 1 if V foretells every target, 0 if it does no better than one
        number for all, below 0 if it does worse. None where all targets are equal."""
        spread = self._variance(self.target_sum, self.target_square_sum)
        if not spread:
            return None
        return 1 - self._variance(self.error_sum, self.error_square_sum) / spread

    def _mean(self, total: float) -> float | None:
        return total / self.tokens if self.tokens else None

    def _variance(self, total: float, squares: float) -> float:
        if not self.tokens:
            return 0.0
        square = squares / self.tokens
        variance = square - (total / self.tokens) ** 2
        return variance if variance > NO_SPREAD * square else 0.0


@dataclass(frozen=True, slots=True)
class ValueLoss:
    """½ Σ w · max((v − R)², (clip(v, V − clip, V + clip) − R)²), w the tokens' weights.

    `clip=None` is the plain square. The clip is that of PPO's first implementation (OpenAI
    Baselines): where v has gone further from V than `clip`, towards R, it has no gradient. It was
    not shown to help, and it scales with the rewards.

    Like every loss here it is a plain sum: it adds up over micro-batches and processes.
    """

    clip: float | None = None

    def __post_init__(self) -> None:
        if self.clip is not None and not (math.isfinite(self.clip) and self.clip > 0):
            raise ConfigError(
                f"ValueLoss needs a clip above 0, not {self.clip}; for no clip, use None."
            )

    def __call__(
        self, value_BT: Tensor, tokens: Tokens, targets: Targets
    ) -> tuple[Tensor, ValueMetrics]:
        """The share of these rows in the part's loss, and what was measured of them.

        Args:
            value_BT: v, the critic's values with gradient. Any number where the mask is False.
            tokens: the rows; of them the mask and the weights are read.
            targets: V and R of the same rows.
        """
        mask_BT = tokens.mask_BT.bool()
        now_BT, then_BT = kept(value_BT, mask_BT), kept(targets.value_BT, mask_BT)
        target_BT = kept(targets.target_BT, mask_BT)
        error_BT = (now_BT - target_BT).square()
        if self.clip is not None:
            near_BT = then_BT + (now_BT - then_BT).clamp(-self.clip, self.clip)
            error_BT = torch.maximum(error_BT, (near_BT - target_BT).square())
        loss = (kept(tokens.weight_BT, mask_BT) * error_BT).sum() / 2
        with torch.no_grad():
            return loss, _measured(loss, targets, mask_BT)


def _measured(loss: Tensor, targets: Targets, mask_BT: Tensor) -> ValueMetrics:
    """Sums in float64, on the CPU: not every device has it, and a variance is a difference."""
    value_M, target_M = (
        x_BT[mask_BT].detach().cpu().double() for x_BT in (targets.value_BT, targets.target_BT)
    )
    error_M = target_M - value_M
    return ValueMetrics(
        tokens=len(value_M),
        loss=loss.item(),
        value_sum=value_M.sum().item(),
        target_sum=target_M.sum().item(),
        target_square_sum=target_M.square().sum().item(),
        error_sum=error_M.sum().item(),
        error_square_sum=error_M.square().sum().item(),
    )
