"""The decode step as CUDA graphs: one launch instead of some hundred for each token.

A graph repeats the same kernels on the same memory. So rows, prompts and widths come in a few
sizes, what is too many is computed and not read, and the keys and values stay in place from round
to round. So do the parameters, which the optimizer writes in place: a graph is valid for the whole
run.

Legend: R rows, Q prompts, K rows of the largest group.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..model import Policy
from ..model.attention import flat_forward
from ..settings import Sampling
from .draw import draw
from .kv import Decode, Plan, Store

WARM_UP = 2
"""Steps before a capture, as torch asks for: libraries set themselves up in them."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a graph is made for: all of them upper bounds."""

    rows: int
    prompts: int
    group: int
    width: int

    @classmethod
    def of(cls, plan: Plan, store: Store) -> "Size":
        rows = next_size(len(plan.lengths))
        width = min(store.width, max(64, 1 << max(plan.lengths).bit_length()))
        prompts = min(store.prompts, next_size(len(plan.prompts)))
        return cls(rows, prompts, next_size(len(plan.table[0])), width)


def next_size(count: int) -> int:
    """1, 2, 4, 8, 16, then multiples of 16, from 128 on of 64: few graphs, little to spare."""
    if count <= 16:
        return 1 << (count - 1).bit_length()
    step = 16 if count <= 128 else 64
    return -(-count // step) * step


class Step:
    """A decode step of one size.

    Args:
        capture: False computes it anew each time, which any device can.
        pool: the memory that all graphs share. What one leaves there is read before another runs.
    """

    def __init__(
        self,
        policy: Policy,
        store: Store,
        sampling: Sampling,
        size: Size,
        *,
        capture: bool,
        pool: Any = None,
    ) -> None:
        self.policy, self.store, self.sampling, self.size = policy, store, sampling, size
        self.capture, self.pool = capture, pool
        self.graph: Any = None
        self.out: tuple[Tensor, Tensor] | None = None

        def blank(*shape: int, dtype: torch.dtype = torch.long) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=policy.device)

        R, Q, K = size.rows, size.prompts, size.group
        self.ids_R, self.uniform_R = blank(R), blank(R, dtype=torch.float32)
        self.plan = blank(R), blank(Q), blank(R), blank(Q, K), blank(R)
        """length_R, prompt_Q, prompt_R, rows_QK, seat_R: in the order of Decode.masked."""

    def __call__(self, plan: Plan, ids: list[int], uniform_R: Tensor) -> tuple[Tensor, Tensor]:
        """The rows' next tokens and their log-probabilities."""
        count, size = len(ids), self.size
        full = plan.filled_up(size.rows, size.prompts, size.group)
        values = (full.lengths, full.prompts, full.prompt_of, full.table, full.seats)
        for buffer, value in zip(self.plan, values, strict=True):
            buffer.copy_(torch.tensor(value))
        self.ids_R[:count].copy_(torch.tensor(ids))
        self.uniform_R[:count].copy_(uniform_R)
        if not self.capture:
            self.out = self._compute()
        elif self.graph is None:
            self._capture()
        if self.graph is not None:
            self.graph.replay()
        assert self.out is not None
        return self.out[0][:count], self.out[1][:count]

    def _compute(self) -> tuple[Tensor, Tensor]:
        decode = Decode.masked(self.store, *self.plan, self.size.width)
        hidden_RD = flat_forward(self.policy.module, self.ids_R, decode.position_R, decode)
        return draw(self.policy.logits(hidden_RD), self.uniform_R, self.sampling)

    def _capture(self) -> None:
        """Warm up with the inputs of the moment: a step writes the same keys and values each time,
        so that repeating it harms nothing."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._compute()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # A checkpoint may be read from the weights in another thread meanwhile.
        with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
            out = self._compute()
        self.graph, self.out = graph, out  # only now: a capture that failed is no graph


class Graphs:
    """The steps captured so far, and the store that they read and write."""

    def __init__(self, *, capture: bool = True) -> None:
        self.capture = capture
        self.pool: Any = None
        self.policy: Policy | None = None
        self.store: Store | None = None
        self.steps: dict[tuple[Sampling, Size], Step] = {}

    def store_for(self, policy: Policy, prompts: int, longest: int, rows: int, width: int) -> Store:
        """A store with so much room: the same as before if that had it, else one that has room for
        both, so that training and evaluation do not take turns in making it anew."""
        wanted = Store(prompts, longest, next_size(rows), width)
        if self.policy is None or self.policy.module is not policy.module:
            self.store = None
        if self.store is None or not self.store.holds(wanted):
            had = self.store or wanted
            self.steps.clear()
            self.policy, self.store = policy, None  # the old one goes before the new one comes
            self.store = Store(
                max(had.prompts, wanted.prompts),
                max(had.longest, wanted.longest),
                max(had.rows, wanted.rows),
                max(had.width, wanted.width),
            )
        return self.store

    def step(
        self, sampling: Sampling, plan: Plan, ids: list[int], uniform_R: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens and log-probabilities [R] of one more step, on the store of `store_for`."""
        assert self.policy is not None and self.store is not None
        size = Size.of(plan, self.store)
        drawing = replace(sampling, max_tokens=1)  # how many follow makes no other step
        step = self.steps.get((drawing, size))
        if step is None:
            if self.capture and self.pool is None:
                self.pool = torch.cuda.graph_pool_handle()
            step = Step(
                self.policy, self.store, drawing, size, capture=self.capture, pool=self.pool
            )
            self.steps[drawing, size] = step
        return step(plan, ids, uniform_R)
