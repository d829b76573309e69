"""The one schema of a run's records: a step of metrics.jsonl, an event of events.jsonl,
summary.json; and, from a module of its own, a measurement on held-out problems.

A record is made where something happens (`StepRecord.of(report, …)`) and written as plain JSON
(`to_json`); reading a run gives records again (`from_json`). Keys that this version does not
know are kept and written again. A needed key that is missing is named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..text import wall_clock
from .base import Record, finite
from .measured import Bin, Measured, Share
from .round_figures import reasons, repeated_mistakes

if TYPE_CHECKING:
    from ..objective import Metrics
    from ..training import CriticStep, StepReport

__all__ = ["Bin", "Event", "Measured", "Share", "StepRecord", "Summary", "counters_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord(Record):
    """One optimizer step, a line of metrics.jsonl.

    `reward`, `accuracy`, `completion_tokens`, `cut` and the groups are of the whole round; with
    several parts a round, its steps share them.
    """

    noun: ClassVar[str] = "step"

    step: int
    """Number of optimizer steps so far, this one included."""
    round: int
    """The number of the round that it trained on, from 0."""
    part: int
    """The place of this update among those of its round, from 0."""
    reward: float | None
    """Mean reward of the round's completions, as the verifier gave it; null where rows brought
    them."""
    accuracy: float | None
    """Share of completions that were right; null where rows brought them."""
    completions: int
    """Completions of the round."""
    completion_tokens: float
    """Mean tokens of a completion."""
    cut: float
    """Share of completions that met the limit of tokens."""
    empty: float = 0.0
    """Share of completions without a visible letter."""
    stop_reasons: Mapping[str, int] = field(default_factory=dict)
    """Number of completions that ended by themselves ("stop") and that were cut ("length")."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Count of each verdict's reason, most frequent first."""
    repeated_mistakes: float | None = None
    """Share of completions that are wrong and have the same text as completions of other
    problems."""
    groups: int
    """Groups of the round."""
    groups_without_signal: int
    """Groups whose completions were all paid alike."""
    groups_refused: int
    """Groups that were set aside for having no signal (dynamic sampling)."""
    accuracy_refused: float | None = None
    """Accuracy of the groups that were set aside; null where there are none."""
    groups_lost: int = 0
    """Groups that the verifier gave no verdict on."""
    prompts_too_long: int = 0
    """Problems that were left out, as prompt and answer do not fit into the model's context."""
    rows: int
    """Number of completions in this part."""
    rows_trained: int
    """Completions of this part that carried signal."""
    grad_norm: float | None
    """Norm of the gradient before it was clipped."""
    skipped: bool
    """True where nothing was changed, as the gradient was not finite."""
    lr: float
    """Learning rate of the step."""
    entropy: float | None
    """Mean entropy of the policy where a token was sampled, in nats."""
    kl: float | None
    """Mean KL to the reference (k3), in nats a token; null without a KL term."""
    ratio_max: float | None
    """The largest ratio of new to old probability, or its inverse."""
    clip_fraction: float | None
    """Share of tokens whose gradient was bounded by a clip."""
    mismatch: float | None
    """Mean distance of the sampler's log-probabilities from the trainer's, in nats."""
    nll: float | None = None
    """Mean negative log-likelihood of a trained token, in nats; of pairs, that of the preferred
    completions; missing where the completions were sampled."""
    end_probability: float | None = None
    """Mean probability of the token that ends a turn, where a turn ends; missing where the
    completions were sampled, or are compared in pairs."""
    pair_loss: float | None = None
    """Mean loss of a pair; this and the next four are missing where no pairs are compared."""
    pair_accuracy: float | None = None
    """Share of pairs whose preferred completion has the higher reward; a tie counts half."""
    chosen_reward: float | None = None
    """Mean reward of the preferred completions: a reward model's score, or what the policy's
    log-probability has gained on the reference's, as the loss takes it."""
    rejected_reward: float | None = None
    """Mean reward of the others."""
    pair_margin: float | None = None
    """Mean difference of the two rewards."""
    explained_variance: float | None = None
    """Share of the targets' variance that a critic's forecasts explain, below 0 where they are
    worse than one number for all; this and the next four are missing where there is no critic."""
    value: float | None = None
    """Mean forecast of the critic for the tokens of this part, at the start of the round."""
    value_target: float | None = None
    """Mean of the numbers that it was to forecast."""
    value_loss: float | None = None
    """The critic's loss on this part."""
    critic_grad_norm: float | None = None
    """Norm of the gradient of the critic's own parameters, before it was clipped."""
    step_kl: float | None = None
    """Mean KL from the policy at the start of the round to the one after this step, in nats a
    token; this and the next are missing where optimizer.trust does not bound it."""
    step_share: float | None = None
    """Share of the optimizer's step that was taken; 0 where it was undone."""
    tokens_per_second: float | None
    """Tokens sampled a second, or trained on where rows brought them."""
    memory_gb: float | None = None
    """Memory in 1e9 bytes: the GPU's peak, or what the process holds."""
    seconds: float
    """Seconds of the whole step."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds by phase."""
    evaluation: Measured | None = None
    """The measurement after this step; missing where none was made."""

    @classmethod
    def of(cls, report: "StepReport", memory_gb: float | None = None) -> Self:
        """The record of a step, before any measurement on held-out problems after it."""
        round, metrics = report.sampled.round, report.metrics
        rollouts = round.rollouts
        n = len(rollouts)
        cut = sum(r.completion.finish == "length" for r in rollouts)
        tokens, given = sum(round.lengths), round.given
        working = report.seconds.get("update" if given else "sample")
        measured: dict[str, Any] = _of_rows(metrics) if given else {}
        measured |= _of_critic(report.critic)
        if report.searched is not None:
            measured |= {
                "step_kl": finite(report.searched.kl), "step_share": report.searched.share
            }  # fmt: skip
        scored = metrics.pairs is not None and metrics.pairs.nll is None
        return cls(
            step=report.step,
            round=round.index,
            part=report.part,
            reward=None if given else sum(round.rewards) / n,
            accuracy=None if given else sum(r.verdict.solved for r in rollouts) / n,
            completions=n,
            completion_tokens=tokens / n,
            cut=cut / n,
            empty=sum(not r.completion.text.strip() for r in rollouts) / n,
            stop_reasons={"stop": n - cut, "length": cut},
            reasons={} if given else reasons(round),
            repeated_mistakes=None if given else repeated_mistakes(round),
            groups=len(round.groups),
            groups_without_signal=0 if given else sum(not g.has_signal for g in round.groups),
            groups_refused=report.sampled.refused,
            accuracy_refused=report.sampled.refused_accuracy,
            groups_lost=len(report.sampled.lost),
            prompts_too_long=report.sampled.too_long,
            rows=report.rows,
            rows_trained=report.rows_trained,
            grad_norm=finite(report.update.grad_norm),
            skipped=report.update.skipped,
            lr=report.update.lr,
            entropy=None if scored else finite(metrics.entropy),
            kl=finite(metrics.kl),
            ratio_max=finite(metrics.ratio_max) if metrics.tokens and not given else None,
            clip_fraction=finite(metrics.clip_fraction),
            mismatch=finite(metrics.mismatch),
            **measured,
            tokens_per_second=tokens / working if working else None,
            memory_gb=memory_gb,
            seconds=sum(report.seconds.values()),
            phases=report.seconds,
            absent=frozenset({"evaluation", *(SOMETIMES - measured.keys())}),
        )

    def evaluated(self, measured: Measured | None) -> Self:
        """The same step with the measurement after it."""
        return replace(self, evaluation=measured, absent=self.absent - {"evaluation"})

    @property
    def begins_round(self) -> bool:
        return self.part == 0

    @property
    def share_without_signal(self) -> float | None:
        """Share of the groups that had no signal, including those refused for it; None where rows
        bring what is learned."""
        if self.accuracy is None:
            return None
        groups = self.groups + self.groups_refused
        return (self.groups_without_signal + self.groups_refused) / groups if groups else None


