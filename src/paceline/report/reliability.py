"""The reliability of a reward model as a table: how sure it is of its order of held-out pairs, and
how often it is right there."""

from dataclasses import dataclass

from ..stats import wilson
from ..store.records import Bin, Share
from ..store.snapshot import RunSnapshot
from ..text import percent_range, quantity, thin_percent
from .elements import Cell, Spot, Stretch, Strip


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """Pairs of whose order the model is about equally sure."""

    sure: Cell
    right: Cell
    pairs: Cell
    strip: Strip


def reliability(run: RunSnapshot) -> tuple[ReliabilityRow, ...]:
    """A row for each bin after training, the least sure first; nothing for other runs."""
    return tuple(map(_row, run.after.reliability)) if run.after else ()


def _row(one: Bin) -> ReliabilityRow:
    low, high = wilson(one.right * one.pairs, one.pairs)
    right = Share(one.right, (low, high))
    return ReliabilityRow(
        Cell("Says", thin_percent(one.probability)),
        Cell("Is right", thin_percent(right.value), percent_range(low, high)),
        Cell("Pairs", quantity(one.pairs)),
        Strip(
            28,
            [Stretch("range after", low, high), Stretch("way", one.probability, one.right)],
            [Spot("before", one.probability, 4.5), Spot("after", one.right, 4.5)],
        ),
    )
