"""The answers that losses of pairs and of rankings share: their rows are given, and compared within
their group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..types import Round

if TYPE_CHECKING:
    from typing import Self


class ComparesGivenRows:
    """The part of `Criterion` that holds for every loss that compares completions of one group:
    rewards alone decide, no model but the trained one is asked, and no row stands by itself."""

    __slots__ = ()

    def penalised(self, round: Round) -> Round:
        """The round itself."""
        return round

    def resolved(self, max_tokens: int) -> Self:
        """This loss, in which nothing is left open."""
        return self

    @property
    def needs_reference(self) -> bool:
        """False: what is trained is held to nothing, unless a loss says otherwise."""
        return False

    @property
    def needs_anchor_for_advantages(self) -> bool:
        """False: rewards alone decide."""
        return False

    @property
    def needs_values(self) -> bool:
        """False: there is no critic."""
        return False

    @property
    def whole_groups(self) -> bool:
        """True: a comparison needs both rows."""
        return True

    @property
    def drops_signalless(self) -> bool:
        """False: a row has no signal of its own."""
        return False