OF_ROWS = frozenset({
    "nll", "end_probability", "pair_loss", "pair_accuracy", "chosen_reward", "rejected_reward",
    "pair_margin",
})  # fmt: skip
"""Figures that a step has only where rows bring their completions, and not all of them there."""
OF_CRITIC = frozenset({
    "explained_variance", "value", "value_target", "value_loss", "critic_grad_norm",
})  # fmt: skip
"""Figures that a step has only beside a critic."""
OF_SEARCH = frozenset({"step_kl", "step_share"})
"""Figures that a step has only where a line search was made."""
SOMETIMES = OF_ROWS | OF_CRITIC | OF_SEARCH
"""All of these."""


def _of_critic(critic: "CriticStep | None") -> dict[str, float | None]:
    """The figures of a critic, by name."""
    if critic is None:
        return {}
    measured = critic.measured
    return {
        "explained_variance": finite(measured.explained_variance),
        "value": finite(measured.value),
        "value_target": finite(measured.target),
        "value_loss": finite(measured.loss),
        "critic_grad_norm": finite(critic.grad_norm),
    }


def _of_rows(metrics: "Metrics") -> dict[str, float | None]:
    """The figures of a step on completions that rows brought, by name."""
    pairs = metrics.pairs
    if pairs is None:
        return {
            "nll": finite(metrics.nll), "end_probability": finite(metrics.end_probability)
        }  # fmt: skip
    found = {
        "pair_loss": finite(metrics.loss),
        "pair_accuracy": finite(pairs.accuracy),
        "chosen_reward": finite(pairs.chosen),
        "rejected_reward": finite(pairs.rejected),
        "pair_margin": finite(pairs.margin),
    }
    return found if pairs.nll is None else {"nll": finite(pairs.nll), **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """Something that happened in a run besides its steps, a line of events.jsonl.

    Example: Event(time="2026-11-28T19:02:11+0000", kind="resumed", step=40, text="on 2 threads")
    """

    noun: ClassVar[str] = "event"

    time: str
    """When, in ISO 8601 with the zone."""
    kind: str
    """The kind of event: started, resumed, finished, note, memory, not saved, stuck, worker, …"""
    step: int
    """The last step before it."""
    text: str = ""
    """The event in words."""

    @classmethod
    def now(cls, kind: str, step: int, text: str = "") -> Self:
        """An event that has just happened."""
        return cls(time=wall_clock(), kind=kind, step=step, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Record):
    """The progress and the results of a run: summary.json."""

    noun: ClassVar[str] = "summary"

    finished: bool = True
    """True for a run that came to its end; older versions wrote it there only."""
    before: Measured | None = None
    """The measurement before the first step."""
    after: Measured | None = None
    """The measurement after the last step."""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the measurements: the config's section."""
    steps: int
    """Optimizer steps taken."""
    rounds: int
    """Rounds sampled."""
    interrupted: bool = False
    """True where a signal stopped it."""
    stopped: str | None = None
    """The error that stopped the run, in words."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """Counts of what was skipped, dropped or went wrong."""
    seconds: float
    """Seconds of all sessions, evaluations included."""
    model: str = "model"
    """Path of the final model, in the run's folder."""


_OF_ROUNDS = ("groups_refused", "groups_lost", "prompts_too_long", "groups_without_signal")
_OF_STEPS = ("steps_skipped", "steps_without_signal")
_OF_EVENTS = {
    "resumed": "resumes", "memory": "out_of_memory", "not saved": "checkpoints_failed",
    "stuck": "stuck", "worker": "workers_restarted",
}  # fmt: skip
"""Kinds of events -> the counters of the summary."""


def counters_of(steps: Iterable[StepRecord], events: Iterable[Event]) -> dict[str, int]:
    """Counts of everything that was skipped, dropped or went wrong in a run, from its files."""
    counted = dict.fromkeys((*_OF_ROUNDS, *_OF_STEPS, *_OF_EVENTS.values()), 0)
    for step in steps:
        for name in _OF_ROUNDS if step.begins_round else ():  # the steps of a round share these
            counted[name] += getattr(step, name)
        counted["steps_skipped"] += step.skipped
        counted["steps_without_signal"] += not step.rows_trained
    for event in events:
        if event.kind in _OF_EVENTS:
            counted[_OF_EVENTS[event.kind]] += 1
    return counted
