"""AdamW (Loshchilov and Hutter, arXiv 1711.05101) over masters: torch's own, or with moments of 8
bits (Dettmers et al., arXiv 2110.02861)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..model.quantised import bitsandbytes
from ..settings import OptimizerConfig

STEP = "step"
"""Name of the entry that counts a parameter's steps."""
HEAD = "head"
"""Mark of the group of masters with a learning rate of their own."""
CONSTANTS = ("qmap1", "qmap2")
"""Names of entries that are the same for all parameters and at all times: the values of 8 bits."""


class AdamW:
    """One optimizer over some masters, whose state exists from the start: so that the first step
    needs no more memory than any other, and a checkpoint always has the same entries.

    Args:
        masters: what it steps on, with gradients. Weight decay is of matrices only.
        heads: those among them that have a learning rate of their own, and no weight decay.
    """

    def __init__(
        self, masters: list[Tensor], settings: OptimizerConfig, heads: Sequence[Tensor] = ()
    ) -> None:
        apart = {id(head) for head in heads}
        body = [m for m in masters if id(m) not in apart]
        groups: Any = [
            {"params": [m for m in body if m.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [m for m in body if m.ndim <= 1], "weight_decay": 0.0},
        ]
        if heads:
            groups.append({"params": list(heads), "weight_decay": 0.0, HEAD: True})
        options: dict[str, Any] = {
            "lr": settings.lr,
            "betas": (settings.beta1, settings.beta2),
            "eps": settings.eps,
        }
        if settings.moments == "8bit":
            library = bitsandbytes("optimizer.moments=8bit")
            self.inner: Any = library.optim.AdamW8bit([g for g in groups if g["params"]], **options)
            for group in self.inner.param_groups:
                for master in group["params"]:
                    self.inner.init_state(group, master, 0, 0)
        else:
            self.inner = torch.optim.AdamW(groups, fused=True, **options)
            for master in masters:
                self.inner.state[master] = {
                    STEP: torch.zeros((), dtype=torch.float32, device=master.device),
                    "exp_avg": torch.zeros_like(master),
                    "exp_avg_sq": torch.zeros_like(master),
                }

    def step(self, lr: float, head_lr: float | None = None) -> None:
        """Step on the masters' gradients with this learning rate.

        Args:
            head_lr: the rate of heads; None for the same.
        """
        for group in self.inner.param_groups:
            of_head = head_lr is not None and group.get(HEAD, False)
            group["lr"] = head_lr if of_head else lr
        self.inner.step()

    def state_of(self, master: Tensor) -> dict[str, Tensor]:
        """All that is kept of a master: its moments, and the number of its steps."""
        state = {k: v for k, v in self.inner.state[master].items() if k not in CONSTANTS}
        return {**state, STEP: torch.as_tensor(state[STEP], dtype=torch.float32)}

    @torch.no_grad()
    def restore(self, master: Tensor, tensors: dict[str, Tensor]) -> None:
        """Restore what `state_of` returned, in place."""
        state = self.inner.state[master]
        for name, tensor in tensors.items():
            if isinstance(state[name], Tensor):
                state[name].copy_(tensor)
            else:
                state[name] = int(tensor)
