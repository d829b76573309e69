"""What a replay finds, from the part down to the token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model import Pieces
from ...objective import Objective
from ...types import Round

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Effect:
    """What an objective does to one completion.

    Example, a right answer of two tokens, the second clipped: Effect(row=3, advantage=0.87,
    weight=0.02, push=0.004, ratio=1.21, ratio_max=1.62, clipped=1, logp_T=(-0.9, -0.1), …)
    """

    row: int
    """Its place among the round's rollouts."""
    advantage: float
    """The mean over its tokens, where each has its own."""
    weight: float
    """Σ_t |push| as a share of the part's: how much of the objective's say it gets. NaN where a
    push is not a finite number; such completions count in no other's share."""
    push: float
    """Σ_t push. Above 0 its tokens are made more probable, all in all."""
    ratio: float
    """The geometric mean of its tokens' ratios."""
    ratio_max: float
    """The largest max(r, 1/r) of a token."""
    clipped: int
    """Tokens that the objective bounds."""
    logp_T: Floats
    """The policy's log-probability of each token, just before the step."""
    anchor_T: Floats
    """At the start of the round; with one part a round, the policy's own."""
    ratio_T: Floats
    """exp(logp − anchor), whatever ratio the objective makes of them."""
    advantage_T: Floats
    push_T: Floats
    """−d loss / d log π of each token: how strongly it is made more probable (above 0) or less."""
    clipped_T: Sequence[bool]
    """Whether a clip bounds the token: it has no gradient then, or (ClipDetached) a capped one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An objective on the part."""

    name: str
    objective: Objective
    """With its constants filled in."""
    grad_norm: float
    """Of the whole gradient, before clipping."""
    rows: int
    """Completions of the part."""
    rows_trained: int
    """Those of them that the objective gives a gradient."""
    tokens: int
    """Of the rows that are trained on."""
    clip_fraction: float | None
    """Share of these tokens that the objective bounds; None where it bounds none, or has none."""
    ratio_max: float | None
    """The largest max(r, 1/r) of the ratio that it makes; None without tokens."""
    effects: tuple[Effect, ...]
    """On the rows that are trained on, in the round's order."""


@dataclass(frozen=True, slots=True)
class Redone:
    """How the policy was come by, and how well what was redone agrees with the run."""

    begin: int
    """The step of the checkpoint that it began from; 0 for the model that the run began with."""
    steps: int
    """Optimizer steps that were redone from there."""
    difference: float
    """The largest relative difference between a gradient's norm here and in the run, over these
    steps and the one that is replayed; 0 where all are equal bit for bit."""
    at: int
    """The step at which that is."""
    notes: tuple[str, ...] = ()
    """What is not as it was in the run, a sentence each."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A part of a stored round under several objectives, with the policy that met it."""

    path: Path
    """The run directory."""
    step: int
    """The optimizer step, counted from 1."""
    part: int
    """Its part of the round, counted from 0."""
    parts: int
    """Optimizer steps of each round."""
    last_step: int
    """Of the run so far."""
    round: Round
    """As it was stored."""
    groups: tuple[int, ...]
    """The places of the part's groups in the round."""
    redone: Redone
    measured: tuple[Measured, ...]
    """The run's own objective first."""
    cosine: tuple[tuple[float | None, ...], ...]
    """Between every two gradients, in the order of `measured`; None where one is zero."""
    pieces: Mapping[int, Pieces]
    """By place among the round's rollouts: the part's completions token by token."""
    prompts: Mapping[int, str]
    """By place of the group: the prompt as the model saw it."""

    @property
    def own(self) -> Measured:
        """The run's own objective."""
        return self.measured[0]

    @property
    def rows(self) -> tuple[int, ...]:
        """The places of the part's completions among the round's rollouts."""
        chosen = set(self.groups)
        return tuple(i for i, g in enumerate(self.round.group_of) if g in chosen)

    @property
    def later_steps(self) -> tuple[int, ...]:
        """Steps of the run that train on later parts of the same round."""
        last = self.step + self.parts - 1 - self.part
        return tuple(range(self.step + 1, min(last, self.last_step) + 1))
