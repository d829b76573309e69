"""The cutting of a round into parts, and the scoring of a round with the columns that a loss
needs."""

from dataclasses import dataclass, replace

from ..batch import Batch, parts_of
from ..layout import TokenRows
from ..model import Policy, Reference
from ..objective import Criterion
from ..settings import ScheduleConfig
from ..types import Round
from .learner import Learner


@dataclass(frozen=True, slots=True)
class Parts:
    """The cutting of every round into parts, each the rows of one optimizer step.

    Example: Parts(ScheduleConfig(minibatches=4), seed=0).batch(round, 3, loss)
    """

    schedule: ScheduleConfig
    seed: int
    searched: bool = False
    """True where a line search measures every step against the start of the round."""

    @property
    def count(self) -> int:
        """Number of optimizer steps that a round serves."""
        return self.schedule.parts

    @property
    def anchored(self) -> bool:
        """True if the log-probabilities of the start of the round are kept. With one part they are
        those that the update computes anyway."""
        return self.count > 1 or self.searched

    def groups(self, round: Round, part: int) -> list[int]:
        """The indices of a part's groups in the round."""
        return parts_of(round, self.seed, part, self.schedule.minibatches)

    def batch(
        self, round: Round, part: int, loss: Criterion, *, at_reference: bool = False
    ) -> Batch:
        """The rows of a scored round that a part trains on: all rows are weighed, then those
        without a gradient are dropped.

        Args:
            at_reference: True if the policy is the reference, weight for weight: no KL then.
        """
        return Batch.of(
            round,
            self.groups(round, part),
            loss,
            anchored=self.anchored,
            at_reference=at_reference,
        )


def with_logprobs(
    round: Round,
    loss: Criterion,
    learner: Learner,
    parts: Parts,
    reference: Reference | Policy | None,
    *,
    at_reference: bool,
) -> Round:
    """The round with the log-probabilities that a loss will ask for.

    Args:
        learner: holds the policy as it is before the round's first update.
        reference: the model that KL is measured to; the policy itself if it has not moved yet.
        at_reference: True if the policy is the reference, weight for weight.
    """
    rows = TokenRows.of(round)
    anchor = ref = None
    if parts.anchored or loss.needs_anchor_for_advantages:
        anchor = learner.logprobs(rows, _packs_of_updates(round, loss, learner, parts))
    if loss.needs_reference and reference is not None:
        # Of one policy there is one log-probability: the rounding of two passes is no KL.
        own = anchor is not None and at_reference
        if loss.whole_groups:  # the updates' own packs, so that both round alike in 16 bits
            packs = rows.packs(learner.tokens_per_forward, learner.policy.layout, whole=True)
        else:
            packs = None
        ref = anchor if own else learner.logprobs(rows, packs, score=reference.score)
    return replace(round, anchor=anchor, ref=ref)


def _packs_of_updates(
    round: Round, loss: Criterion, learner: Learner, parts: Parts
) -> list[list[int]]:
    """Rows as the first epoch will pack them; rows that it will drop need no anchor.

    In bf16 a row's log-probabilities depend a little on the shape of its batch. Scored in the
    same packs, the first part's ratios are exactly 1, as they should be before any update.
    """
    if loss.needs_anchor_for_advantages:  # what will be dropped is not known yet
        return learner.packs(TokenRows.of(round))
    packs: list[list[int]] = []
    for part in range(parts.schedule.minibatches):
        batch = Batch.of(round, parts.groups(round, part), loss)
        for pack in learner.packs(batch.rows):
            packs.append([batch.index[i] for i in pack])
    return packs
