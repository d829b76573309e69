"""The decode step as CUDA graphs: one launch instead of some hundred for each token.

A graph repeats the same kernels on the same memory. So rows, prompts and widths come in a few
sizes, surplus rows are computed and not read, and the keys and values stay in place from round
to round. So do the parameters, which the optimizer writes in place: a graph is valid for the whole
run.

Legend: R rows, Q prompts, K rows of the largest group.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...model import Policy
from ...model.attention import flat_forward
from ...settings import Sampling
from .decode_step import BatchTensors, DecodeBatch, DecodeStep
from .kv_cache import CacheSize, KVCache
from .sampling import sample_token

WARM_UP_STEPS = 2
"""Number of steps before a capture, as torch asks for: libraries initialise themselves in them."""


@dataclass(frozen=True, slots=True)
class GraphSize:
    """The largest batch that a graph computes.

    Example: GraphSize(rows=64, prompts=8, group=8, width=256)
    """

    rows: int
    prompts: int
    group: int
    """Rows of one prompt."""
    width: int
    """Own tokens of a row."""

    @classmethod
    def of(cls, batch: DecodeBatch, cache: KVCache) -> "GraphSize":
        """The size to which a batch is filled up."""
        rows = next_size(len(batch.own_lengths))
        width = min(cache.width, max(64, 1 << max(batch.own_lengths).bit_length()))
        prompts = min(cache.prompts, next_size(len(batch.prompt_lengths)))
        return cls(rows, prompts, next_size(len(batch.members[0])), width)


def next_size(count: int) -> int:
    """The next larger size among 1, 2, 4, 8, 16, then multiples of 16, from 128 on of 64: few
    graphs, little waste."""
    if count <= 16:
        return 1 << (count - 1).bit_length()
    step = 16 if count <= 128 else 64
    return -(-count // step) * step


class GraphStep:
    """A decode step of one size.

    Args:
        capture: False computes the step anew each time, which any device can do.
        pool: the memory that all graphs share. The output of one graph is read before another runs.
    """

    def __init__(
        self,
        policy: Policy,
        cache: KVCache,
        sampling: Sampling,
        size: GraphSize,
        *,
        capture: bool,
        pool: Any = None,
    ) -> None:
        self.policy, self.cache, self.sampling, self.size = policy, cache, sampling, size
        self.capture, self.pool = capture, pool
        self.graph: Any = None
        self.out: tuple[Tensor, Tensor] | None = None
        self.ids_R = torch.zeros(size.rows, dtype=torch.long, device=policy.device)
        self.uniform_R = torch.zeros(size.rows, dtype=torch.float32, device=policy.device)
        self.batch = BatchTensors.blank(size.rows, size.prompts, size.group, policy.device)

    def __call__(
        self, batch: DecodeBatch, ids: list[int], uniform_R: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the rows' next tokens and their log-probabilities."""
        count, size = len(ids), self.size
        self.batch.copy_(batch.filled_up(size.rows, size.prompts, size.group))
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
        step = DecodeStep.masked(self.cache, self.batch, self.size.width)
        hidden_RD = flat_forward(self.policy.module, self.ids_R, step.position_R, step)
        return sample_token(self.policy.logits(hidden_RD), self.uniform_R, self.sampling)

    def _capture(self) -> None:
        """Warm up with the present inputs: a step writes the same keys and values each time, so
        repeating it does no harm."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self._compute()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # A checkpoint may be read from the weights in another thread meanwhile.
        with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
            out = self._compute()
        self.graph, self.out = graph, out  # only now: a capture that failed is no graph


class CudaGraphs:
    """The steps captured so far, and the cache that they read and write."""

    def __init__(self, *, capture: bool = True) -> None:
        self.capture = capture
        self.pool: Any = None
        self.policy: Policy | None = None
        self.cache: KVCache | None = None
        self.reserved: CacheSize | None = None
        """The room that the first cache has at least."""
        self.steps: dict[tuple[Sampling, GraphSize], GraphStep] = {}

    def clear(self, reserved: CacheSize | None = None) -> None:
        """Forget the cache and all steps on it.

        Args:
            reserved: the room that the next cache has at least.
        """
        self.steps.clear()
        self.cache, self.reserved = None, reserved

    def cache_for(self, policy: Policy, size: CacheSize) -> KVCache:
        """A cache with so much room: the same as before if that had it, otherwise one that has room
        for both, so that training and evaluation do not make it anew in turns."""
        wanted = replace(size, rows=next_size(size.rows))
        if self.policy is None or self.policy.module is not policy.module:
            self.cache = None
        if self.cache is None or not self.cache.size.holds(wanted):
            had = self.reserved if self.cache is None else self.cache.size
            self.steps.clear()
            self.policy, self.cache = policy, None  # the old one goes before the new one comes
            self.cache = KVCache(wanted if had is None else had.joined(wanted))
        return self.cache

    def step(
        self, sampling: Sampling, batch: DecodeBatch, ids: list[int], uniform_R: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens and log-probabilities [R] of one more step, on the cache of `cache_for`."""
        assert self.policy is not None and self.cache is not None
        size = GraphSize.of(batch, self.cache)
        one_token = replace(sampling, max_tokens=1)  # how many follow makes no other step
        step = self.steps.get((one_token, size))
        if step is None:
            if self.capture and self.pool is None:
                self.pool = torch.cuda.graph_pool_handle()
            step = GraphStep(
                self.policy, self.cache, one_token, size, capture=self.capture, pool=self.pool
            )
            self.steps[one_token, size] = step
        return step(batch, ids, uniform_R)
