"""The calibration of scores: how often a reward model is right where it is so sure of a pair, and
the one temperature that makes it neither too sure nor too unsure.

d is the difference of the scores of a pair, the preferred completion's less the other's. The model
takes the order that it gives to the pair for right with the probability σ(|d|).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BINS = 10
"""Number of bins, of equal width, from one half to 1."""
MOST_STEPS = 100
"""Most steps of Newton's method; it takes about ten."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs whose order is equally sure to a model.

    Example: ReliabilityBin(pairs=31, probability=0.97, right=0.94)
    """

    pairs: int
    probability: float
    """Mean probability that the model gives to its order of a pair."""
    right: float
    """Share of the pairs in which that order is right; a tie counts half."""


def reliability(differences: Sequence[float]) -> tuple[ReliabilityBin, ...]:
    """The pairs in ten bins of equal width by the probability of their order, the least sure first;
    empty bins are left out."""
    members: list[list[float]] = [[] for _ in range(BINS)]
    for d in differences:
        place = int((_sigmoid(abs(d)) - 0.5) * 2 * BINS)
        members[min(place, BINS - 1)].append(d)
    return tuple(
        ReliabilityBin(
            len(some),
            math.fsum(_sigmoid(abs(d)) for d in some) / len(some),
            in_order(some) / len(some),
        )
        for some in members
        if some
    )


def in_order(differences: Sequence[float]) -> float:
    """Number of differences above 0, those of 0 half."""
    return sum(1.0 if d > 0 else 0.5 if d == 0 else 0.0 for d in differences)


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error: the mean distance of probability and share of right orders,
    each bin with the weight of its pairs (Guo et al., arXiv 1706.04599, eq. 5)."""
    every = sum(one.pairs for one in bins)
    return sum(one.pairs * abs(one.probability - one.right) for one in bins) / every


def temperature_of(differences: Sequence[float]) -> float | None:
    """The divisor of the scores under which the order of these pairs is likeliest; None where no
    number above 0 is, as the order is wrong on the whole.

    Minimises Σ −q log σ(d/T) − (1 − q) log σ(−d/T), which is convex in 1/T, by Newton's method. Of
    n pairs q is (n + 1) / (n + 2) instead of 1, as Platt has it (1999, "Probabilistic outputs for
    support vector machines"): where every pair is in order, T would be 0 without it.
    """
    n = len(differences)
    share = (n + 1) / (n + 2)
    # The slope at 1/T = 0 is (1/2 − q) Σ d.
    if math.fsum(differences) <= 0:
        return None
    low, high = 0.0, 1.0 / max(abs(d) for d in differences)
    while _slope(differences, share, high) < 0:
        low, high = high, 2 * high
    inverse = high
    for _ in range(MOST_STEPS):
        slope, curve = _slope(differences, share, inverse), _curve(differences, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        newton = inverse - slope / curve if curve > 0 else math.nan
        # Outside of what is known to hold the minimum, the middle is a better guess.
        nearer = newton if low < newton < high else (low + high) / 2
        if abs(nearer - inverse) <= 1e-12 * inverse:
            break
        inverse = nearer
    return 1.0 / inverse


def _slope(differences: Sequence[float], share: float, inverse: float) -> float:
    return math.fsum((_sigmoid(d * inverse) - share) * d for d in differences)


def _curve(differences: Sequence[float], inverse: float) -> float:
    return math.fsum(d * d * _sigmoid(d * inverse) * _sigmoid(-d * inverse) for d in differences)


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def best_separation(chosen: Sequence[float], rejected: Sequence[float]) -> float:
    """The score that separates preferred completions from others best: the middle between two
    neighbouring scores with the most preferred ones above and the most others below; of several
    such gaps the widest. The scores' own value where there is no gap."""
    places = sorted([(score, True) for score in chosen] + [(score, False) for score in rejected])
    best, right = (-1, 0.0, places[0][0]), len(chosen)
    for (score, preferred), (following, _) in pairwise(places):
        right += -1 if preferred else 1
        if following > score:
            best = max(best, (right, following - score, (score + following) / 2))
    return best[2]
