"""Length and repetition as parts of the reward."""

from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ConfigError
from ...types import Completion, Problem, Verdict
from ..calling.base import VerifierBase


@dataclass(frozen=True, slots=True)
class Overlong(VerifierBase):
    """The soft overlong punishment of DAPO (Yu et al. 2025, equation 13).

    0 up to limit − buffer tokens, then falling in a line to −1 at limit, and −1 beyond. The
    completion's stop token counts as one of its tokens. It is meant to be a part of a `Weighted`,
    beside the answer.

    Example: Overlong(limit=100, buffer=20) gives −0.5 for 90 tokens
    """

    limit: int
    """Number of tokens at which the punishment is whole (L_max)."""
    buffer: int
    """Number of tokens before the limit over which it grows (L_cache)."""

    def __post_init__(self) -> None:
        if not 0 < self.buffer <= self.limit:
            raise ConfigError(
                f"Overlong needs 0 < buffer <= limit, not buffer={self.buffer}, limit={self.limit}."
            )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        over = len(completion.token_ids) - (self.limit - self.buffer)
        if over <= 0:
            return Verdict(0.0, reason="within the length", correct=True)
        if over < self.buffer:
            return Verdict(
                -over / self.buffer, reason="in the buffer before the limit", correct=False
            )
        return Verdict(-1.0, reason="at the limit of its length", correct=False)


Unit = Literal["tokens", "words", "characters"]


@dataclass(frozen=True, slots=True)
class LengthTarget(VerifierBase):
    """−|target − length|: the nearer to the length asked for, the better.

    Counted in tokens it includes the stop token; in words, what whitespace separates. A completion
    counts as right when it is within a tenth of the target.

    Example: LengthTarget(50, "characters") gives −3 for 47 characters
    """

    target: int = 50
    """The length asked for."""
    unit: Unit = "tokens"
    """The unit that is counted."""
    scale: float = 1.0
    """Divisor of the reward."""

    def __post_init__(self) -> None:
        if self.target < 1 or self.scale <= 0:
            raise ConfigError(
                f"LengthTarget needs target >= 1 and scale > 0, not {self.target}, {self.scale}."
            )
        if self.unit not in get_args(Unit):
            raise ConfigError(f"There is no unit '{self.unit}'; it is {', '.join(get_args(Unit))}.")

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        length = {
            "tokens": lambda: len(completion.token_ids),
            "words": lambda: len(completion.text.split()),
            "characters": lambda: len(completion.text),
        }[self.unit]()
        off = abs(self.target - length)
        near = 10 * off <= self.target
        reason = "near the length" if near else "too short" if length < self.target else "too long"
        return Verdict(-off / self.scale, reason=reason, correct=near)


@dataclass(frozen=True, slots=True)
class Repetition(VerifierBase):
    """−(share of n-grams of tokens that were there before): 0 where nothing repeats, near −1 for
    one phrase over and over (as the n-gram penalty of Yeo et al. 2025, "Demystifying long
    chain-of-thought", without its discount).

    A completion of fewer tokens than `size` repeats nothing. Tokens rather than words, so that it
    works in any language.

    Example: Repetition(2) gives −0.25 for the tokens 5 6 5 6 7: of four pairs one was there before
    """

    size: int = 4
    """Number of tokens of an n-gram."""
    free: float = 0.0
    """A share up to this is not punished."""

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.free < 1:
            raise ConfigError(
                f"Repetition needs size >= 1 and 0 <= free < 1, not {self.size}, {self.free}."
            )

    def __call__(self, problem: Problem, completion: Completion) -> Verdict:
        ids = tuple(completion.token_ids)
        grams = [ids[i : i + self.size] for i in range(len(ids) - self.size + 1)]
        share = 1 - len(set(grams)) / len(grams) if grams else 0.0
        if share <= self.free:
            return Verdict(0.0, reason="no repetition", correct=True)
        return Verdict(-share, reason="repeats itself", correct=False)
