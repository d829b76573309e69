"""A step's line as the rules read it, and the questions that several rules ask of figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from ..store.records import Measured, StepRecord

WINDOW = 10
"""Rounds or steps over which a mean is taken: single rounds of the demo lie 13 points of accuracy
apart."""
FIRST = 3
"""Rounds or steps that stand for the start, before much has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one step. None if its record has no such number: lines of older versions lack
    keys, and a step that trained no row has no figures of its update. Before the first step there
    is nothing but the held-out measurement.

    Example: Figures(step=7, round=3, begins=False, part=1, reward=0.41, accuracy=0.38,
        answered=0.38, length=112.0, silent=0.25, repeated=0.0, entropy=0.61, kl=None, ratio=1.9,
        clipped=0.03, heldout=None, problems=None)
    """

    step: int
    """Number of the step; 0 stands before the first."""
    round: int | None
    """Round that the step belongs to; None before the first step."""
    begins: bool
    """True for its round's first step; the others repeat the round's figures."""
    part: int
    """Place of the step among the updates of its round, from 0."""
    reward: float | None
    """Mean reward of the round."""
    accuracy: float | None
    """Share of right answers in the round."""
    answered: float | None
    """Share of right answers, those in refused groups included, as in `silent`; None if most groups
    were refused and the line does not have their answers."""
    length: float | None
    """Mean length of a completion in tokens."""
    silent: float | None
    """Share of groups without signal."""
    repeated: float | None
    """Share of wrong completions that say the same as others (`repeated_mistakes`)."""
    entropy: float | None
    """Mean entropy of the policy in nats a token."""
    kl: float | None
    """Mean KL to the reference in nats a token."""
    ratio: float | None
    """Largest ratio of the update, or the inverse of its smallest."""
    clipped: float | None
    """Share of tokens whose gradient was bounded; None also for objectives without a bound."""
    heldout: float | None
    """Accuracy on held-out problems; None if the step has no measurement."""
    problems: int | None
    """Number of held-out problems measured."""

    @classmethod
    def of(cls, record: StepRecord, last: "Figures | None") -> "Figures":
        """The figures of a step's record, after those of the step before."""
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
        """The figures before the first step: the held-out measurement alone."""
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
    if not refused or record.accuracy is None:
        return record.accuracy
    if aside is None:
        return None if refused > groups else record.accuracy
    return (groups * record.accuracy + refused * aside) / (groups + refused)


def clearly_rose(
    early: Sequence[float], late: Sequence[float], by: float, errors: float = 4
) -> bool:
    """True if the mean rose by at least `by`, and by at least `errors` standard errors: rounds
    differ in their problems, so the means of two windows differ by chance. A window of one round
    adds no error, as nothing is known of it."""
    error = math.sqrt(sum(variance(x) / len(x) for x in (early, late) if len(x) > 1))
    # Rounded, so that a rise of exactly so much is one, however its decimals add up in binary.
    return round(fmean(late) - fmean(early), 9) >= max(by, errors * error)
