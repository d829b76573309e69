"""Diagnostics: named signs of trouble in a run, each with its figures and a remedy.

Each rule looks for one sign in the lines of metrics.jsonl and the held-out measurements around
them, and in nothing else: its findings do not depend on when it is asked, and an old run can be
asked as well. A line is seen when its step is over (`Watch`), or all of them at once (`diagnoses`).
docs/diagnostics.md explains the rules one by one.

A wrong alarm is worse than a late one: thresholds lie beyond all figures of runs that
learned, and the sentences below each rule's name give those figures.
"""

from collections.abc import Iterable

from ..store.records import Measured, StepRecord
from .policy_rules import EntropyCollapse, KlGrowth, LengthDrift, RatioBlowUp
from .reward_rules import (
    AdvantageCollapse,
    NothingLeft,
    OneAnswer,
    RewardAheadOfAnswers,
    RewardAheadOfHeldOut,
)
from .rule import Diagnosis, Rule
from .steps import Figures

RULES: tuple[type[Rule], ...] = (
    AdvantageCollapse, NothingLeft, EntropyCollapse, LengthDrift, KlGrowth, RatioBlowUp,
    RewardAheadOfAnswers, RewardAheadOfHeldOut, OneAnswer,
)  # fmt: skip
"""Rules, in the order in which they are documented."""


class Watch:
    """A watch over a run: it sees every step in order, once, and tells what it finds."""

    def __init__(self) -> None:
        self.rules = [rule() for rule in RULES]
        self._last: Figures | None = None

    def starts(self, before: Measured) -> None:
        """Take in the held-out measurement before the first step."""
        self._judge(Figures.at_start(before))

    def sees(self, record: StepRecord) -> list[Diagnosis]:
        """Diagnoses that begin to hold at this step."""
        return self._judge(Figures.of(record, self._last))

    def notices(self, record: StepRecord) -> list[str]:
        """Diagnoses that begin to hold at this step, in words."""
        return [diagnosis.told for diagnosis in self.sees(record)]

    def _judge(self, figures: Figures) -> list[Diagnosis]:
        self._last = figures
        seen = [rule.sees(figures) for rule in self.rules]
        return [diagnosis for diagnosis in seen if diagnosis is not None]

    @property
    def found(self) -> list[Diagnosis]:
        """Diagnoses so far, in the order in which they began."""
        every = (diagnosis for rule in self.rules for diagnosis in rule.found)
        return sorted(every, key=lambda diagnosis: diagnosis.first)


def watched(
    steps: Iterable[StepRecord],
    before: Measured | None = None,
    after: Measured | None = None,
) -> Watch:
    """A watch that has seen a whole run.

    Args:
        steps: the lines of metrics.jsonl, in order.
        before, after: the held-out measurements of summary.json, which belong to no step.
    """
    watch = Watch()
    if before:
        watch.starts(before)
    every = list(steps)
    if after and every:
        every[-1] = every[-1].evaluated(after)
    for record in every:
        watch.sees(record)
    return watch


def diagnoses(
    steps: Iterable[StepRecord],
    before: Measured | None = None,
    after: Measured | None = None,
) -> list[Diagnosis]:
    """Diagnoses of a whole run, in the order in which they began; see `watched`."""
    return watched(steps, before, after).found


__all__ = [
    "RULES",
    "Diagnosis",
    "Rule",
    "Watch",
    "diagnoses",
    "watched",
]
