"""The record of what was measured of pairs of completions, one preferred to the other."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class PairMetrics:
    """Sums over pairs, which add over micro-batches and processes.

    The *reward* of a completion is what the loss compares: β·log(π/π_ref), summed over its tokens,
    for DPO; the score itself for a reward model.

    Example: two pairs with rewards 1, −1 and 0, 0 are PairMetrics(pairs=2, chosen_sum=1.0,
    rejected_sum=-1.0, right=1.5, …): the tie counts half.
    """

    pairs: int = 0
    chosen_sum: float = 0.0
    """Σ of the preferred completion's reward."""
    rejected_sum: float = 0.0
    """Σ of the other one's."""
    right: float = 0.0
    """Pairs whose preferred completion has the higher reward; a tie counts half."""
    nll_sum: float = 0.0
    """Σ −log π over the tokens of the preferred completions, in nats; 0 where only a score is
    known."""
    nll_tokens: int = 0
    """Tokens whose likelihood is in `nll_sum`."""
    chosen_tokens: int = 0
    """Trained tokens of the preferred completions."""
    rejected_tokens: int = 0
    """Trained tokens of the others."""

    def __add__(self, other: PairMetrics) -> PairMetrics:
        summed = (getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        return PairMetrics(*summed)

    @property
    def chosen(self) -> float | None:
        """Mean reward of the preferred completions; None without pairs, as all means here."""
        return self._mean(self.chosen_sum)

    @property
    def rejected(self) -> float | None:
        """Mean reward of the others."""
        return self._mean(self.rejected_sum)

    @property
    def margin(self) -> float | None:
        """Mean difference of the two rewards."""
        return self._mean(self.chosen_sum - self.rejected_sum)

    @property
    def accuracy(self) -> float | None:
        """Share of the pairs that are ordered rightly."""
        return self._mean(self.right)

    @property
    def nll(self) -> float | None:
        """Mean negative log-likelihood of the preferred completions' tokens, in nats."""
        return self.nll_sum / self.nll_tokens if self.nll_tokens else None

    def _mean(self, total: float) -> float | None:
        return total / self.pairs if self.pairs else None
