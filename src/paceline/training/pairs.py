"""The order of held-out pairs: how often a model finds the preferred completion the better one, and
how well it knows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..batch import Batch, Micro
from ..model import Policy, Reference
from ..objective import Criterion
from ..stats import Interval, wilson
from ..types import Group, Round
from .calibration import (
    ReliabilityBin,
    best_separation,
    calibration_error,
    in_order,
    reliability,
)

Rewards = Callable[[Micro], Tensor]
"""A function that gives [B] the reward of each row, without gradient."""


@dataclass(frozen=True, slots=True)
class PairAccuracy:
    """The figures of one measurement, over all pairs of one group whose rewards differ.

    Example: PairAccuracy(task="manners", n=300, pairs=300, pair_accuracy=0.99, pair_margin=4.1,
        longer_wins=0.61, intervals={"pair_accuracy": (0.97, 0.998)}, seconds=2.5)
    """

    task: str
    n: int
    """Number of rows, each a pair or a ranking."""
    pairs: int
    pair_accuracy: float
    """Share of the pairs whose preferred completion has the higher reward; a tie counts half."""
    pair_margin: float
    """Mean difference of the two rewards."""
    longer_wins: float
    """Share of the same pairs that are in order if the longer completion wins: what is reached
    without reading any."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """95 % interval of `pair_accuracy`: Wilson's."""
    seconds: float = 0.0
    length_correlation: float | None = None
    """Rank correlation (Spearman's) of score and length; None for a policy, or where one of the two
    never differs."""
    calibration_error: float | None = None
    """Mean distance of σ(|s_w − s_l|) from the share of right orders, in ten bins; None for a
    policy, as the fields below."""
    reliability: tuple[ReliabilityBin, ...] = ()
    right_from: float | None = None
    """Score that separates preferred completions from others best."""
    temperature: float | None = None
    """Divisor of the scores with which the model has been left; None where none was sought."""
    calibration_error_before: float | None = None
    """`calibration_error` of the scores before they were divided."""


@dataclass(frozen=True, slots=True)
class ComparedPairs:
    """The rewards and lengths of held-out completions, and the pairs among them.

    Example: ComparedPairs(rewards=(1.5, -0.5), lengths=(9, 4), pairs=((0, 1),), groups=1,
        problems=1)
    """

    rewards: tuple[float, ...]
    lengths: tuple[int, ...]
    """Trained tokens of each completion."""
    pairs: tuple[tuple[int, int], ...]
    """The row that is preferred and the other one, of every pair."""
    groups: int
    problems: int
    """Different prompts among the groups: pairs of one problem are not independent."""

    @property
    def differences(self) -> list[float]:
        """The preferred completion's reward less the other's, of every pair."""
        return [self.rewards[w] - self.rewards[other] for w, other in self.pairs]

    def divided(self, temperature: float) -> "ComparedPairs":
        """The same with all rewards divided by a temperature."""
        return replace(self, rewards=tuple(reward / temperature for reward in self.rewards))

    def figures(self, task: str, *, scores: bool) -> PairAccuracy:
        """The figures of these pairs.

        Args:
            scores: True for the scores of a reward model, which have figures of their own.
        """
        d, n = self.differences, len(self.pairs)
        right = in_order(d)
        found = PairAccuracy(
            task, self.groups, n, right / n, sum(d) / n,
            in_order([self.lengths[w] - self.lengths[other] for w, other in self.pairs]) / n,
            # As of one pair a problem: on the safe side where a problem has several.
            {"pair_accuracy": wilson(right / n * self.problems, self.problems)},
        )  # fmt: skip
        if not scores:
            return found
        bins = reliability(d)
        return replace(
            found,
            length_correlation=_rank_correlation(self.rewards, self.lengths),
            calibration_error=calibration_error(bins),
            reliability=bins,
            right_from=best_separation(
                [self.rewards[w] for w, _ in self.pairs],
                [self.rewards[other] for _, other in self.pairs],
            ),
        )


def compare_pairs(
    rewards_of: Rewards,
    loss: Criterion,
    groups: Sequence[Group],
    *,
    model: Any,
    tokens_per_forward: int,
    at_reference: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> ComparedPairs:
    """Ask for the reward of every completion of some groups.

    Args:
        loss: the loss of the pairs, which says what their rows are.
        model: the one that is asked: its layout and device say how rows pass through it.
        at_reference: True if it is the reference, weight for weight.
    """
    round = Round(0, tuple(groups))
    batch = Batch.of(round, range(len(groups)), loss, anchored=False, at_reference=at_reference)
    found, done = [0.0] * len(batch.rows), 0
    for pack in batch.rows.packs(tokens_per_forward, model.layout, whole=True):
        rows = batch.rows.take(pack)
        width = max(map(len, rows.completions))
        tokens = batch.tokens.rows(torch.tensor(pack)).cut(width).to(model.device)
        for i, reward in zip(pack, rewards_of(Micro(rows, tokens)).tolist(), strict=True):
            found[i] = reward
        done += len(pack)
        if progress:
            progress("comparing pairs", done, len(batch.rows))
    lengths = batch.tokens.mask_BT.bool().sum(-1).tolist()
    problems = len({tuple(group.prompt_ids) for group in groups})
    return ComparedPairs(tuple(found), tuple(lengths), tuple(_pairs(groups)), len(groups), problems)


def implicit_rewards(
    policy: Policy, loss: Any, reference: Reference | None, temperature: float = 1.0
) -> Rewards:
    """The rewards that a loss of pairs sees in a policy: how much it likes a completion, as the
    loss takes it.

    Args:
        loss: a `Preference`.
    """

    def rewards(micro: Micro) -> Tensor:
        scores, tokens = policy.score(micro.rows, temperature), micro.tokens
        if loss.needs_reference and reference is not None and not tokens.at_reference:
            # In the policy's own packs: in 16 bits the shape of a batch decides how it rounds.
            tokens = replace(tokens, ref_BT=reference.score(micro.rows, temperature).logp_BT)
        return loss.rewards(scores, tokens)

    return rewards


def _pairs(groups: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """The rows of every pair of one group whose rewards differ, the better one first."""
    first = 0
    for group in groups:
        rewards = group.rewards
        for i, better in enumerate(rewards):
            for j, worse in enumerate(rewards):
                if better > worse:
                    yield first + i, first + j
        first += len(rewards)


def _rank_correlation(scores: Sequence[float], lengths: Sequence[int]) -> float | None:
    from scipy import stats

    if len(set(scores)) < 2 or len(set(lengths)) < 2:
        return None
    found: Any = stats.spearmanr(scores, lengths)
    return float(found.statistic)
