"""What an engine is: prompts in, completions out, weights loaded between rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import ConfigError
from ..model import Policy
from ..types import Completion


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion's tokens are chosen.

    Example: Sampling(max_tokens=32, temperature=0.0) is greedy decoding.
    """

    max_tokens: int
    """A completion with this many tokens and no stop token is cut."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_p: float = 1.0
    """Only the likeliest tokens whose probabilities reach this sum; for evaluation only."""
    top_k: int = 0
    """Only this many of the likeliest tokens, 0 for all; for evaluation only."""
    min_p: float = 0.0
    """Only tokens at least this share as likely as the likeliest; for evaluation only."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}; it must be at least 1.")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.top_k < 0:
            raise ConfigError(
                "temperature and top_k must not be negative, and top_p must be in (0, 1]."
            )
        if not 0 <= self.min_p <= 1:
            raise ConfigError(f"min_p is {self.min_p}; it must be in [0, 1].")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    @property
    def full_support(self) -> bool:
        """Whether every token can be sampled, as a policy gradient needs."""
        return self.top_p == 1 and self.top_k == 0 and self.min_p == 0 and not self.greedy

    def as_greedy(self) -> "Sampling":
        return replace(self, temperature=0.0, top_p=1.0, top_k=0, min_p=0.0)


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt, and a random stream (chance.key) for each completion wanted of it."""

    prompt_ids: tuple[int, ...]
    streams: tuple[int, ...]
    limits: tuple[int, ...] = ()
    """The most tokens of each completion, where it is not the sampling's `max_tokens`."""
    opened: str = ""
    """The tags that the prompt ends with; every completion carries them for who judges it."""

    def __post_init__(self) -> None:
        if self.limits and (len(self.limits) != len(self.streams) or min(self.limits) < 1):
            raise ValueError("Request.limits must hold one number of tokens for each stream.")


Finished = Callable[[int, int, Completion], None]
"""Told of a completion when it is finished, others may still be going on: (the request's place, the
completion's place in it, the completion)."""


class Engine(Protocol):
    """Samples completions. The order and company of requests never changes a random number."""

    rows_at_once: int
    """The most completions decoded together; 0 where there is no such bound."""

    def generate(
        self,
        requests: Sequence[Request],
        sampling: Sampling,
        finished: Finished | None = None,
    ) -> list[list[Completion]]:
        """One list for each request, with one completion for each of its streams, in order."""
        ...

    def load(self, policy: Policy) -> None:
        """Decode with these weights from now on."""
        ...

    def shrink(self) -> bool:
        """Use less memory from now on, with the same results to rounding; False where it cannot."""
        ...
