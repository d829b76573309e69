"""The reader: makes rounds of rows that bring their own completions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..types import Group, Problem, Round
from .clock import Clock
from .source import SampledRound
from .stream import Stream


class Reader:
    """Reads groups in an order that the seed alone decides, epoch after epoch. A `RoundSource`.

    A round is a function of its number, so no file keeps it: a resume reads it again.

    Args:
        groups: the rows, one group each.
        problems: groups of a round.
        seed: decides the order.
        max_tokens: the maximum number of tokens of a completion in any of them.
        total: groups that are read in all, so that the last round is what is left; None reads on.

    Attributes:
        position: the next position in the stream of groups.
    """

    repeatable = True

    def __init__(
        self,
        groups: Sequence[Group],
        problems: int,
        seed: int,
        max_tokens: int,
        total: int | None = None,
    ) -> None:
        self.stream = Stream(groups, seed, "rows")
        self.problems, self.max_tokens = problems, max_tokens
        self.total, self.position = total, 0

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        """The round of this number."""
        with clock("read"):
            start = index * self.problems
            end = start + self.problems
            if self.total is not None:
                end = min(end, self.total)
            groups = [replace(self.stream.at(i), draw=i) for i in range(start, end)]
            self.position = end
            return SampledRound(Round(index, tuple(groups)))

    def problem_at(self, position: int) -> Problem:
        """The problem at a position of the stream."""
        return self.stream.at(position).problem

    def shrink(self) -> str | None:
        """None: rows that are read take no memory that could be saved."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream, under the name that checkpoints give it."""
        return {"draw": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.position = state["draw"]
