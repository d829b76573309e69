"""Records that an objective reads, and one that it reports: tensors in, sums out.

Letters: B rows, T completion tokens, padded to the right. Row i's token t is the same sampled token
in every tensor; the shift between logits and tokens was made before, once, where these are built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ..lazy import torch
from .pair_metrics import PairMetrics

if TYPE_CHECKING:
    from torch import Tensor

N = TypeVar("N", int, float, PairMetrics)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The policy's answer for the sampled tokens, with gradient."""

    logp_BT: Tensor
    """[B, T] log π of each sampled token. Any value where the mask is False, NaN included."""
    entropy_BT: Tensor
    """[B, T] entropy of the distribution that the token was sampled from, in nats."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The rows of a part, or some of them: everything that the objective reads but the scores.

    Example: one row of two tokens and a padded place, on-policy:
    Tokens(mask_BT=[[1, 1, 0]], anchor_BT=None, old_BT=[[-0.1, -0.7, 0]], ref_BT=None,
    advantage_BT=[[1, 1, 0]], weight_BT=[[0.5, 0.5, 0]]), all of them tensors.
    """

    mask_BT: Tensor
    """[B, T] True for the tokens that train. All other places contribute nothing, whatever stands
    there in any of the tensors."""
    anchor_BT: Tensor | None
    """[B, T] the trainer's log-probabilities at the start of the round. None where a round has one
    part: then the scores themselves, detached, are the anchor and every ratio is exactly 1."""
    old_BT: Tensor | None
    """[B, T] the engine's log-probabilities at sampling; None where no engine sampled the rows."""
    ref_BT: Tensor | None
    """[B, T] the reference's log-probabilities; None without a reference."""
    advantage_BT: Tensor
    """[B, T] each token's advantage; the row's own, repeated, where it has one a row."""
    weight_BT: Tensor
    """[B, T] each token's share of the part's loss, computed on the whole part."""
    at_reference: bool = False
    """True if the policy is the reference, weight for weight. Then the scores themselves, detached,
    stand for what is in ref_BT, and every KL and its gradient are exactly 0."""
    group_B: Tensor | None = None
    """[B] one number a row, equal within a group; None where rows of one group may have parted."""

    def rows(self, index: Tensor | slice | list[int]) -> Tokens:
        """Some of the rows, e.g. a micro-batch. Their weights stay those of the whole part."""
        taken = self._each(lambda x_BT: x_BT[index])
        return replace(taken, group_B=None if self.group_B is None else self.group_B[index])

    def cut(self, width: int) -> Tokens:
        """The first `width` columns, where the rows that were taken are no longer than that."""
        return self.columns(slice(width))

    def columns(self, where: slice) -> Tokens:
        """Some of the columns."""
        return replace(self._each(lambda x_BT: x_BT[:, where]), group_B=self.group_B)

    def on_one_row(self, real_BT: Tensor) -> Tokens:
        """[1, M] the places that are True, row by row, as one row."""
        return self._each(lambda x_BT: x_BT[real_BT][None])

    def to(self, device: torch.device | str) -> Tokens:
        """These tokens on another device."""
        moved = self._each(lambda x_BT: x_BT.to(device))
        return replace(moved, group_B=None if self.group_B is None else self.group_B.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Tokens:
        """Every [B, T] tensor changed; without the groups, which are no such tensor."""
        return Tokens(
            mask_BT=change(self.mask_BT),
            anchor_BT=None if self.anchor_BT is None else change(self.anchor_BT),
            old_BT=None if self.old_BT is None else change(self.old_BT),
            ref_BT=None if self.ref_BT is None else change(self.ref_BT),
            advantage_BT=change(self.advantage_BT),
            weight_BT=change(self.weight_BT),
            at_reference=self.at_reference,
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sums and maxima over the tokens of the mask: they add over micro-batches and processes, so
    that the means (the properties) never depend on how a part was split.

    Only rows that were computed are measured; a row dropped for having no signal is not among them.

    Example: sum(measured, Metrics.zero()) of a part's micro-batches.
    """

    tokens: int = 0
    loss: float = 0.0
    """The share of the part's loss. It is a sum of weighted gains, not a mean."""
    entropy_sum: float = 0.0
    kl_sum: float | None = None
    """Σ k3 against the reference; None without one."""
    ratio_max: float = 1.0
    """The largest max(r, 1/r), r the ratio that the surrogate saw; at most e^700."""
    clipped: int | None = None
    """Tokens whose gradient the ratio or the surrogate bounded; None where neither has a bound."""
    mismatch_sum: float | None = None
    """Σ |log π_anchor − log π_old|: how far the engine is from the trainer; None where no engine
    sampled the rows."""
    mismatch_max: float | None = None
    nll_sum: float = 0.0
    """Σ −log π of the tokens, in nats."""
    ends: int = 0
    """Runs of trained tokens that a row has: the last token of each ends a turn, or was cut."""
    end_sum: float = 0.0
    """Σ π of the last token of each run."""
    pairs: PairMetrics | None = None
    """Sums over pairs; None where completions are not compared."""

    @staticmethod
    def zero() -> Metrics:
        """The metrics of no tokens at all; adding them changes nothing."""
        return Metrics()

    @staticmethod
    def of(scores: Scores, mask_BT: Tensor) -> Metrics:
        """Everything that the scores alone tell of the tokens of a mask."""
        logp_BT, entropy_BT = kept(scores.logp_BT, mask_BT), kept(scores.entropy_BT, mask_BT)
        ends_BT = mask_BT & ~torch.nn.functional.pad(mask_BT[:, 1:], (0, 1))
        return Metrics(
            tokens=int(mask_BT.sum()),
            entropy_sum=entropy_BT.sum().item(),
            nll_sum=-logp_BT.sum().item(),
            ends=int(ends_BT.sum()),
            end_sum=kept(logp_BT.exp(), ends_BT).sum().item(),
        )

    def __add__(self, other: Metrics) -> Metrics:
        return Metrics(
            tokens=self.tokens + other.tokens,
            loss=self.loss + other.loss,
            entropy_sum=self.entropy_sum + other.entropy_sum,
            nll_sum=self.nll_sum + other.nll_sum,
            ends=self.ends + other.ends,
            end_sum=self.end_sum + other.end_sum,
            kl_sum=_plus(self.kl_sum, other.kl_sum),
            ratio_max=max(self.ratio_max, other.ratio_max),
            clipped=_plus(self.clipped, other.clipped),
            mismatch_sum=_plus(self.mismatch_sum, other.mismatch_sum),
            mismatch_max=_larger(self.mismatch_max, other.mismatch_max),
            pairs=_plus(self.pairs, other.pairs),
        )

    @property
    def entropy(self) -> float | None:
        """Mean over the tokens, in nats; None without tokens, as all means here."""
        return self._mean(self.entropy_sum)

    @property
    def nll(self) -> float | None:
        """Mean negative log-likelihood of the tokens, in nats."""
        return self._mean(self.nll_sum)

    @property
    def end_probability(self) -> float | None:
        """Mean probability of the token that ends a turn; None without any."""
        return self.end_sum / self.ends if self.ends else None

    @property
    def kl(self) -> float | None:
        return self._mean(self.kl_sum)

    @property
    def mismatch(self) -> float | None:
        return self._mean(self.mismatch_sum)

    @property
    def clip_fraction(self) -> float | None:
        return self._mean(self.clipped)

    def _mean(self, total: float | None) -> float | None:
        return None if total is None or self.tokens == 0 else total / self.tokens


def kept(x_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """[B, T] x where the mask is True, exactly 0 elsewhere. A product would keep NaN and infinity,
    both here and in the gradient."""
    return torch.where(mask_BT, x_BT, 0.0)


def _plus(a: N | None, b: N | None) -> N | None:
    """The sum, where None is what was not measured."""
    if a is None:
        return b
    return a if b is None else a + b


def _larger(a: float | None, b: float | None) -> float | None:
    """The larger one, where None is what was not measured."""
    if a is None:
        return b
    return a if b is None else max(a, b)
