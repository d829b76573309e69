"""The local engine: decodes with the parameters as they are at the call, so never stale ones.

A prompt goes through the model once for its whole group, finished rows leave the batch at once,
and waiting ones take their places (continuous batching).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..layout import PACKED
from ..model import Policy
from ..model.prepacked import prepacked
from ..settings import Sampling
from ..types import Completion
from . import padded
from .continuous import Decoding
from .engine import Finished, Request
from .graphs import Graphs
from .rows import Telling, answers_of, rows_of


class LocalEngine:
    """Decodes in the trainer's own process with a policy's own parameters.

    Args:
        policy: whose parameters decode.
        rows_at_once: the most rows decoded together. Memory and speed only.
    """

    def __init__(self, policy: Policy, *, rows_at_once: int = 128) -> None:
        self.policy, self.rows_at_once = policy, rows_at_once
        self.graphs = Graphs() if policy.device.type == "cuda" else None

    def load(self, policy: Policy) -> None:
        self.policy = policy

    def shrink(self) -> bool:
        """Decode half as many rows at once."""
        if self.rows_at_once == 1:
            return False
        self.rows_at_once //= 2
        return True

    def state_dict(self) -> dict[str, Any]:
        """The number of sequences decoded together."""
        return {"rows_at_once": self.rows_at_once}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.rows_at_once = int(state["rows_at_once"])

    @torch.inference_mode()
    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        rows, tell = list(rows_of(requests, sampling)), Telling(self.policy, finished)
        if not rows:
            return [[] for _ in requests]
        if self.policy.layout is PACKED:
            decoding = Decoding(
                self.policy, requests, sampling, rows, self.rows_at_once, tell, self.graphs
            )
            with prepacked(self.policy.module, decoding.places):
                decoding.run()
        else:
            padded.decode(self.policy, requests, sampling, rows, self.rows_at_once, tell)
        return answers_of(rows, requests)
