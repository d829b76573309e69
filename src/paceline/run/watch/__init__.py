"""Diagnostics: what is happening in a run, by name, with its figures and what to do.

Each rule looks for one sign in the lines of metrics.jsonl and the held-out measurements around
them, and in nothing else: what it says does not depend on when it is asked, and an old run can be
asked as well. A line is seen when its step is
over (`Watch`), or all of them at once (`diagnoses`). docs/diagnostics.md explains them one by one.

A wrong alarm is worse than a late one: thresholds lie outside of what runs that learned did,
and the sentences below each rule's name say what was seen in which.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .diagnosis import Diagnosis, Rule
from .figures import Figures
from .policy import EntropyCollapse, KlGrowth, LengthDrift, RatioBlowUp
from .reward import (
    AdvantageCollapse,
    NothingLeft,
    OneAnswer,
    RewardAheadOfAnswers,
    RewardAheadOfHeldOut,
)
from .rounds import refuse_hopeless, repeated_mistakes

RULES: tuple[type[Rule], ...] = (
    AdvantageCollapse, NothingLeft, EntropyCollapse, LengthDrift, KlGrowth, RatioBlowUp,
    RewardAheadOfAnswers, RewardAheadOfHeldOut, OneAnswer,
)  # fmt: skip
"""In the order in which they are documented."""


class Watch:
    """Sees every step's line, once and in order, and says what it notices."""

    def __init__(self) -> None:
        self.rules = [rule() for rule in RULES]
        self._last: Figures | None = None

    def sees(self, line: Mapping[str, Any]) -> list[Diagnosis]:
        """What begins to hold at this step."""
        self._last = Figures.of(line, self._last)
        seen = [rule.sees(self._last) for rule in self.rules]
        return [diagnosis for diagnosis in seen if diagnosis is not None]

    def notices(self, line: Mapping[str, Any]) -> list[str]:
        """The same in words."""
        return [diagnosis.told for diagnosis in self.sees(line)]

    @property
    def found(self) -> list[Diagnosis]:
        """All that was seen so far, in the order in which it began."""
        every = (diagnosis for rule in self.rules for diagnosis in rule.found)
        return sorted(every, key=lambda diagnosis: diagnosis.first)


def watched(
    lines: Iterable[Mapping[str, Any]],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Watch:
    """A watch that has seen a whole run.

    Args:
        lines: of metrics.jsonl, in order.
        before, after: the held-out measurements of summary.json, which are in no line.
    """
    watch = Watch()
    if before:
        watch.sees({"step": 0, "evaluation": before})
    every = list(lines)
    for place, line in enumerate(every):
        last = place == len(every) - 1
        watch.sees({**line, "evaluation": after} if after and last else line)
    return watch


def diagnoses(
    lines: Iterable[Mapping[str, Any]],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> list[Diagnosis]:
    """What was going on in a run, in the order in which it began; see `watched`."""
    return watched(lines, before, after).found


__all__ = [
    "RULES",
    "Diagnosis",
    "Rule",
    "Watch",
    "diagnoses",
    "refuse_hopeless",
    "repeated_mistakes",
    "watched",
]
