"""The protocol of a loss: everything that batches, policies and trainers ask of what is minimised.

Letters: B rows, T completion tokens, padded to the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..types import Round
from .records import Metrics, Scores, Tokens

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor


class Criterion(Protocol):
    """Everything that rounds and batches ask of what is minimised, whatever it reads of a model.

    A step asks in this order: `advantages` of the whole round, and `weights` of one part of it.
    A `Loss` then reads the policy's scores, and `Ranking` the one number that a reward model gives
    to a row.
    """

    def advantages(self, round: Round, /) -> Tensor:
        """[B], or [B, T] for per-token credit: the advantage of every row of the round, finite, in
        float32."""
        ...

    def weights(self, mask_BT: Tensor, group_B: Tensor, /) -> Tensor:
        """[B, T] each token's share of the loss, in float32.

        Args:
            mask_BT: True for the tokens that train, of a whole part over all processes, before a
                row is dropped.
            group_B: one number a row, equal within a group.
        """
        ...

    def penalised(self, round: Round, /) -> Round:
        """The round with the penalty that KL in the reward takes from each token, as `advantages`
        and a critic's targets have it; the round itself where there is none."""
        ...

    def resolved(self, max_tokens: int, /) -> Self:
        """This loss with what was left open filled in, for completions of at most
        `max_tokens` tokens."""
        ...

    @property
    def needs_reference(self) -> bool:
        """True if the log-probabilities of a reference policy are read: `Tokens.ref_BT`, or
        `Round.ref` by the advantages."""
        ...

    @property
    def needs_anchor_for_advantages(self) -> bool:
        """True if the advantages read `Round.anchor`, the policy's own log-probabilities at the
        start of the round."""
        ...

    @property
    def needs_values(self) -> bool:
        """True if the advantages read `Round.values`, so that a critic must give them."""
        ...

    @property
    def whole_groups(self) -> bool:
        """True if a row's loss depends on the other rows of its group, so that no micro-batch may
        part a group."""
        ...

    @property
    def drops_signalless(self) -> bool:
        """True if a row whose advantages are all exactly 0 has no gradient, and may be dropped."""
        ...

    @property
    def of_scores(self) -> bool:
        """True for a loss of the one number that a reward model gives to a row; False for one of a
        policy's log-probabilities."""
        ...


class Loss(Criterion, Protocol):
    """A loss over the tokens of a round that adds up over micro-batches and processes.

    For each micro-batch of a part that was weighed, a step asks for the loss itself. `Objective` is
    the one for rewards, `Preference` that for pairs; any value with these methods trains as well.
    """

    def __call__(self, scores: Scores, tokens: Tokens, /) -> tuple[Tensor, Metrics]:
        """The share of these rows in the part's loss, and what was measured of them.

        Shares add up: neither a mean nor a division by their number stands in them. The loss has a
        gradient with respect to the scores only.
        """
        ...

    def value(self, scores: Scores, tokens: Tokens, /) -> Tensor:
        """The loss of `__call__` alone, nothing measured."""
        ...

    @property
    def tokenwise(self) -> bool:
        """True if each token's gain depends on that token's scores alone. Then the head may form
        the gradient of a few tokens while it has their logits."""
        ...

    @property
    def reads_ratios_only(self) -> bool:
        """True if the scores enter through their ratio to the anchor alone. Then the gradient of
        rows without an anchor, whose ratios are all 1, is known before any score."""
        ...
