"""The work of a run, counted before anything is sampled. The counts are upper bounds, because the
length of completions is not known yet: each counts as long as it may be, and every group carries
signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..config import Config
from ..layout import PACKED, PADDED, Packed, TokenRows
from ..model.model_size import ModelSize
from ..objective import Objective
from ..training.evaluate import PROBLEMS_AT_ONCE

Prompts = Sequence[Sequence[int]]
"""Token ids of each prompt."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """Completions that are sampled in one go.

    Example: Decoding(rows=64, places=64, prompts=8, longest=40, tokens=32, before=103)
    """

    rows: int
    places: int
    """Number of rows decoded at once."""
    prompts: int
    """Number of prompts whose keys and values are in memory at once."""
    longest: int
    """Tokens of the longest prompt."""
    tokens: int
    """Tokens of each completion."""
    before: int
    """Tokens of prompts that go through the model first; a prefix that all prompts share counts
    once."""

    @property
    def steps(self) -> int:
        """Number of decode steps: waiting rows take the places of finished ones."""
        return -(-self.rows // self.places) * self.tokens


@dataclass(frozen=True, slots=True)
class Pass:
    """Rows that go through the model together in an update.

    Example: Pass(rows=64, tokens=2087, recompute=False)
    """

    rows: int
    tokens: int
    recompute: bool
    """True if the backward pass computes each layer again from its input."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a run."""

    rows: TokenRows
    """The rows of a round, with placeholders of the right length for completions."""
    passes: tuple[Pass, ...]
    """Passes of the updates through a whole round, part by part."""
    sampling: Decoding
    """The decoding of a round."""
    evaluation: tuple[Decoding, ...]
    """The decodings of one evaluation; empty if there is none."""
    steps: int
    """Number of optimizer steps."""
    rounds: int
    epochs: int
    """Number of times that a round is trained on."""
    draws: int
    """Most times that a round is sampled until all of its groups carry signal."""
    scorings: int
    """Number of passes without gradient through a round: the reference's, the anchor's."""
    evaluations: int

    @property
    def scored(self) -> int:
        """Completion tokens of a round."""
        return sum(map(len, self.rows.completions))

    @classmethod
    def of(
        cls,
        config: Config,
        objective: Objective,
        model_size: ModelSize,
        prompts: Prompts,
        heldout: int,
    ) -> "Workload":
        """The work that a config describes.

        Args:
            prompts: the prompts of some problems, at least as many as a round has.
            heldout: number of problems to evaluate on.
        """
        r, e, schedule = config.rollouts, config.evaluation, config.schedule
        longest = sorted(prompts, key=len, reverse=True)[: r.problems]
        rows = TokenRows(
            tuple(p for p in longest for _ in range(r.completions)),
            (range(r.max_tokens),) * (len(longest) * r.completions),
        )
        problems = min(e.problems, heldout)
        blocks = [
            min(PROBLEMS_AT_ONCE, problems - start)
            for start in range(0, problems, PROBLEMS_AT_ONCE)
        ]
        between = (config.steps - 1) // e.every if e.every else 0
        anchored = schedule.parts > 1 or objective.needs_anchor_for_advantages
        at_once = config.rows_at_once
        return cls(
            rows,
            _passes(rows, config, packed=model_size.packed),
            _decoding(prompts, r.problems, r.completions, r.max_tokens, at_once),
            tuple(
                _decoding(prompts, block, completions, e.max_tokens or r.max_tokens, at_once)
                for block in blocks
                for completions in (1, e.completions)  # greedy, sampled
            ),
            steps=config.steps,
            rounds=-(-config.steps // schedule.parts),
            epochs=schedule.epochs,
            draws=r.max_draws if r.accept == "signal" else 1,
            scorings=objective.needs_reference + anchored,
            evaluations=2 + between if problems else 0,
        )


def _passes(rows: TokenRows, config: Config, *, packed: bool) -> tuple[Pass, ...]:
    layout, limit = PACKED if packed else PADDED, config.tokens_per_forward
    group, minibatches = config.rollouts.completions, config.schedule.minibatches
    groups = len(rows) // group
    ends = [groups * share // minibatches * group for share in range(minibatches + 1)]
    passes = []
    for start, end in pairwise(ends):
        part = rows.take(range(start, end))
        for pack in part.packs(limit, layout):
            tokens = layout.size(part.take(pack))
            passes.append(Pass(len(pack), tokens, recompute=tokens > limit and layout.deep > 1))
    return tuple(passes)


def _decoding(
    prompts: Prompts, count: int, completions: int, tokens: int, at_once: int
) -> Decoding:
    places = min(at_once, count * completions)
    some = prompts[:count]
    return Decoding(
        rows=count * completions,
        places=places,
        prompts=min(places, count),
        longest=max(map(len, prompts)),
        tokens=tokens,
        before=len(Packed.prompts(some).ids_N) * count // len(some),
    )
