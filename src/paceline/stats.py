"""Intervals and tests for proportions, over problems and over seeds, and the power of a number of
seeds.

Distributions, quantiles and root finding are scipy's and numpy's, which are loaded when they are
needed. The rest is not in them: Wilson's interval for a mean of several answers a problem (scipy's
takes whole successes), a bootstrap with our own random numbers, pass@k, Newcombe's interval, Holm's
correction, the power of a t test; and a t test that has an answer for differences that do not vary,
where scipy's warns and gives nan.

Over seeds, each run is one value. Five are few: a percentile bootstrap of five values covers the
mean 84 % of the time instead of 95, so that intervals over seeds are Student's t throughout, which
covers it where the values are about normal. Differences are taken seed by seed, since two runs of
one seed share their start, their problems and their random numbers.

Sources: Student (1908); E. B. Wilson (1927); R. G. Newcombe, "Interval estimation for the
difference between independent proportions", Statistics in Medicine 17 (1998); S. Holm, "A simple
sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979); power from the
noncentral t distribution (J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988,
ch. 2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from . import rng

Z95 = 1.959963984540054
"""The normal distribution's 0.975 quantile."""
Interval = tuple[float, float]
ALPHA = 0.05
"""Level of significance of all comparisons together."""
POWER = 0.8
"""Chance with which a detectable difference is shown."""
MOST_SEEDS = 1000
"""Number of seeds above which no number of needed seeds is named."""
ROUNDING_TOLERANCE = 1e-12
"""Relative differences up to this are rounding."""


# A proportion


def wilson(successes: float, n: int, z: float = Z95) -> Interval:
    """Wilson's score interval of a proportion, in [0, 1]; (0, 1) where n is 0.

    Args:
        successes: number of successes, which need not be whole: a mean over several answers a
            problem.
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(values: Sequence[float], seed: int = 0, draws: int = 2000) -> Interval:
    """Percentile bootstrap 95 % interval of the mean, resampling the values (one for each
    problem)."""
    import numpy as np

    data = np.asarray(values, dtype=np.float64)
    if len(data) == 0:
        return 0.0, 1.0
    if data.min() == data.max():  # resampling equal values would claim certainty
        return wilson(float(data.sum()), len(data))
    generator = np.random.Generator(np.random.Philox(key=rng.key(seed, "bootstrap")))
    means = data[generator.integers(0, len(data), size=(draws, len(data)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def bootstrap_ratio(
    sums: Sequence[float], counts: Sequence[float], seed: int = 0, draws: int = 2000
) -> Interval:
    """Percentile bootstrap 95 % interval of Σ sums / Σ counts, resampling the pairs (one for each
    row): of a mean over all tokens, whose rows differ in length."""
    import numpy as np

    data = np.asarray([sums, counts], dtype=np.float64)
    generator = np.random.Generator(np.random.Philox(key=rng.key(seed, "bootstrap")))
    n = data.shape[1]
    drawn = data[:, generator.integers(0, n, size=(draws, n))].sum(axis=-1)
    low, high = np.quantile(drawn[0] / drawn[1], [0.025, 0.975])
    return float(low), float(high)


def pass_at(k: int, n: int, correct: int) -> float:
    """Unbiased estimate that at least one of k completions is right, from n completions of which
    `correct` are right: 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1)."""
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} completions a problem, but there are {n}.")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def change_interval(
    before: float, after: float, spans: tuple[Sequence[float], Sequence[float]]
) -> Interval:
    """The interval of after − before from the two intervals, taken as independent (Newcombe 1998,
    method 10).

    If both evaluations use the same problems, the true interval is usually narrower.
    """
    (low_1, high_1), (low_2, high_2) = spans
    return (
        after - before - math.hypot(after - low_2, high_1 - before),
        after - before + math.hypot(high_2 - after, before - low_1),
    )


# Seeds


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds with its 95 % t interval.

    Example: Mean.of([0.71, 0.74, 0.77]) is Mean(mean=0.74, low=0.665, high=0.815, per_seed=…).
    """

    mean: float
    low: float | None
    """Lower end of the interval; None with a single seed, which says nothing about others."""
    high: float | None
    per_seed: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> "Mean":
        """The mean, with its interval, of at least one value.

        Args:
            low, high: limits of the value; the interval ends there.
        """
        mean = fmean(values)
        half = half_width(values)
        if half is None:
            return cls(mean, None, None, tuple(values))
        return cls(mean, max(low, mean - half), min(high, mean + half), tuple(values))


