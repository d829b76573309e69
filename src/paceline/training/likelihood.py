"""The likelihood of held-out rows: how well a model foretells the completions that they bring."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp

from ..layout import TokenRows
from ..model import Policy
from ..model.likelihood import likelihoods
from ..stats import Interval, bootstrap_ratio
from ..types import Group, Rollout, Round


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The figures of one measurement, over the tokens that would train.

    Example: Likelihood(task="arithmetic", rows=500, nll=0.027, token_accuracy=0.99,
        end_probability=0.999, intervals={"nll": (0.024, 0.031)}, seconds=3.1)
    """

    task: str
    rows: int
    nll: float
    """Mean negative log-likelihood of a token, in nats."""
    token_accuracy: float
    """Share of tokens that are the likeliest in their place."""
    end_probability: float | None
    """Mean probability of the token that ends a turn, where a turn ends; None where none does."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """95 % interval of `nll`: the bootstrap over rows."""
    seconds: float = 0.0


def likelihood(
    policy: Policy,
    task: str,
    groups: Sequence[Group],
    *,
    tokens_per_forward: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Likelihood:
    """Measure the likelihood of the rows' first completions: of demonstrations the only one, of
    pairs and rankings the best."""
    started = time.perf_counter()
    best = [_best(group) for group in groups]
    rows = TokenRows.of(Round(0, tuple(best)))
    sums = [(0.0, 0, 0, 0.0, 0)] * len(rows)
    done = 0
    for pack in rows.packs(tokens_per_forward, policy.layout):
        taken = rows.take(pack)
        logp_M, likeliest_M = (one.cpu() for one in likelihoods(policy, taken))
        lengths = [len(c) for c in taken.completions]
        pieces = zip(pack, logp_M.split(lengths), likeliest_M.split(lengths), strict=True)
        for i, logp_T, likeliest_T in pieces:
            sums[i] = _sums(best[i].rollouts[0], logp_T.tolist(), likeliest_T.tolist())
        done += len(pack)
        if progress:
            progress("measuring the likelihood", done, len(rows))
    nll, tokens, hits, ends, turns = (sum(column) for column in zip(*sums, strict=True))
    return Likelihood(
        task, len(rows), nll / tokens, hits / tokens, ends / turns if turns else None,
        {"nll": bootstrap_ratio([one[0] for one in sums], [one[1] for one in sums], seed)},
        time.perf_counter() - started,
    )  # fmt: skip


def _best(group: Group) -> Group:
    best = max(group.rollouts, key=lambda rollout: rollout.verdict.reward)
    return Group(group.problem, group.prompt, (best,))


def _sums(
    rollout: Rollout, logp: Sequence[float], likeliest: Sequence[bool]
) -> tuple[float, int, int, float, int]:
    """Σ −log π, tokens, tokens that are the likeliest, Σ π at the ends of turns, turns."""
    n = len(logp)
    sampled = rollout.completion.sampled or (True,) * n
    trained = [t for t in range(n) if sampled[t]]
    ends = [t for t in trained if t + 1 == n or not sampled[t + 1]]
    return (
        -sum(logp[t] for t in trained), len(trained), sum(likeliest[t] for t in trained),
        sum(exp(logp[t]) for t in ends), len(ends),
    )  # fmt: skip
