"""Sources of rounds: a trainer learns from the rounds of one of them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from ..types import Problem, Round
from ..verify.calling.scoring import NoVerdict
from .clock import Clock


@dataclass(frozen=True, slots=True)
class SampledRound:
    """A round, with counts of its sampling that belong to none of its groups."""

    round: Round
    refused: int = 0
    """Number of groups that dynamic sampling set aside."""
    too_long: int = 0
    """Number of problems whose prompt and answer do not fit into the model's context."""
    lost: tuple[NoVerdict, ...] = ()
    """Reasons why groups were dropped because the verifier gave no verdict, one for each group."""
    refused_accuracy: float | None = None
    """The share of right answers in the groups that were set aside; None if there are none."""

    def counts(self) -> dict[str, Any]:
        """Everything but the round, as plain JSON."""
        return {
            "refused": self.refused,
            "too_long": self.too_long,
            "lost": [asdict(one) for one in self.lost],
            "refused_accuracy": self.refused_accuracy,
        }

    @classmethod
    def of(cls, round: Round, counts: Mapping[str, Any]) -> "SampledRound":
        """The sampled round with these `counts`."""
        return cls(
            round,
            counts["refused"],
            counts["too_long"],
            tuple(NoVerdict(**one) for one in counts["lost"]),
            counts.get("refused_accuracy"),  # older checkpoints did not count it
        )


class RoundSource(Protocol):
    """Gives the rounds that a trainer learns from, and knows where it stands among the problems.

    `Sampler` is one, `Reader` and `StoredRounds` are others. The rounds that a source gives depend
    only on its state, the round's number and the policy: given back the state of an earlier moment,
    it gives the same rounds again.
    """

    @property
    def max_tokens(self) -> int:
        """The maximum number of tokens of a completion."""
        ...

    @property
    def repeatable(self) -> bool:
        """True if a round depends on its number alone, so that no file has to keep it."""
        ...

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        """Give round number `index`, not yet scored by the policy; the state moves on."""
        ...

    def problem_at(self, position: int, /) -> Problem:
        """The problem at a position of the stream."""
        ...

    def shrink(self) -> str | None:
        """Use less memory from now on. Returns the change in words, or None if there is nothing to
        save."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resume needs, as plain JSON."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        ...


class StoredRounds:
    """Rounds that were sampled earlier, one after the other.

    Args:
        read: returns the round of a number, as it was sampled.
        max_tokens: the maximum number of tokens of a completion in any of them.
        problem_at: returns the problem at a position of the stream of problems.
    """

    repeatable = False

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
        """None: stored rounds take no memory."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream, under the name that checkpoints give it."""
        return {"draw": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.position = state["draw"]
