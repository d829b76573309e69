"""The reference policy that KL is measured against: the policy as it began, one that follows it
(TR-DPO), or a model of its own, such as a teacher."""

import copy
from collections.abc import Mapping
from typing import Protocol

import torch

from ..errors import ConfigError
from ..layout import TokenRows
from ..objective import Scores
from .lora import adapter_of, adapter_replaced
from .policy import Policy

CHUNK_WEIGHTS = 1 << 24
"""Most weights that are compared at a time: a GPU holds the outcome of each for a moment."""


class Reference(Protocol):
    """The policy as it was at the start, or another model.

    One that follows is mixed with the policy now and then: π_ref ← α·π_θ + (1−α)·π_ref (TR-DPO,
    arXiv 2404.09656, eqs. 4 and 5: 0 < α < 1 is the soft update, α = 1 the hard one).
    """

    @property
    def follows(self) -> bool:
        """True if the reference changes, so that a checkpoint must hold it; a fixed one is the
        start."""
        ...

    def score(self, rows: TokenRows, temperature: float) -> Scores:
        """The reference's log-probabilities, without gradient."""
        ...

    def equals(self, policy: Policy) -> bool:
        """True if every weight that the two compute with is the same, bit for bit: at the start,
        after a hard update, and until something changes the policy."""
        ...

    def exact_parameters(self) -> dict[str, torch.Tensor]:
        """The weights that are the reference's own, by name: a checkpoint of a following one keeps
        them."""
        ...

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore the weights that `exact_parameters` returned."""
        ...

    def follow(self, policy: Policy, step: int) -> None:
        """Move towards the policy if this optimizer step (counted from 1) asks for it."""
        ...


def make_reference(policy: Policy, *, alpha: float = 1.0, every: int = 0) -> Reference:
    """A reference that is the policy as it is now: a copy, or the policy with another adapter.

    Args:
        alpha: share of the policy that is mixed into the reference; 1 where adapters learn.
        every: optimizer steps between two mixings; 0 keeps the reference as it is.

    Raises: ConfigError for adapters that are to be averaged.
    """
    if policy.adapted:
        if every and alpha < 1:
            raise ConfigError(
                f"reference.alpha is {alpha:g}, but adapters cannot be averaged; set "
                "reference.alpha=1."
            )
        return AdapterReference(policy, every=every)
    return WholeReference.copy_of(policy, alpha=alpha, every=every)


class WholeReference:
    """A reference with all weights of its own: a frozen copy of the policy in the dtype that it
    computes in, or another model, such as a teacher."""

    def __init__(self, frozen: Policy) -> None:
        self.frozen, self.alpha, self.every = frozen, 1.0, 0
        self.averages: dict[str, torch.Tensor] | None = None

    @classmethod
    def copy_of(cls, policy: Policy, *, alpha: float = 1.0, every: int = 0) -> "WholeReference":
        """The policy as it is now, to be mixed with it after every so many steps."""
        module = copy.deepcopy(policy.module).requires_grad_(False)
        made = cls(Policy(module, policy.tokenizer, policy.stop_ids))
        made.alpha, made.every = alpha, every
        # A soft update in bf16 would lose small steps: the average is kept in fp32.
        if every and alpha < 1.0:
            made.averages = {n: p.detach().clone() for n, p in policy.exact_parameters().items()}
        return made

    @property
    def follows(self) -> bool:
        return self.every > 0

    def score(self, rows: TokenRows, temperature: float) -> Scores:
        return self.frozen.score(rows, temperature)

    @torch.no_grad()
    def equals(self, policy: Policy) -> bool:
        ours = dict(self.frozen.module.named_parameters())
        theirs = dict(policy.module.named_parameters())
        if {n: p.shape for n, p in ours.items()} != {n: p.shape for n, p in theirs.items()}:
            return False  # a model of another make
        # The small ones first: where an update has moved the policy, they tell at once.
        names = sorted(ours, key=lambda name: ours[name].numel())
        return all(_same(ours[name], theirs[name]) for name in names)

    def exact_parameters(self) -> dict[str, torch.Tensor]:
        return self.averages or {n: p.detach() for n, p in self.frozen.module.named_parameters()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for name, parameter in self.frozen.module.named_parameters():
            parameter.copy_(tensors[name])
            if self.averages is not None:
                self.averages[name].copy_(tensors[name])

    @torch.no_grad()
    def follow(self, policy: Policy, step: int) -> None:
        if not self.every or step % self.every:
            return
        exact = policy.exact_parameters()
        for name, parameter in self.frozen.module.named_parameters():
            if self.averages is None:
                parameter.copy_(exact[name])
            else:
                parameter.copy_(self.averages[name].lerp_(exact[name], self.alpha))


class AdapterReference:
    """The policy itself with the adapter that it had, so that no second copy of the weights is
    needed. An adapter is replaced, never averaged: the mean of products B·A is not the product of
    means."""

    def __init__(self, policy: Policy, *, every: int = 0) -> None:
        self.every, self.policy = every, policy
        self.adapter = {name: part.clone() for name, part in adapter_of(policy.module).items()}

    @property
    def follows(self) -> bool:
        return self.every > 0

    def score(self, rows: TokenRows, temperature: float) -> Scores:
        with adapter_replaced(self.policy.module, self.adapter):
            return self.policy.score(rows, temperature)

    def equals(self, policy: Policy) -> bool:
        theirs = adapter_of(policy.module)
        return all(torch.equal(part, theirs[name]) for name, part in self.adapter.items())

    def exact_parameters(self) -> dict[str, torch.Tensor]:
        return self.adapter

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for name, part in self.adapter.items():
            part.copy_(tensors[name])

    def follow(self, policy: Policy, step: int) -> None:
        if self.every and step % self.every == 0:
            self.restore(adapter_of(policy.module))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    pairs = zip(a.flatten().split(CHUNK_WEIGHTS), b.flatten().split(CHUNK_WEIGHTS), strict=True)
    return all(torch.equal(*pair) for pair in pairs)
