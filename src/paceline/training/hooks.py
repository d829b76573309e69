"""Hooks of a trainer: the work of a run before and after each step."""

from contextlib import AbstractContextManager, nullcontext

from ..types import Round


class TrainerHooks:
    """Called by a trainer around its steps; each does nothing unless it is overridden.

    Everything that a step computes before it changes the policy can be thrown away and computed
    again with the same result; the change itself is done whole or not at all.
    """

    def keep_round(self, round: Round) -> None:
        """Keep a round that is scored and complete, before its first update."""

    def interruptible(self) -> AbstractContextManager[object]:
        """Enter a context around work that may be interrupted at any point."""
        return nullcontext()

    def before_change(self) -> None:
        """Get ready for a change of weights, moments and counters; may wait."""

    def out_of_memory(self, what: str) -> None:
        """Learn, in words, which change saves memory from now on, because memory ran out."""
