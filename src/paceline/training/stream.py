"""The order of a task's training problems."""

from collections.abc import Sequence

from .. import rng
from ..types import Problem


class ProblemStream:
    """Training problems in an order that the seed alone decides, epoch after epoch.

    Each epoch is a permutation hashed from (seed, "order", epoch).

    Example: ProblemStream(task.train, seed=0).at(17)
    """

    def __init__(self, problems: Sequence[Problem], seed: int) -> None:
        self.problems, self.seed = problems, seed
        self._order: tuple[int, list[int]] = (-1, [])

    def at(self, position: int) -> Problem:
        """The problem at a position of the stream, counted from 0."""
        epoch, place = divmod(position, len(self.problems))
        if self._order[0] != epoch:
            stream = rng.key(self.seed, "order", epoch)
            self._order = epoch, rng.permutation(stream, len(self.problems))
        return self.problems[self._order[1][place]]
