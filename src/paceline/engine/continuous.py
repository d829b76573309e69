"""Continuous batching: rows are decoded side by side, finished ones leave at once, and waiting
ones take their places.

Legend: Q prompts, R rows being decoded, N flat tokens, D hidden size, V vocabulary.
"""

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from ..layout import Packed
from ..model import Policy
from ..model.attention import flat_forward
from ..settings import Sampling
from .engine import Request
from .graphs import Graphs
from .kv import Decode, Plan, Prefill, Store
from .rows import Row, Telling, append, append_drawn, uniforms

REFILL_AT = 0.125
"""Waiting rows are admitted when this share of the places is free, so that their prompts go
through the model together."""

PREFILL = 8192
"""Prompt tokens in one pass (a longer prompt goes alone): memory only."""


class Decoding:
    """Rows being decoded, row i with its keys and values at place i of the store.

    Who is admitted when is decided by counts alone. With `graphs` the steps are captured ones.
    """

    def __init__(
        self,
        policy: Policy,
        requests: Sequence[Request],
        sampling: Sampling,
        rows: Sequence[Row],
        rows_at_once: int,
        tell: Telling,
        graphs: Graphs | None,
    ) -> None:
        self.policy, self.requests, self.sampling = policy, requests, sampling
        self.tell, self.graphs = tell, graphs
        self.waiting, self.live = deque(rows), list[Row]()
        self.prompts: list[int] = []
        """The request whose prompt is at place q of the store."""
        self.behind: dict[int, Tensor] = {}
        """The hidden state behind a request's prompt, while rows of it wait."""
        self.places = min(rows_at_once, len(rows))
        longest = max((len(r.prompt_ids) for r in requests), default=0)
        room = (min(self.places, len(requests)), longest, self.places)
        if graphs is None:
            self.store = Store(*room)
        else:
            self.store = graphs.store_for(policy, *room, max((r.limit for r in rows), default=0))

    def run(self) -> None:
        """Fill in every row, to its last token."""
        while self.live or self.waiting:
            if self.waiting and self.places - len(self.live) >= REFILL_AT * self.places:
                self._admit()
            elif self.live:
                self._step()

    def _admit(self) -> None:
        """Let waiting rows take the free places, and draw their first tokens: all rows of a group
        from one row of logits."""
        count = min(self.places - len(self.live), len(self.waiting))
        rows = [self.waiting.popleft() for _ in range(count)]
        self._prefill([i for i in dict.fromkeys(r.request for r in rows) if i not in self.behind])
        asked = list(dict.fromkeys(r.request for r in rows))
        logits_QV = self.policy.logits(torch.stack([self.behind[i] for i in asked]))
        append_drawn(
            rows,
            logits_QV[[asked.index(r.request) for r in rows]],
            self.sampling,
            self.policy.stop_ids,
        )
        self.tell(rows)
        self.live += [r for r in rows if not r.finished]
        self._forget_prompts()

    def _prefill(self, fresh: Sequence[int]) -> None:
        """Prompts into the store, as many in a pass as PREFILL tokens allow."""
        passes: list[list[int]] = []
        room = 0
        for i in fresh:
            room -= len(self.requests[i].prompt_ids)
            if room < 0:
                passes.append([])
                room = PREFILL - len(self.requests[i].prompt_ids)
            passes[-1].append(i)
        for some in passes:
            packed = Packed.prompts([self.requests[i].prompt_ids for i in some], self.policy.device)
            keeping = Prefill(self.store, packed, first=len(self.prompts))
            self.prompts += some
            hidden_ND = flat_forward(self.policy.module, packed.ids_N, packed.position_N, keeping)
            self.behind |= dict(zip(some, hidden_ND[packed.predicts_M], strict=True))

    def _step(self) -> None:
        """One more token of every live row."""
        # A row's last token is not in the store yet: it is what goes through the model now.
        lengths = [len(r.token_ids) - 1 for r in self.live]
        place_of = {request: q for q, request in enumerate(self.prompts)}
        plan = Plan.of(
            lengths,
            [len(self.requests[i].prompt_ids) for i in self.prompts],
            [place_of[r.request] for r in self.live],
        )
        ids = [r.token_ids[-1] for r in self.live]
        stop_ids = self.policy.stop_ids
        if self.graphs is not None:
            drawn = self.graphs.step(self.sampling, plan, ids, uniforms(self.live))
            append(self.live, *drawn, stop_ids)
        else:
            self.store.widen(max(lengths) + 1)
            decode = Decode.of(self.store, plan)
            token_R = torch.tensor(ids, device=self.policy.device)
            hidden_RD = flat_forward(self.policy.module, token_R, decode.position_R, decode)
            append_drawn(self.live, self.policy.logits(hidden_RD), self.sampling, stop_ids)
        self.tell(self.live)
        self._drop_finished()

    def _drop_finished(self) -> None:
        """Rows from the end take the places of finished ones, so that the live stand in front."""
        left = sum(not r.finished for r in self.live)
        if left == len(self.live):
            return
        holes = [i for i in range(left) if self.live[i].finished]
        movers = [i for i in range(left, len(self.live)) if not self.live[i].finished]
        self.store.move_rows(holes, movers)
        for hole, mover in zip(holes, movers, strict=True):
            self.live[hole] = self.live[mover]
        del self.live[left:]
        self._forget_prompts()

    def _forget_prompts(self) -> None:
        """The same for prompts of which no row is left."""
        wanted = {r.request for r in (*self.live, *self.waiting)}
        left = sum(i in wanted for i in self.prompts)
        holes = [q for q in range(left) if self.prompts[q] not in wanted]
        movers = [q for q in range(left, len(self.prompts)) if self.prompts[q] in wanted]
        self.store.move_prompts(holes, movers)
        for hole, mover in zip(holes, movers, strict=True):
            self.prompts[hole] = self.prompts[mover]
        for gone in set(self.behind) - wanted:
            del self.behind[gone]
        del self.prompts[left:]
