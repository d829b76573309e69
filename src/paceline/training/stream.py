"""The order in which a task's problems are drawn, or a data set's rows are read."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from .. import rng

T = TypeVar("T")


class Stream(Generic[T]):
    """Problems, or rows, in an order that the seed alone decides, epoch after epoch.

    Each epoch is a permutation hashed from (seed, purpose, epoch).

    Example: Stream(task.train, seed=0).at(17)

    Args:
        purpose: what the items are drawn for. A run that samples must not begin with the very
            problems whose answers another of the same seed has read.
    """

    def __init__(self, items: Sequence[T], seed: int, purpose: str = "order") -> None:
        self.items, self.seed, self.purpose = items, seed, purpose
        self._order: tuple[int, list[int]] = (-1, [])

    def at(self, position: int) -> T:
        """The item at a position of the stream, counted from 0."""
        epoch, place = divmod(position, len(self.items))
        if self._order[0] != epoch:
            stream = rng.key(self.seed, self.purpose, epoch)
            self._order = epoch, rng.permutation(stream, len(self.items))
        return self.items[self._order[1][place]]
