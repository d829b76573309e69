"""Continuous batching: sequences are decoded side by side, finished ones leave at once, and waiting
ones take their places.

Legend: Q prompts, R rows of the batch, one for each sequence being decoded; N flat tokens, D hidden
size, V vocabulary.
"""

from collections import abc, deque
from dataclasses import replace

import torch
from torch import Tensor

from ...layout import Packed
from ...model import Policy
from ...model.attention import flat_forward
from ...settings import Sampling
from ..engine import Finished, Request
from .cuda_graphs import CudaGraphs
from .decode_step import DecodeBatch, DecodeStep
from .kv_cache import FIRST_WIDTH, CacheSize, KVCache, Prefill
from .sequence import Sequence, append, append_sampled, report_finished, uniforms

REFILL_AT = 0.125
"""Share of free places at which waiting sequences are admitted, so that their prompts go through
the model together."""

PREFILL_TOKENS = 8192
"""Most prompt tokens in one pass (a longer prompt goes alone): affects memory only."""


class Scheduler:
    """Decodes sequences to their end; the keys and values of running sequence i are at row i of the
    cache.

    Counts alone decide which sequence is admitted when. With `graphs` it uses captured steps.
    """

    def __init__(
        self,
        policy: Policy,
        requests: abc.Sequence[Request],
        sampling: Sampling,
        sequences: list[Sequence],
        rows_at_once: int,
        finished: Finished | None,
        graphs: CudaGraphs | None,
    ) -> None:
        self.policy, self.requests, self.sampling = policy, requests, sampling
        self.finished, self.graphs = finished, graphs
        self.waiting, self.running = deque(sequences), list[Sequence]()
        self.prompts: list[int] = []
        """The request whose prompt is at place q of the cache."""
        self.behind: dict[int, Tensor] = {}
        """The hidden state behind a request's prompt, while sequences of it wait."""
        self.places = min(rows_at_once, len(sequences))
        longest = max((len(r.prompt) for r in requests), default=0)
        size = CacheSize(min(self.places, len(requests)), longest, self.places, FIRST_WIDTH)
        if graphs is None:
            self.cache = KVCache(size)
        else:
            width = max((s.limit for s in sequences), default=FIRST_WIDTH)
            self.cache = graphs.cache_for(policy, replace(size, width=width))

    def run(self) -> None:
        """Decode every sequence to its last token."""
        while self.running or self.waiting:
            if self.waiting and self.places - len(self.running) >= REFILL_AT * self.places:
                self._admit()
            elif self.running:
                self._step()

    def _admit(self) -> None:
        """Let waiting sequences take the free places, and sample their first tokens: all sequences
        of a group from one row of logits."""
        count = min(self.places - len(self.running), len(self.waiting))
        admitted = [self.waiting.popleft() for _ in range(count)]
        asked = list(dict.fromkeys(s.request for s in admitted))
        self._prefill([i for i in asked if i not in self.behind])
        logits_QV = self.policy.logits(torch.stack([self.behind[i] for i in asked]))
        append_sampled(
            admitted,
            logits_QV[[asked.index(s.request) for s in admitted]],
            self.sampling,
            self.policy.stop_ids,
        )
        report_finished(admitted, self.policy, self.finished)
        self.running += [s for s in admitted if not s.finished]
        self._drop_prompts()

    def _prefill(self, fresh: abc.Sequence[int]) -> None:
        """Bring prompts into the cache, in each pass as many as PREFILL_TOKENS allows."""
        passes: list[list[int]] = []
        room = 0
        for i in fresh:
            room -= len(self.requests[i].prompt)
            if room < 0:
                passes.append([])
                room = PREFILL_TOKENS - len(self.requests[i].prompt)
            passes[-1].append(i)
        for some in passes:
            packed = Packed.prompts(
                [self.requests[i].prompt.token_ids for i in some], self.policy.device
            )
            prefill = Prefill(self.cache, packed, first=len(self.prompts))
            self.prompts += some
            hidden_ND = flat_forward(self.policy.module, packed.ids_N, packed.position_N, prefill)
            self.behind |= dict(zip(some, hidden_ND[packed.predicts_M], strict=True))

    def _step(self) -> None:
        """Decode one more token of every running sequence."""
        batch = self._batch()
        ids = [s.token_ids[-1] for s in self.running]
        stop_ids = self.policy.stop_ids
        if self.graphs is not None:
            sampled = self.graphs.step(self.sampling, batch, ids, uniforms(self.running))
            append(self.running, *sampled, stop_ids)
        else:
            self.cache.widen(max(batch.own_lengths) + 1)
            step = DecodeStep.of(self.cache, batch)
            token_R = torch.tensor(ids, device=self.policy.device)
            hidden_RD = flat_forward(self.policy.module, token_R, step.position_R, step)
            logits_RV = self.policy.logits(hidden_RD)
            append_sampled(self.running, logits_RV, self.sampling, stop_ids)
        report_finished(self.running, self.policy, self.finished)
        self._drop_finished()

    def _batch(self) -> DecodeBatch:
        """The next decode step's rows and prompts, by their places in the cache."""
        place_of = {request: q for q, request in enumerate(self.prompts)}
        return DecodeBatch.of(
            # A sequence's last token is not in the cache yet: it goes through the model now.
            [len(s.token_ids) - 1 for s in self.running],
            [len(self.requests[i].prompt) for i in self.prompts],
            [place_of[s.request] for s in self.running],
        )

    def _drop_finished(self) -> None:
        """Move sequences from the end into the places of finished ones, so that the running ones
        stand in front."""
        left = sum(not s.finished for s in self.running)
        if left == len(self.running):
            return
        holes = [i for i in range(left) if self.running[i].finished]
        movers = [i for i in range(left, len(self.running)) if not self.running[i].finished]
        self.cache.move_rows(holes, movers)
        for hole, mover in zip(holes, movers, strict=True):
            self.running[hole] = self.running[mover]
        del self.running[left:]
        self._drop_prompts()

    def _drop_prompts(self) -> None:
        """Move prompts from the end into the places of those that no sequence needs any more."""
        wanted = {s.request for s in (*self.running, *self.waiting)}
        left = sum(i in wanted for i in self.prompts)
        holes = [q for q in range(left) if self.prompts[q] not in wanted]
        movers = [q for q in range(left, len(self.prompts)) if self.prompts[q] in wanted]
        self.cache.move_prompts(holes, movers)
        for hole, mover in zip(holes, movers, strict=True):
            self.prompts[hole] = self.prompts[mover]
        for gone in set(self.behind) - wanted:
            del self.behind[gone]
        del self.prompts[left:]
