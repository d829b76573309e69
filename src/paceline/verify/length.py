"""Length as a part of the reward."""

from dataclasses import dataclass

from ..errors import ConfigError
from ..types import Completion, Problem, Verdict


@dataclass(frozen=True, slots=True)
class Overlong:
    """The soft overlong punishment of DAPO (Yu et al. 2025, equation 13).

    0 up to limit − buffer tokens, then falling in a line to −1 at limit, and −1 beyond. The
    completion's stop token counts as one of its tokens. It is meant to be a part of a `Weighted`,
    beside the answer.

    Example: Overlong(limit=100, buffer=20) gives −0.5 for 90 tokens
    """

    limit: int
    """Tokens at which the punishment is whole (L_max)."""
    buffer: int
    """Tokens before the limit over which it grows (L_cache)."""

    def __post_init__(self) -> None:
        if not 0 < self.buffer <= self.limit:
            raise ConfigError(
                f"Overlong needs 0 < buffer <= limit, not buffer={self.buffer}, limit={self.limit}."
            )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        over = len(completion.token_ids) - (self.limit - self.buffer)
        if over <= 0:
            return Verdict(0.0, reason="within the length", correct=False)
        if over < self.buffer:
            return Verdict(
                -over / self.buffer, reason="in the buffer before the limit", correct=False
            )
        return Verdict(-1.0, reason="at the limit of its length", correct=False)
