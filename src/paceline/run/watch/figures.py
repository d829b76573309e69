"""A step's line as the rules read it, and what several rules ask of figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

WINDOW = 10
"""Rounds or steps whose mean counts: single rounds of the demo lie 13 points of accuracy apart."""
FIRST = 3
"""Rounds or steps that stand for the start, before much has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One step. None where a line has no such number: lines of older versions lack keys, and a step
    that trained no row has no figures of its update.

    Example: Figures(step=7, round=3, begins=False, part=1, reward=0.41, accuracy=0.38,
        answered=0.38, length=112.0, silent=0.25, repeated=0.0, entropy=0.61, kl=None, ratio=1.9,
        clipped=0.03, heldout=None, problems=None)
    """

    step: int
    round: Any
    """Which round it belongs to; None in lines that do not say so."""
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
    problems: float | None
    """How many they were."""

    @classmethod
    def of(cls, line: Mapping[str, Any], last: "Figures | None") -> "Figures":
        """From a line of metrics.jsonl, behind the step before."""
        part = int(number(line, "part") or 0)
        round, step = line.get("round"), number(line, "step")
        begins = part == 0 if round is None else last is None or last.round != round
        evaluation = line.get("evaluation") or {}
        return cls(
            step=int(step) if step is not None else last.step + 1 if last else 1,
            round=round,
            begins=begins,
            part=part,
            reward=number(line, "reward"),
            accuracy=number(line, "accuracy"),
            answered=_answered(line),
            length=number(line, "completion_tokens"),
            silent=share_without_signal(line),
            repeated=number(line, "repeated_mistakes"),
            entropy=number(line, "entropy"),
            kl=number(line, "kl"),
            ratio=number(line, "ratio_max"),
            clipped=number(line, "clip_fraction"),
            heldout=number(evaluation, "sampled_accuracy"),
            problems=number(evaluation, "n"),
        )


def share_without_signal(line: Mapping[str, Any]) -> float | None:
    """The share of the groups that had no signal, those among them that were refused for it."""
    groups, silent = number(line, "groups"), number(line, "groups_without_signal")
    refused = number(line, "groups_refused") or 0.0
    return (silent + refused) / (groups + refused) if groups and silent is not None else None


def _answered(line: Mapping[str, Any]) -> float | None:
    accuracy, aside = number(line, "accuracy"), number(line, "accuracy_refused")
    groups, refused = number(line, "groups") or 0.0, number(line, "groups_refused") or 0.0
    if accuracy is None or (aside is None and refused > groups):
        return None
    if aside is None or not refused:
        return accuracy
    return (groups * accuracy + refused * aside) / (groups + refused)


def number(found: Mapping[str, Any], key: str) -> float | None:
    """The finite number under a key, or None."""
    return finite(found.get(key))


def finite(value: object) -> float | None:
    """The number, or None for what is no finite number (JSON has no NaN and no infinity)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def clearly_rose(
    early: Sequence[float], late: Sequence[float], by: float, errors: float = 4
) -> bool:
    """Whether the mean rose by at least so much, and by so many standard errors: rounds differ in
    their problems, so that the means of two windows differ by chance. Of a window of one round
    nothing is known of that."""
    error = math.sqrt(sum(variance(x) / len(x) for x in (early, late) if len(x) > 1))
    # Rounded, so that a rise of exactly so much is one, however its decimals add up in binary.
    return round(fmean(late) - fmean(early), 9) >= max(by, errors * error)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def signed(value: float) -> str:
    """Two decimals, with a true minus sign."""
    return f"{value:.2f}".replace("-", "−")


def plain(value: float) -> str:
    """Three significant digits, thousands grouped; powers of ten where those would be too many."""
    return f"{value:.3g}" if value < 100 or value >= 1e6 else f"{value:,.0f}"
