"""Sources of rounds: a trainer learns from what one of them gives."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..types import Problem, Round
from ..verify.calling.scoring import NoVerdict
from .clock import Clock


@dataclass(frozen=True, slots=True)
class SampledRound:
    """A round, and what was counted while it was sampled and belongs to no group of it."""

    round: Round
    refused: int = 0
    """Groups that dynamic sampling set aside."""
    too_long: int = 0
    """Problems whose prompt and answer do not fit into the model's context."""
    lost: tuple[NoVerdict, ...] = ()
    """Why groups were dropped because the verifier gave no verdict, one each."""
    refused_accuracy: float | None = None
    """The share of right answers in the groups that were set aside; None where there are none."""

    def counts(self) -> dict[str, Any]:
        """All but the round, as plain JSON."""
        return {
            "refused": self.refused,
            "too_long": self.too_long,
            "lost": [asdict(one) for one in self.lost],
            "refused_accuracy": self.refused_accuracy,
        }

    @classmethod
    def of(cls, round: Round, counts: Mapping[str, Any]) -> "SampledRound":
        """A round again with its `counts`."""
        return cls(
            round,
            counts["refused"],
            counts["too_long"],
            tuple(NoVerdict(**one) for one in counts["lost"]),
            counts.get("refused_accuracy"),  # older checkpoints did not count it
        )


class RoundSource(Protocol):
    """Gives the rounds that a trainer learns from, and knows its place in the stream of problems.

    The sampler is one, `StoredRounds` another. What a source gives depends on its position, the
    round's number and the policy alone.
    """

    position: int
    """The next place in the stream of problems."""

    @property
    def max_tokens(self) -> int:
        """The most tokens of a completion."""
        ...

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        """Round number `index`, not yet scored by the policy; the position moves on."""
        ...

    def problem_at(self, position: int, /) -> Problem:
        """The problem at a place of the stream."""
        ...

    def shrink(self) -> str | None:
        """Use less memory from now on; the change in words, or None where there is no less."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs, as plain JSON."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        ...


class StoredRounds:
    """Rounds that were sampled before, one after the other.

    Args:
        read: from a round's number to the round, as it was sampled.
        max_tokens: the most tokens of a completion in any of them.
        position: the place in the stream of problems; it does not move.
    """

    def __init__(
        self, read: Callable[[int], Round], max_tokens: int, problem_at: Callable[[int], Problem]
    ) -> None:
        self.read, self.max_tokens, self.position = read, max_tokens, 0
        self.problem_at = problem_at

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        """The round of this number, not yet scored by the policy."""
        with clock("sample"):
            return SampledRound(self.read(index))

    def shrink(self) -> str | None:
        """Nothing takes memory here."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The place in the stream, by the name that checkpoints give it."""
        return {"draw": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.position = state["draw"]
