"""A step's line as the rules read it, and what several rules ask of figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from ..store.records import Measured, StepRecord

WINDOW = 10
"""Rounds or steps whose mean counts: single rounds of the demo lie 13 points of accuracy apart."""
FIRST = 3
"""Rounds or steps that stand for the start, before much has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One step. None where its record has no such number: lines of older versions lack keys, and a
    step that trained no row has no figures of its update. Before the first step there is nothing
    but what was measured on held-out problems.

    Example: Figures(step=7, round=3, begins=False, part=1, reward=0.41, accuracy=0.38,
        answered=0.38, length=112.0, silent=0.25, repeated=0.0, entropy=0.61, kl=None, ratio=1.9,
        clipped=0.03, heldout=None, problems=None)
    """

    step: int
    round: int | None
    """The round that it belongs to; None before the first step."""
    begins: bool
    """Whether it is its round's first: the others repeat the round's figures."""
    part: int
    """Its place among the updates of its round."""
    reward: float | None
    accuracy: float | None
    """The share of right answers."""
    answered: float | None
    """The same with the groups that were refused, which are in `silent` too; None where most were,
    and the line does not say how they answered."""
    length: float | None
    """Mean tokens of a completion."""
    silent: float | None
    """The share of groups without signal."""
    repeated: float | None
    """The share of completions that say, wrongly, what others say (`repeated_mistakes`)."""
    entropy: float | None
    """Nats a token."""
    kl: float | None
    """Nats a token."""
    ratio: float | None
    """The largest of the update, or its inverse."""
    clipped: float | None
    """The share of tokens whose gradient was bounded; None also for objectives without a bound."""
    heldout: float | None
    """Accuracy on held-out problems, where the step has a measurement."""
    problems: int | None
    """How many they were."""

    @classmethod
    def of(cls, record: StepRecord, last: "Figures | None") -> "Figures":
        """From a step's record, behind the step before."""
        measured = record.evaluation
        return cls(
            step=record.step,
            round=record.round,
            begins=last is None or last.round != record.round,
            part=record.part,
            reward=record.reward,
            accuracy=record.accuracy,
            answered=_answered(record),
            length=record.completion_tokens,
            silent=record.share_without_signal,
            repeated=record.repeated_mistakes,
            entropy=record.entropy,
            kl=record.kl,
            ratio=record.ratio_max,
            clipped=record.clip_fraction,
            heldout=measured and measured.sampled_accuracy,
            problems=measured and measured.n,
        )

    @classmethod
    def at_start(cls, measured: Measured) -> "Figures":
        """Of the held-out problems before the first step, where there is no other figure."""
        nothing = dict.fromkeys(
            ("reward", "accuracy", "answered", "length", "silent", "repeated", "entropy", "kl",
             "ratio", "clipped")
        )  # fmt: skip
        return cls(
            step=0, round=None, begins=True, part=0, heldout=measured.sampled_accuracy,
            problems=measured.n, **nothing,
        )  # fmt: skip


def _answered(record: StepRecord) -> float | None:
    aside, groups, refused = record.accuracy_refused, record.groups, record.groups_refused
    if not refused:
        return record.accuracy
    if aside is None:
        return None if refused > groups else record.accuracy
    return (groups * record.accuracy + refused * aside) / (groups + refused)


def clearly_rose(
    early: Sequence[float], late: Sequence[float], by: float, errors: float = 4
) -> bool:
    """Whether the mean rose by at least so much, and by so many standard errors: rounds differ in
    their problems, so that the means of two windows differ by chance. Of a window of one round
    nothing is known of that."""
    error = math.sqrt(sum(variance(x) / len(x) for x in (early, late) if len(x) > 1))
    # Rounded, so that a rise of exactly so much is one, however its decimals add up in binary.
    return round(fmean(late) - fmean(early), 9) >= max(by, errors * error)
