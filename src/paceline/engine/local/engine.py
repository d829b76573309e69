"""The local engine: decodes with the parameters as they are at the call, so never with old ones.

A prompt goes through the model once for its whole group, finished sequences leave the batch at
once, and waiting ones take their places (continuous batching).
"""

from collections import abc
from dataclasses import asdict
from typing import Any

import torch

from ...errors import UnfitCheckpointError
from ...layout import PACKED
from ...model import Policy
from ...model.decode_weights import DecodeWeights
from ...settings import Sampling
from ...types import Completion
from ..engine import Finished, Request
from . import padded
from .cuda_graphs import CudaGraphs
from .kv_cache import CacheSize
from .scheduler import Scheduler
from .sequence import Sequence, completions_of, sequences_of


class LocalEngine:
    """Decodes in the trainer's own process with a policy's own parameters.

    Args:
        policy: the policy whose parameters decode.
        rows_at_once: the most sequences decoded together. Memory and speed only.
    """

    def __init__(self, policy: Policy, *, rows_at_once: int = 128) -> None:
        self.policy, self.rows_at_once = policy, rows_at_once
        self.graphs = CudaGraphs() if policy.device.type == "cuda" else None
        captured = self.graphs is not None and policy.layout is PACKED
        self.weights = DecodeWeights(in_place=captured)

    def load(self, policy: Policy) -> None:
        """Decode with this policy's parameters, which the optimizer changes in place."""
        self.policy = policy

    def shrink(self) -> str | None:
        """Decode half as many sequences at once, in a new and smaller cache."""
        if self.rows_at_once == 1:
            return None
        self.rows_at_once //= 2
        if self.graphs is not None:
            self.graphs.clear()
        return "half as many completions are sampled at once now"

    def state_dict(self) -> dict[str, Any]:
        """The number of sequences decoded together, and the room of the cache that CUDA graphs
        keep: the sizes of products decide how they round."""
        state: dict[str, Any] = {"rows_at_once": self.rows_at_once}
        if self.graphs is not None and self.graphs.cache is not None:
            state["kv_cache"] = asdict(self.graphs.cache.size)
        return state

    def load_state_dict(self, state: abc.Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned. One of an engine without CUDA graphs has no
        room to reserve.

        Raises: UnfitCheckpointError if the number of sequences is missing.
        """
        if "rows_at_once" not in state:
            raise UnfitCheckpointError("it lacks 'rows_at_once'")
        self.rows_at_once = int(state["rows_at_once"])
        if self.graphs is not None:
            room = state.get("kv_cache")
            self.graphs.clear(None if room is None else CacheSize(**room))

    @torch.inference_mode()
    def generate(
        self,
        requests: abc.Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        """Sample one list for each request, with one completion for each of its streams, in
        order."""
        sequences = list(sequences_of(requests, sampling))
        if not sequences:
            return [[] for _ in requests]
        at_once = min(self.rows_at_once, len(sequences))
        with self.weights.ready(self.policy.module, at_once):
            self._decode(requests, sampling, sequences, finished)
        return completions_of(sequences, requests)

    def _decode(
        self,
        requests: abc.Sequence[Request],
        sampling: Sampling,
        sequences: list[Sequence],
        finished: Finished | None,
    ) -> None:
        """Decode every sequence to its last token."""
        if self.policy.layout is PACKED:
            Scheduler(
                self.policy, requests, sampling, sequences, self.rows_at_once, finished, self.graphs
            ).run()
        else:
            padded.decode(self.policy, requests, sampling, sequences, self.rows_at_once, finished)
