"""The lines of a run's table of steps: one kind for completions that were sampled, and one for
those that rows bring. Both fit a terminal of 80 columns."""

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
        return SAMPLED_HEADER if self.record.nll is None else GIVEN_HEADER

    def __str__(self) -> str:
        return self._sampled() if self.record.nll is None else self._given(self.record.nll)

    def _sampled(self) -> str:
        record = self.record
        n, accuracy = record.completions, record.accuracy or 0.0
        low, high = wilson(accuracy * n, n)
        signal = record.groups - record.groups_without_signal
        return (
            f"{record.step:>4}/{self.steps:<4}{100 * accuracy:>4.0f} % "
            f"[{100 * low:>2.0f}–{100 * high:>3.0f}] {record.reward or 0.0:>7.2f} "
            f"{record.completion_tokens:>7.1f} {100 * record.cut:>3.0f} % "
            f"{signal:>3}/{record.groups:<3} {self._ending()}"
        )

    def _given(self, nll: float) -> str:
        record, ends = self.record, self.record.end_probability
        # Beyond e^9.2 a perplexity says no more than the likelihood does.
        perplexity = f"{math.exp(nll):.2f}" if nll < 9.2 else "> 9999"
        stop = "–" if ends is None else f"{100 * ends:.0f} %"
        norm = "–" if record.grad_norm is None else f"{record.grad_norm:.2g}"
        return (
            f"{record.step:>4}/{self.steps:<4} {nll:>7.4f} {perplexity:>6} {stop:>5} "
            f"{record.completions:>5} {record.completion_tokens:>7.1f} {norm:>7} {self._ending()}"
        )

    def _ending(self) -> str:
        record, rate = self.record, self.record.tokens_per_second
        return (
            f"{f'{rate:.0f}' if rate else '–':>8} {record.seconds:>7.1f} "
            f"{short_duration(self.left):>7}"
        )


SAMPLED_HEADER = (
    "   step  solved   (95 %)  reward  length  cut  signal  tokens/s  s/step    left"
)
"""Head of the table of steps that sample."""
GIVEN_HEADER = "   step      nll    ppl  stop  rows  length    norm tokens/s  s/step    left"
"""Head of the table of steps on rows that bring their completions: nats a token, perplexity, the
probability of the token that ends a turn, and the norm of the gradient among them."""
