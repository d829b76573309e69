"""TRPO's line search: an optimizer step that went too far is halved until it has not.

Legend: B rows, T completion tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..batch import Batch
from ..model import Policy
from ..objective import KL, Loss
from .learner import Learner

TO_ANCHOR = KL(1.0, to="anchor")
"""The measure of how far a step went."""
HALVINGS = 10
"""The most times that a step is halved; then it is undone."""


@dataclass(frozen=True, slots=True)
class SearchedStep:
    """The outcome of a line search."""

    share: float
    """Share of the optimizer's step that was taken: 1, 1/2, 1/4, … and 0 where it was undone."""
    kl: float
    """Mean KL(anchor ‖ policy) of the part's tokens after it (k3), in nats."""


class LineSearch:
    """The line search of TRPO (Schulman et al., arXiv 1502.05477, appendix C), around a step of any
    optimizer: made before it, run after it.

    The step stands if the mean KL between the policy at the start of the round and the policy now
    is at most `bound` on the tokens of the part, and the loss of the part has not risen. Otherwise
    it is halved, ten times at most, and then undone. The optimizer's running means stay as they
    are: they are of gradients, not of steps.

    Args:
        batch: the part, with the log-probabilities of the start of the round.
        value: its loss before the step, of the same packs.
        bound: δ, in nats a token.
    """

    def __init__(
        self, learner: Learner[Policy], batch: Batch, loss: Loss, value: float, bound: float
    ) -> None:
        self.learner, self.batch, self.loss = learner, batch, loss
        self.value, self.bound, self.share = value, bound, 1.0
        self.begin = [master.clone() for master in learner.optimizer.masters]

    def run(self, tick: Callable[[], None] = lambda: None) -> SearchedStep:
        """Shorten the step that was taken, if it has to be. One that memory broke off goes on."""
        value, kl = self._measured(tick)
        # Not "kl > bound": what is not a number is no step either.
        while not (kl <= self.bound and value <= self.value) and self.share:
            self.share = self.share / 2 if self.share > 0.5**HALVINGS else 0.0
            self.learner.optimizer.shorten(self.begin, 0.5 if self.share else 1.0)
            value, kl = self._measured(tick)
        return SearchedStep(self.share, kl)

    @torch.no_grad()
    def _measured(self, tick: Callable[[], None]) -> tuple[float, float]:
        """The loss of the part, and its mean KL to the anchor, in one pass without gradient."""
        value = kl = tokens = 0.0
        learner = self.learner
        policy, temperature = learner.policy, learner.temperature
        micros = self.batch.micro(learner.tokens_per_forward, policy.layout, policy.device)
        for micro in micros:
            scores, mask_BT = policy.score(micro.rows, temperature), micro.tokens.mask_BT.bool()
            assert micro.tokens.anchor_BT is not None
            kl_BT = TO_ANCHOR(scores.logp_BT, micro.tokens.anchor_BT)
            value += self.loss.value(scores, micro.tokens).item()
            kl += torch.where(mask_BT, kl_BT, 0.0).sum().item()
            tokens += mask_BT.sum().item()
            tick()
        return value, kl / tokens
