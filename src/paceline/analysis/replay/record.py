"""The findings of a replay, from the part down to the token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model import Pieces
from ...objective import Objective
from ...types import Round

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of an objective on one completion.

    Example, a right answer of two tokens, the second clipped: Effect(row=3, advantage=0.87,
    weight=0.02, push=0.004, ratio=1.21, ratio_max=1.62, clipped=1, logp_T=(-0.9, -0.1), …)
    """

    row: int
    """The index of the completion among the round's rollouts."""
    advantage: float
    """The advantage: the mean over the tokens, if each has its own."""
    weight: float
    """Σ_t |push| as a share of the part's: the share of the completion in the objective's effect.
    NaN if a push is not finite; such completions count in no other's share."""
    push: float
    """Σ_t push. If it is above 0, the tokens are made more probable overall."""
    ratio: float
    """The geometric mean of its tokens' ratios."""
    ratio_max: float
    """The largest max(r, 1/r) of a token."""
    clipped: int
    """Number of tokens that the objective bounds."""
    logp_T: Floats
    """The policy's log-probability of each token, just before the step."""
    anchor_T: Floats
    """The anchor's log-probability of each token, at the start of the round; with one part a round,
    the policy's own."""
    ratio_T: Floats
    """exp(logp − anchor), independent of the ratio that the objective uses."""
    advantage_T: Floats
    push_T: Floats
    """−d loss / d log π of each token: how strongly it is made more probable (above 0) or less."""
    clipped_T: Sequence[bool]
    """True if a clip bounds the token: it has no gradient then, or (ClipDetached) a capped one."""


@dataclass(frozen=True, slots=True)
class MeasuredObjective:
    """The results of an objective on the part."""

    name: str
    objective: Objective
    """The objective with its constants filled in."""
    grad_norm: float
    """Norm of the whole gradient, before clipping."""
    rows: int
    """Number of completions in the part."""
    rows_trained: int
    """Number of completions that the objective gives a gradient."""
    tokens: int
    """Number of tokens in the rows that are trained on."""
    clip_fraction: float | None
    """Share of these tokens that the objective bounds; None where it bounds none, or has none."""
    ratio_max: float | None
    """The largest max(r, 1/r) of the ratio that it makes; None without tokens."""
    effects: tuple[Effect, ...]
    """Effects on the rows that are trained on, in the round's order."""


@dataclass(frozen=True, slots=True)
class Redone:
    """The steps that were redone to get the policy, and their agreement with the run."""

    begin: int
    """The step of the checkpoint that it began from; 0 for the model that the run began with."""
    steps: int
    """Number of optimizer steps that were redone from there."""
    difference: float
    """The largest relative difference between a gradient's norm here and in the run, over these
    steps and the replayed one; 0 if all are equal bit for bit."""
    at: int
    """The step of the largest difference."""
    notes: tuple[str, ...] = ()
    """Differences from the run, a sentence each."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A part of a stored round under several objectives, with the policy that met it."""

    path: Path
    """The run directory."""
    step: int
    """The optimizer step, counted from 1."""
    part: int
    """The place of the part in its round, counted from 0."""
    parts: int
    """Number of optimizer steps of each round."""
    last_step: int
    """The last step of the run so far."""
    round: Round
    """The round as it was stored."""
    groups: tuple[int, ...]
    """The indices of the part's groups in the round."""
    redone: Redone
    measured: tuple[MeasuredObjective, ...]
    """Results of the objectives, the run's own first."""
    cosine: tuple[tuple[float | None, ...], ...]
    """The cosine between every two gradients, in the order of `measured`; None if one is zero."""
    pieces: Mapping[int, Pieces]
    """The part's completions token by token, by index among the round's rollouts."""
    prompts: Mapping[int, str]
    """The prompt as the model saw it, by index of the group."""

    @property
    def own(self) -> MeasuredObjective:
        """The run's own objective."""
        return self.measured[0]

    @property
    def rows(self) -> tuple[int, ...]:
        """The indices of the part's completions among the round's rollouts."""
        chosen = set(self.groups)
        return tuple(i for i, g in enumerate(self.round.group_of) if g in chosen)

    @property
    def later_steps(self) -> tuple[int, ...]:
        """Steps of the run that train on later parts of the same round."""
        last = self.step + self.parts - 1 - self.part
        return tuple(range(self.step + 1, min(last, self.last_step) + 1))
