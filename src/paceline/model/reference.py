"""The reference policy that KL is measured against: fixed, or following the policy (TR-DPO)."""

import copy
from collections.abc import Mapping

import torch

from ..layout import TokenRows
from ..objective import Scores
from .policy import Policy

CHUNK_WEIGHTS = 1 << 24
"""Most weights that are compared at a time: a GPU holds the outcome of each for a moment."""


class Reference:
    """A frozen copy of the policy as it was at the start.

    With `every` > 0 it follows: π_ref ← α·π_θ + (1−α)·π_ref after every `every` optimizer steps
    (TR-DPO, arXiv 2404.09656, eqs. 4 and 5: 0 < α < 1 is the soft update, α = 1 the hard one).
    """

    def __init__(self, policy: Policy, *, alpha: float = 1.0, every: int = 0) -> None:
        self.alpha, self.every = alpha, every
        self.frozen = Policy(
            copy.deepcopy(policy.module).requires_grad_(False), policy.tokenizer, policy.stop_ids
        )
        # A soft update in bf16 would lose small steps: the average is kept in fp32.
        self.averages: dict[str, torch.Tensor] | None = None
        if every and alpha < 1.0:
            self.averages = {n: p.detach().clone() for n, p in policy.exact_parameters().items()}

    @property
    def follows(self) -> bool:
        """True if the reference changes, so that a checkpoint must hold it; a fixed one is the
        start."""
        return self.every > 0

    def score(self, rows: TokenRows, temperature: float) -> Scores:
        """The reference's log-probabilities, without gradient."""
        return self.frozen.score(rows, temperature)

    @torch.no_grad()
    def equals(self, policy: Policy) -> bool:
        """True if every weight that the two compute with is the same, bit for bit: at the start,
        after a hard update, and until something changes the policy."""
        ours = dict(self.frozen.module.named_parameters())
        theirs = dict(policy.module.named_parameters())
        # The small ones first: where an update has moved the policy, they tell at once.
        names = sorted(ours, key=lambda name: ours[name].numel())
        return all(_same(ours[name], theirs[name]) for name in names)

    def exact_parameters(self) -> dict[str, torch.Tensor]:
        """The weights that a checkpoint of a following reference keeps, by name."""
        return self.averages or {n: p.detach() for n, p in self.frozen.module.named_parameters()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore the weights that `exact_parameters` returned."""
        for name, parameter in self.frozen.module.named_parameters():
            parameter.copy_(tensors[name])
            if self.averages is not None:
                self.averages[name].copy_(tensors[name])

    @torch.no_grad()
    def follow(self, policy: Policy, step: int) -> None:
        """Move towards the policy if this optimizer step (counted from 1) asks for it."""
        if not self.every or step % self.every:
            return
        exact = policy.exact_parameters()
        for name, parameter in self.frozen.module.named_parameters():
            if self.averages is None:
                parameter.copy_(exact[name])
            else:
                parameter.copy_(self.averages[name].lerp_(exact[name], self.alpha))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    pairs = zip(a.flatten().split(CHUNK_WEIGHTS), b.flatten().split(CHUNK_WEIGHTS), strict=True)
    return all(torch.equal(*pair) for pair in pairs)