def half_width(values: Sequence[float], alpha: float = ALPHA) -> float | None:
    """Half of the t interval of a mean; None for a single value."""
    from scipy import stats

    n = len(values)
    if n < 2:
        return None
    return float(stats.t.ppf(1 - alpha / 2, n - 1)) * stdev(values) / math.sqrt(n)


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference between the values of two sets of runs, seed by seed."""

    difference: Mean
    p: float | None
    """Two-sided p value of no difference at all; None with a single seed."""
    p_holm: float | None
    """p after Holm's correction for all comparisons that are made at once."""
    detectable: float | None
    """The smallest true difference that this many seeds show four times in five; None if the
    differences do not vary, or with a single seed."""
    seeds_needed: int | None
    """Number of seeds that would show a difference as large as the one seen four times in five;
    None if that is more than 1000, or nothing can be said."""

    @property
    def shown(self) -> bool:
        """True if a difference was shown, at 5 % over all comparisons together."""
        return self.p_holm is not None and self.p_holm < ALPHA


def compared(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> list[Paired]:
    """Several comparisons made at once: values of one set of runs against those of another, in the
    order of the seeds that both have."""
    differences = [
        [a - b for a, b in zip(one, other, strict=True)]
        for one, other in zip(ours, theirs, strict=True)
    ]
    ps = [p_value(d) for d in differences]
    # Planned for the first and hardest of Holm's steps, so that no promise is too good.
    alpha = ALPHA / max(1, len(differences))
    return [
        Paired(Mean.of(d), p, corrected, detectable(d, alpha), seeds_needed(d, alpha))
        for d, p, corrected in zip(differences, ps, holm(ps), strict=True)
    ]


def p_value(differences: Sequence[float]) -> float | None:
    """Two-sided p value of the paired t test; None for a single difference.

    Differences that do not vary at all have no t. If all are 0, p is 1. If all are the same, as can
    happen with a coarse measure on few seeds, p is that of a sign-flip test: 2 / 2^n.
    """
    from scipy import stats

    n = len(differences)
    if n < 2:
        return None
    mean, spread = fmean(differences), _spread(differences)
    if spread == 0:
        return 1.0 if abs(mean) <= ROUNDING_TOLERANCE else 2.0 / 2**n
    return float(2 * stats.t.sf(abs(mean) / spread * math.sqrt(n), n - 1))


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p values after Holm's correction, in the order given; None values are left out.

    Example: holm([0.01, 0.04, 0.03]) is [0.03, 0.06, 0.06].
    """
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    found: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        found[place] = largest
    return found


def all_same(values: Sequence[float | None]) -> bool:
    """True if several values are the same but for rounding: nothing shows how far others would lie
    from them, and their t interval has no width."""
    known = [value for value in values if value is not None]
    return len(known) > 1 and _spread(known) == 0


def _spread(differences: Sequence[float]) -> float:
    """Standard deviation of the differences; exactly 0 if they differ by rounding alone."""
    found = stdev(differences)
    return found if found > ROUNDING_TOLERANCE * max(1.0, abs(fmean(differences))) else 0.0


def power(effect: float, n: int, alpha: float = ALPHA) -> float:
    """The chance that a paired t test of n differences shows a mean of `effect` standard deviations
    (the one tail that matters).

    Args:
        alpha: level of the test, both sides together; the same in the functions below.
    """
    from scipy import stats

    critical = float(stats.t.ppf(1 - alpha / 2, n - 1))
    found = float(stats.nct.sf(critical, n - 1, effect * math.sqrt(n)))
    return 1.0 if math.isnan(found) else found  # beyond what the series can do: a huge effect


def detectable(differences: Sequence[float], alpha: float = ALPHA) -> float | None:
    """The smallest mean difference that as many seeds show with a power of 0.8, assuming the
    observed spread."""
    from scipy import optimize

    n = len(differences)
    if n < 2 or (spread := _spread(differences)) == 0:
        return None
    most = 1.0
    while power(most, n, alpha) < POWER:
        most *= 2
    found = optimize.brentq(lambda effect: power(effect, n, alpha) - POWER, 0.0, most)
    return float(found) * spread  # type: ignore[arg-type]


def seeds_needed(differences: Sequence[float], alpha: float = ALPHA) -> int | None:
    """Number of seeds that show a difference as large as the observed mean with a power of 0.8."""
    n = len(differences)
    if n < 2 or (spread := _spread(differences)) == 0 or fmean(differences) == 0:
        return None
    effect = abs(fmean(differences)) / spread
    if power(effect, MOST_SEEDS, alpha) < POWER:
        return None
    low, high = 2, MOST_SEEDS  # power grows with n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, alpha) >= POWER else (middle + 1, high)
    return low
