"""The schema of a comparison: compare.json, and kl.json in each of its runs.

Figures are means over seeds; a list `per_seed` is in the order of the objective's `seeds`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from .base import Json, Record


def _both(low: float | None, high: float | None) -> tuple[float, float] | None:
    """The ends of an interval, if it has both."""
    return None if low is None or high is None else (low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRecord(Record):
    """A mean over seeds with its 95 % t interval.

    Example: MeanRecord(mean=0.74, low=0.665, high=0.815, per_seed=(0.71, 0.74, 0.77))
    """

    noun: ClassVar[str] = "mean"

    mean: float
    low: float | None
    """Lower end of the interval; None with a single seed, which says nothing about others."""
    high: float | None
    per_seed: tuple[float, ...]

    @property
    def interval(self) -> tuple[float, float] | None:
        return _both(self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedRecord(Record):
    """Samples or seconds until a curve reaches the threshold."""

    noun: ClassVar[str] = "way to the threshold"

    mean: float | None
    """Mean over seeds; None if some seed never reaches the threshold."""
    low: float | None
    high: float | None
    per_seed: tuple[float | None, ...]
    reached: int
    """Number of seeds that reach the threshold."""

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
    """Number of completions sampled up to each step."""
    mean: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    per_seed: tuple[tuple[float, ...], ...]
    """For each step, the accuracy of every seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRecord(Record):
    """Answers that got no verdict in time, or whose verifier failed."""

    noun: ClassVar[str] = "count of lost answers"

    answers: int
    """Held-out answers without a verdict; they count as wrong."""
    groups: int
    """Groups of training without a verdict, which were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRecord(Record):
    """A diagnosis of one run; docs/diagnostics.md explains them."""

    noun: ClassVar[str] = "diagnosis"

    seed: int
    name: str
    first: int
    """The step at which the diagnosis began."""
    last: int
    over: bool
    finding: str
    lately: str
    rule: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRecord(Record):
    """One of the compared settings, over its seeds."""

    noun: ClassVar[str] = "objective"

    objective: str
    """The objective as it is written."""
    updates_a_round: int
    steps: int
    seeds: tuple[int, ...]
    """Seeds that have a finished run."""
    problems: int
    """Number of held-out problems."""
    initial_accuracy: MeanRecord
    """Accuracy of sampled answers, before training."""
    final_accuracy: MeanRecord
    delta: MeanRecord
    greedy: GreedyRecord
    area: MeanRecord
    """Mean accuracy during training, over samples."""
    samples_to_threshold: ReachedRecord
    seconds_to_threshold: ReachedRecord
    seconds: MeanRecord
    """Seconds of training, without evaluations."""
    samples: MeanRecord
    curve: CurveRecord
    lost: LostRecord
    diagnoses: tuple[DiagnosisRecord, ...]
    runs: tuple[str, ...]
    """The directory of each seed's run, relative to that of the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRecord(MeanRecord):
    """The difference between an objective and the first one, seed by seed, and its significance."""

    noun: ClassVar[str] = "difference"

    seeds: tuple[int, ...]
    """Seeds that both have."""
    p: float | None
    """p value of the paired t test; None with a single seed."""
    p_holm: float | None
    """p value after Holm's correction for everything that is compared with the first objective."""
    shown: bool
    """True if `p_holm` is below 0.05."""
    detectable: float | None
    """The smallest true difference that so many seeds show four times in five."""
    seeds_needed: int | None
    """Number of seeds that show a difference as large as the one seen four times in five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencesRecord(Record):
    """Differences from the first objective, by label. For Holm's correction, each figure is a
    family."""

    noun: ClassVar[str] = "set of differences"

    final_accuracy: Mapping[str, DifferenceRecord]
    area: Mapping[str, DifferenceRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRecord(Record):
    """A run that did not finish."""

    noun: ClassVar[str] = "failed run"

    run: str
    """The run's label and seed."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutRecord(Record):
    """The part of compare.json that does not come from the runs."""

    noun: ClassVar[str] = "comparison"

    name: str
    """The recipe's name."""
    command: str | None
    """The command that repeats the comparison; None if it was made in Python."""
    complete: bool
    """True if all of its runs are finished."""
    seeds: tuple[int, ...]
    planned: int
    """Number of runs that are planned."""
    finished: int
    """Number of runs that are finished."""
    failed: tuple[FailedRecord, ...]
    config: Json
    """The first objective's config as `Config` is stored; its seed is the first."""
    baseline: str
    """The label that the others are compared with."""
    asked_threshold: float | None
    """The requested accuracy threshold, if there was one."""
    same_start: bool
    """True if all runs of one seed answer alike until the first update."""

    def itself(self) -> Json:
        """These values by name, without keys of another version."""
        names = (one.name for one in fields(AboutRecord) if one.name not in ("unknown", "absent"))
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRecord(AboutRecord):
    """A whole comparison: compare.json."""

    written: str
    """Time of writing, in ISO 8601."""
    threshold: float | None
    """The held-out accuracy up to which samples and seconds are counted."""
    objectives: Mapping[str, ArmRecord]
    """Label -> its figures."""
    same_test: bool
    """True if all were asked the same problems and judged alike; if not, nothing is compared."""
    differences: DifferencesRecord
    made_with: Mapping[str, tuple[str, ...]]
    """Versions and parts of the machine in which the runs differ, with all their values."""
    sentences: tuple[str, ...]
    """The conclusions, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsRecord(Record):
    """The runs of one of the compared settings."""

    noun: ClassVar[str] = "objective"

    seeds: tuple[int, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewableRecord(AboutRecord):
    """The part of compare.json that suffices to compute the rest again, so that files of versions
    with other figures can be opened."""

    objectives: Mapping[str, RunsRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class KlPoint(Record):
    """The KL from the start to a policy when it sampled a round."""

    noun: ClassVar[str] = "point"

    step: int
    """Number of optimizer steps before the round."""
    kl: float
    """KL in nats a token."""
    tokens: int
    """Number of tokens over which the KL was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KlRecord(Record):
    """The KL from the start to a run's policy, over its rounds: kl.json."""

    noun: ClassVar[str] = "measurement of KL"

    of: str
    """The name of the estimator."""
    points: tuple[KlPoint, ...]
