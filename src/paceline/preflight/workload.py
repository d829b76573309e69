"""The work of a run, counted before anything is sampled. The counts are upper bounds, because the
length of completions is not known yet: each counts as long as it may be, and every group carries
signal. Of rows that bring their completions the longest are counted, and how much shorter the
others are is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..config import Config
from ..layout import PACKED, PADDED, Packed, TokenRows
from ..model.model_size import ModelSize
from ..objective.named import Named
from ..training import GivenRows
from ..training.evaluate import PROBLEMS_AT_ONCE
from ..types import Group, Round

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

    Example: Pass(rows=64, tokens=2087, scored=1280, recompute=False)
    """

    rows: int
    tokens: int
    scored: int
    """Completion tokens among them, which pass through the head."""
    recompute: bool
    """True if the backward pass computes each layer again from its input."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a run."""

    rows: TokenRows
    """The longest rows that a round can have, with placeholders of the right length for completions
    that are not known yet."""
    passes: tuple[Pass, ...]
    """Passes of the updates through a whole round, part by part."""
    sampling: Decoding | None
    """The decoding of a round; None where rows bring their completions."""
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
    """Number of passes without gradient through a round: the reference's, the anchor's, the
    critic's."""
    evaluations: int
    usual: float = 1.0
    """Tokens of a round in the mean, as a share of those of its longest rows."""
    searches: int = 0
    """Passes through a round of a line search that finds every step short enough."""
    likelihoods: int = 0
    """Tokens of held-out rows that pass through the model in each evaluation."""

    @property
    def decodings(self) -> tuple[Decoding, ...]:
        """Everything that is decoded: a round, and one evaluation."""
        return self.evaluation if self.sampling is None else (self.sampling, *self.evaluation)

    @property
    def scored(self) -> int:
        """Completion tokens of a round."""
        return sum(map(len, self.rows.completions))

    @classmethod
    def of(
        cls,
        config: Config,
        objective: Named,
        model_size: ModelSize,
        prompts: Prompts,
        heldout: int,
    ) -> "Workload":
        """The work that a config describes.

        Args:
            prompts: the prompts of some problems, at least as many as a round has.
            heldout: number of problems to evaluate on.
        """
        r, schedule = config.rollouts, config.schedule
        longest = sorted(prompts, key=len, reverse=True)[: r.problems]
        rows = TokenRows(
            tuple(p for p in longest for _ in range(r.completions)),
            (range(r.max_tokens),) * (len(longest) * r.completions),
        )
        evaluation = _evaluation(config, prompts, heldout)
        searched = config.optimizer.trust is not None
        anchored = schedule.parts > 1 or objective.needs_anchor_for_advantages or searched
        # A part is whole groups.
        groups, minibatches = len(longest), schedule.minibatches
        ends = [groups * share // minibatches * r.completions for share in range(minibatches + 1)]
        return cls(
            rows,
            _passes(rows, ends, config, packed=model_size.packed),
            _decoding(prompts, r.problems, r.completions, r.max_tokens, config.rows_at_once),
            evaluation,
            steps=config.steps,
            rounds=-(-config.steps // schedule.parts),
            epochs=schedule.epochs,
            draws=r.max_draws if r.accept == "signal" else 1,
            scorings=objective.needs_reference + anchored + objective.needs_values,
            searches=schedule.epochs if searched else 0,
            evaluations=2 + _between(config) if evaluation else 0,
        )

    @classmethod
    def of_rows(
        cls,
        config: Config,
        objective: Named,
        model_size: ModelSize,
        given: GivenRows,
        prompts: Prompts,
        judged: int,
    ) -> "Workload":
        """The work of a config whose rows bring their completions.

        Args:
            prompts: the prompts of some problems, for the evaluation.
            judged: number of held-out problems whose answers are judged as well.
        """
        size = (PACKED if model_size.packed else PADDED).size
        every = sorted(given.train, key=_tokens, reverse=True)
        rows = TokenRows.of(Round(0, tuple(every[: config.rollouts.problems])))
        mean = sum(map(_tokens, every)) / len(every)
        longest = [_tokens(group) for group in every[: config.rollouts.problems]]
        held = TokenRows.of(Round(0, given.heldout)) if given.heldout else None
        # A policy's pairs are compared, by its reference too, and their likelihood is measured.
        pairs = objective.whole_groups and not objective.of_scores
        heldout = 2 + objective.needs_reference if pairs else 1
        return cls(
            rows,
            _passes(rows, [0, len(rows)], config, packed=model_size.packed),
            None,
            _evaluation(config, prompts, judged),
            steps=config.steps,
            rounds=config.steps,
            epochs=1,
            draws=1,
            scorings=int(objective.needs_reference),
            evaluations=2 + _between(config) if given.heldout or judged else 0,
            usual=mean * len(longest) / sum(longest),
            likelihoods=0 if held is None else heldout * size(held),
        )


def _tokens(group: Group) -> int:
    return len(group.prompt) + sum(len(r.completion.token_ids) for r in group.rollouts)


def _between(config: Config) -> int:
    """Number of evaluations between the first and the last."""
    every = config.evaluation.every
    return (config.steps - 1) // every if every else 0


def _evaluation(config: Config, prompts: Prompts, heldout: int) -> tuple[Decoding, ...]:
    """The decodings of one evaluation, the greedy and the sampled ones of each block."""
    e = config.evaluation
    problems, tokens = min(e.problems, heldout), e.max_tokens or config.rollouts.max_tokens
    blocks = [
        min(PROBLEMS_AT_ONCE, problems - start) for start in range(0, problems, PROBLEMS_AT_ONCE)
    ]
    return tuple(
        _decoding(prompts, block, completions, tokens, config.rows_at_once)
        for block in blocks
        for completions in (1, e.completions)
    )


def _passes(
    rows: TokenRows, ends: Sequence[int], config: Config, *, packed: bool
) -> tuple[Pass, ...]:
    """The passes of parts that end at these rows."""
    layout, limit = PACKED if packed else PADDED, config.tokens_per_forward
    passes = []
    for start, end in pairwise(ends):
        part = rows.take(range(start, end))
        for pack in part.packs(limit, layout):
            taken = part.take(pack)
            tokens, scored = layout.size(taken), sum(map(len, taken.completions))
            again = tokens > limit and layout.deep > 1
            passes.append(Pass(len(pack), tokens, scored, recompute=again))
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
