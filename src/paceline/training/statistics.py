"""Intervals and estimators of evaluation, from their textbook formulas."""

import math
from collections.abc import Sequence

import numpy as np

from .. import rng

Z95 = 1.959963984540054
Interval = tuple[float, float]


def wilson(successes: float, n: int, z: float = Z95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), in [0, 1]; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(values: Sequence[float], seed: int = 0, draws: int = 2000) -> Interval:
    """Percentile bootstrap 95 % interval of the mean, resampling the values (one for each
    problem)."""
    data = np.asarray(values, dtype=np.float64)
    if len(data) == 0:
        return 0.0, 1.0
    if data.min() == data.max():  # resampling equal values would claim certainty
        return wilson(float(data.sum()), len(data))
    generator = np.random.Generator(np.random.Philox(key=rng.key(seed, "bootstrap")))
    means = data[generator.integers(0, len(data), size=(draws, len(data)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def pass_at(k: int, n: int, correct: int) -> float:
    """Unbiased estimate that at least one of k completions is right, from n of which `correct`
    were: 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374, eq. 1)."""
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} completions a problem, but there are {n}.")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)
