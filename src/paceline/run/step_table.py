"""The lines of a run's table of steps: one kind for completions that were sampled, one for those
that rows bring, and one for pairs of these. All fit a terminal of 80 columns."""

import math
from dataclasses import dataclass

from ..stats import wilson
from ..store.records import StepRecord
from ..text import short_duration


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step with what its line tells beside its record."""

    record: StepRecord
    steps: int
    """Optimizer steps of the whole run."""
    left: float
    """Estimated seconds to the run's end."""

    @property
    def header(self) -> str:
        """The head of the table that the line belongs to."""
        if self.record.pair_loss is not None:
            return PAIRS_HEADER
        if self.record.nll is not None:
            return GIVEN_HEADER
        return SAMPLED_HEADER if self.record.value is None else CRITIC_HEADER

    def __str__(self) -> str:
        if self.record.pair_loss is not None:
            return self._pairs(self.record.pair_loss)
        return self._sampled() if self.record.nll is None else self._given(self.record.nll)

    def _sampled(self) -> str:
        record = self.record
        n, accuracy = record.completions, record.accuracy or 0.0
        low, high = wilson(accuracy * n, n)
        signal = f"{record.groups - record.groups_without_signal:>3}/{record.groups:<3}"
        if record.value is not None:  # it learns from every group: beside the reward stands V
            signal = f"{record.value:>6.2f} "
        return (
            f"{record.step:>4}/{self.steps:<4}{100 * accuracy:>4.0f} % "
            f"[{100 * low:>2.0f}–{100 * high:>3.0f}] {record.reward or 0.0:>7.2f} "
            f"{record.completion_tokens:>7.1f} {100 * record.cut:>3.0f} % "
            f"{signal} {self._ending()}"
        )

    def _given(self, nll: float) -> str:
        record, ends = self.record, self.record.end_probability
        # Beyond e^9.2 a perplexity says no more than the likelihood does.
        perplexity = f"{math.exp(nll):.2f}" if nll < 9.2 else "> 9999"
        stop, norm = "–" if ends is None else f"{100 * ends:.0f} %", self._norm()
        return (
            f"{record.step:>4}/{self.steps:<4} {nll:>7.4f} {perplexity:>6} {stop:>5} "
            f"{record.completions:>5} {record.completion_tokens:>7.1f} {norm:>7} {self._ending()}"
        )

    def _pairs(self, loss: float) -> str:
        record = self.record
        right = "–" if record.pair_accuracy is None else f"{100 * record.pair_accuracy:.0f} %"
        return (
            f"{record.step:>4}/{self.steps:<4} {loss:>7.4f} {right:>5} "
            f"{_signed(record.pair_margin):>7} {_signed(record.chosen_reward):>7} "
            f"{_signed(record.rejected_reward):>8} {record.completion_tokens:>6.1f} "
            f"{self._norm():>7} {record.seconds:>6.1f} {short_duration(self.left):>7}"
        )

    def _norm(self) -> str:
        norm = self.record.grad_norm
        return "–" if norm is None else f"{norm:.2g}"

    def _ending(self) -> str:
        record, rate = self.record, self.record.tokens_per_second
        return (
            f"{f'{rate:.0f}' if rate else '–':>8} {record.seconds:>7.1f} "
            f"{short_duration(self.left):>7}"
        )


def _signed(reward: float | None) -> str:
    """A reward with its sign, in at most seven characters."""
    if reward is None:
        return "–"
    return f"{reward:+.3f}" if abs(reward) < 100 else f"{reward:+.1e}".replace("e+0", "e")


SAMPLED_HEADER = "   step  solved   (95 %)  reward  length  cut  signal  tokens/s  s/step    left"
"""Head of the table of steps that sample."""
CRITIC_HEADER = "   step  solved   (95 %)  reward  length  cut  mean V  tokens/s  s/step    left"
"""Head of the table of steps that sample, beside a critic: its mean forecast among them."""
GIVEN_HEADER = "   step      nll    ppl  stop  rows  length    norm tokens/s  s/step    left"
"""Head of the table of steps on rows that bring their completions: nats a token, perplexity, the
probability of the token that ends a turn, and the norm of the gradient among them."""
PAIRS_HEADER = "   step      loss right  margin  chosen rejected length    norm s/step    left"
"""Head of the table of steps on pairs: their loss, the share in order, the mean rewards of both
sides apart with their difference, and the norm of the gradient among them."""
