"""The protocol of an engine: prompts in, completions out, weights loaded between rounds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..model import Policy
from ..settings import Sampling
from ..types import Completion, Prompt


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt, and a random stream (rng.key) for each completion wanted of it.

    Example: Request(Prompt((5, 6, 7)), streams=(rng.key(0, "sample", 0), rng.key(0, "sample", 1)))
    """

    prompt: Prompt
    streams: tuple[int, ...]
    limits: tuple[int, ...] = ()
    """The most tokens of each completion, if that differs from the sampling's `max_tokens`."""
    opened: str = ""
    """The tags that the prompt ends with; every completion carries them for the verifier."""

    def __post_init__(self) -> None:
        if self.limits and (len(self.limits) != len(self.streams) or min(self.limits) < 1):
            raise ValueError("Request.limits must hold one number of tokens for each stream.")

    def token_limits(self, sampling: Sampling) -> tuple[int, ...]:
        """The most tokens of each completion."""
        return self.limits or (sampling.max_tokens,) * len(self.streams)


Finished = Callable[[int, int, Completion], None]
"""A callback for a completion as soon as it is finished, while others may still be going on: called
with (the request's index, the completion's index in it, the completion)."""


class Engine(Protocol):
    """Samples completions. The order and company of requests never changes a random number."""

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        """Sample one list for each request, with one completion for each of its streams, in
        order."""
        ...

    def load(self, policy: Policy) -> None:
        """Decode with these weights from now on."""
        ...

    def shrink(self) -> str | None:
        """Use less memory from now on, with the same results except for rounding.

        Returns: the change in words; None if it cannot use less.
        """
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """Everything besides the weights that the next completions depend on, as plain JSON.

        An engine that was given this state and the same weights samples the same tokens, bit for
        bit. Weights are not in it: a checkpoint holds those of the policy, and `load` hands them
        over.
        """
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned. Entries that only another machine's engine
        has may be missing.

        Raises: UnfitCheckpointError if another one is missing.
        """
        ...
