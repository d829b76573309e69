"""Hooks of a trainer: what a run does around the steps."""

from contextlib import AbstractContextManager, nullcontext

from ..types import Round


class TrainerHooks:
    """Called by a trainer around its steps; each does nothing unless it is overridden.

    Everything a step computes before it changes the policy can be thrown away and computed again
    with the same result; the change itself is done whole or not at all.
    """

    def keep_round(self, round: Round) -> None:
        """Take a round, scored and complete, before its first update."""

    def abandonable(self) -> AbstractContextManager[object]:
        """Enter a context around work that may be broken off at any point."""
        return nullcontext()

    def before_change(self) -> None:
        """Called before weights, moments and counters change; may wait."""

    def out_of_memory(self, what: str) -> None:
        """Told, in words, what takes less memory from now on, because memory ran out."""
