"""The schema of a comparison: compare.json, and kl.json in each of its runs.

Figures are means over seeds; a list `per_seed` is in the order of the objective's `seeds`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from .base import Json, Record


def _both(low: float | None, high: float | None) -> tuple[float, float] | None:
    """The ends of an interval, where it has any."""
    return None if low is None or high is None else (low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRecord(Record):
    """A mean over seeds with its 95 % t interval.

    Example: MeanRecord(mean=0.74, low=0.665, high=0.815, per_seed=(0.71, 0.74, 0.77))
    """

    noun: ClassVar[str] = "mean"

    mean: float
    low: float | None
    """None with a single seed, which says nothing about others."""
    high: float | None
    per_seed: tuple[float, ...]

    @property
    def interval(self) -> tuple[float, float] | None:
        return _both(self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRecord(Record):
    """Samples or seconds until a curve meets the threshold."""

    noun: ClassVar[str] = "way to the threshold"

    mean: float | None
    """None where some seed never meets it."""
    low: float | None
    high: float | None
    per_seed: tuple[float | None, ...]
    reached: int
    """Seeds that meet it."""

    @property
    def interval(self) -> tuple[float, float] | None:
        return _both(self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedyRecord(Record):
    """Accuracy of the likeliest answers."""

    noun: ClassVar[str] = "greedy accuracy"

    initial_accuracy: MeanRecord
    final_accuracy: MeanRecord
    delta: MeanRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRecord(Record):
    """Held-out accuracy at the steps at which every run of an objective was measured."""

    noun: ClassVar[str] = "curve"

    steps: tuple[int, ...]
    samples: tuple[float, ...]
    """Completions sampled until then."""
    mean: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    per_seed: tuple[tuple[float, ...], ...]
    """Of each step, the accuracy of every seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRecord(Record):
    """Answers that got no verdict in time, or whose judge failed."""

    noun: ClassVar[str] = "count of lost answers"

    answers: int
    """Held-out ones; they count as wrong."""
    groups: int
    """Groups of training, which were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRecord(Record):
    """A diagnosis of one run: docs/diagnostics.md."""

    noun: ClassVar[str] = "diagnosis"

    seed: int
    name: str
    first: int
    """The step at which it began."""
    last: int
    over: bool
    finding: str
    lately: str
    rule: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRecord(Record):
    """One of the things that are compared, over its seeds."""

    noun: ClassVar[str] = "objective"

    objective: str
    """The objective as it is written."""
    updates_a_round: int
    steps: int
    seeds: tuple[int, ...]
    """Those that have a finished run."""
    problems: int
    """Held-out problems."""
    initial_accuracy: MeanRecord
    """Accuracy of sampled answers, before training."""
    final_accuracy: MeanRecord
    delta: MeanRecord
    greedy: GreedyRecord
    area: MeanRecord
    """Mean accuracy on the way, over samples."""
    samples_to_threshold: ReachedRecord
    seconds_to_threshold: ReachedRecord
    seconds: MeanRecord
    """Time of training, without evaluations."""
    samples: MeanRecord
    curve: CurveRecord
    lost: LostRecord
    diagnoses: tuple[DiagnosisRecord, ...]
    runs: tuple[str, ...]
    """The directory of each seed's run, in that of the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRecord(MeanRecord):
    """The difference of an objective from the first one, seed by seed, and what it shows."""

    noun: ClassVar[str] = "difference"

    seeds: tuple[int, ...]
    """Those that both have."""
    p: float | None
    """Of the paired t test; None with a single seed."""
    p_holm: float | None
    """After Holm's correction for all that is compared with the first."""
    shown: bool
    """Whether `p_holm` is below 0.05."""
    detectable: float | None
    """The smallest true difference that so many seeds show four times in five."""
    seeds_needed: int | None
    """Seeds that show a difference as large as the one seen four times in five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencesRecord(Record):
    """Differences from the first objective, by label. Each figure is a family for Holm."""

    noun: ClassVar[str] = "set of differences"

    final_accuracy: Mapping[str, DifferenceRecord]
    area: Mapping[str, DifferenceRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRecord(Record):
    """A run that did not come to its end."""

    noun: ClassVar[str] = "failed run"

    run: str
    """Its label and seed."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutRecord(Record):
    """The part of compare.json that does not come from the runs."""

    noun: ClassVar[str] = "comparison"

    name: str
    """The recipe's name."""
    command: str | None
    """The command that makes it again; None where it was made in Python."""
    complete: bool
    """Whether all of its runs are finished."""
    seeds: tuple[int, ...]
    planned: int
    """Runs that there are to be."""
    finished: int
    """Runs that there are."""
    failed: tuple[FailedRecord, ...]
    config: Json
    """The first objective's config as `Config` is stored; its seed is the first."""
    baseline: str
    """The label that the others are compared with."""
    asked_threshold: float | None
    """The accuracy that was asked for, if one was."""
    same_start: bool
    """Whether all runs of one seed answer alike until the first update."""

    def itself(self) -> Json:
        """These values by name, without keys of another version."""
        names = (one.name for one in fields(AboutRecord) if one.name not in ("unknown", "absent"))
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRecord(AboutRecord):
    """A whole comparison: compare.json."""

    written: str
    """When, in ISO 8601."""
    threshold: float | None
    """The held-out accuracy that samples and seconds are counted to."""
    objectives: Mapping[str, ArmRecord]
    """Label -> its figures."""
    same_test: bool
    """Whether all were asked the same problems and judged alike; if not, nothing is compared."""
    differences: DifferencesRecord
    made_with: Mapping[str, tuple[str, ...]]
    """Versions and parts of the machine in which the runs differ, with all that they had."""
    sentences: tuple[str, ...]
    """What it shows, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsRecord(Record):
    """The runs of one of the things that are compared."""

    noun: ClassVar[str] = "objective"

    seeds: tuple[int, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewableRecord(AboutRecord):
    """As much of compare.json as it takes to compute the rest again, so that files of versions with
    other figures open."""

    objectives: Mapping[str, RunsRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class KlPoint(Record):
    """How far a policy was from its start when it sampled a round."""

    noun: ClassVar[str] = "point"

    step: int
    """Optimizer steps before the round."""
    kl: float
    """Nats a token."""
    tokens: int
    """Those over which it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KlRecord(Record):
    """How far a run's policy moved from its start: kl.json."""

    noun: ClassVar[str] = "measurement of KL"

    of: str
    """The estimator."""
    points: tuple[KlPoint, ...]
