"""Gradients on their way to the masters: added up in fp32 as the backward pass makes them.

Where the masters are on the host, a gradient is copied to pinned memory while the GPU goes on with
the layers below, and added when the copy has arrived, some parameters later.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

BUFFERS = 3
"""Number of gradients that may be on their way to the host."""


@dataclass(slots=True)
class _Sent:
    """A gradient that is being copied."""

    staged: Tensor
    """The gradient in pinned memory, once it has arrived."""
    master: Tensor
    """The master that it is added to."""
    arrived: Any
    """The GPU's event after the copy."""


def recorded() -> Any:
    """An event on the GPU's stream as it is now: behind a copy, its memory is free."""
    event = torch.cuda.Event()
    event.record()
    return event


def pinned(count: int, dtype: torch.dtype) -> Tensor:
    """Memory of the host that a GPU copies to while both go on."""
    return torch.empty(count, dtype=dtype, pin_memory=True)


class Accumulator:
    """Adds the gradients of parameters to those of their masters, and forgets them.

    Args:
        scale: the factor by which gradients are too large at the moment: a power of two.
    """

    def __init__(self, scale: Callable[[], float] = lambda: 1.0) -> None:
        self.scale = scale
        self._sent: deque[_Sent] = deque()
        self._buffers: list[Tensor] = []

    def attach(self, parameter: nn.Parameter, master: Tensor) -> None:
        """Move the parameter's gradient to the master from now on, whenever there is one."""

        def move(parameter: nn.Parameter) -> None:
            assert parameter.grad is not None
            if master.device == parameter.device:
                self._add(master, parameter.grad)
            else:
                self._send(parameter.grad, master)
            parameter.grad = None

        parameter.register_post_accumulate_grad_hook(move)

    def finish(self) -> None:
        """Wait for gradients that are on their way."""
        while self._sent:
            self._arrive()

    def _add(self, master: Tensor, gradient: Tensor) -> None:
        assert master.grad is not None
        master.grad.add_(gradient, alpha=1 / self.scale())

    def _send(self, gradient: Tensor, master: Tensor) -> None:
        if len(self._sent) == BUFFERS:
            self._arrive()
        staged = self._buffer(gradient)
        staged.copy_(gradient, non_blocking=True)
        self._sent.append(_Sent(staged, master, recorded()))

    def _buffer(self, gradient: Tensor) -> Tensor:
        """Pinned memory of the gradient's shape that no other uses."""
        used = {one.staged.data_ptr() for one in self._sent}
        free = [b for b in self._buffers if b.data_ptr() not in used]
        found = next((b for b in free if b.numel() >= gradient.numel()), None)
        if found is None:
            self._buffers = [b for b in self._buffers if b.data_ptr() in used]
            found = pinned(gradient.numel(), gradient.dtype)
            self._buffers.append(found)
        return found[: gradient.numel()].view(gradient.shape)

    def _arrive(self) -> None:
        one = self._sent.popleft()
        one.arrived.synchronize()
        self._add(one.master, one.staged)
