"""The figures of a comparison: those of every objective over its seeds, and their differences.

All of it is computed from the runs' files, so that it can be computed again at any time.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from ...diagnostics import diagnoses
from ...stats import Mean, Paired, compared
from ...store.comparison import (
    ArmRecord,
    CurveRecord,
    DiagnosisRecord,
    DifferenceRecord,
    DifferencesRecord,
    GreedyRecord,
    LostRecord,
    MeanRecord,
    ReachedRecord,
)
from ...store.run import Run
from .curve import Curve, area, reached

Runs = Mapping[str, Mapping[int, Run]]
"""Label -> seed -> finished run."""
LEAST_GAIN = 0.02
"""A gain in mean accuracy below which nothing was learned, so that no threshold can be taken half
of the way."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The figures of a comparison; each is explained in `ComparisonRecord`."""

    threshold: float | None
    objectives: Mapping[str, ArmRecord]
    same_test: bool
    differences: DifferencesRecord
    made_with: Mapping[str, tuple[str, ...]]


def aggregate(runs: Runs, first: str, threshold: float | None = None) -> Aggregate:
    """Compute all figures.

    Args:
        runs: finished runs, at least one for every label.
        first: the label that the others are compared with; nothing is compared as long as it has no
            run.
        threshold: the held-out accuracy up to which samples and seconds are counted; None takes
            half of the way from the start to the best mean at the end.
    """
    curves = {label: [Curve.of(run) for run in of.values()] for label, of in runs.items()}
    if threshold is None:
        start = fmean(c.sampled[0] for of in curves.values() for c in of)
        best = max(fmean(c.sampled[-1] for c in of) for of in curves.values())
        threshold = (start + best) / 2 if best - start > LEAST_GAIN else None
    objectives = {
        label: _arm(list(of.values()), tuple(of), curves[label], threshold)
        for label, of in runs.items()
    }
    every = [run for of in runs.values() for run in of.values()]
    # Accuracies of different tests have no difference that would say anything.
    alike = _same_test(every)
    comparable = objectives if alike else {}
    return Aggregate(
        threshold,
        objectives,
        alike,
        DifferencesRecord(
            final_accuracy=_differences(comparable, first, lambda one: one.final_accuracy),
            area=_differences(comparable, first, lambda one: one.area),
        ),
        _made_with(every),
    )


def _made_with(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """Versions and parts of the machine in which the runs differ, with all their values."""
    found: dict[str, set[str]] = {}
    for run in runs:
        about = run.description
        for session in (about, *about.changes):  # where it began, and went on
            made = {**(session.versions or {}), **(session.machine or {})}
            for key, value in made.items():
                found.setdefault(key, set()).add(str(value))
    return {key: tuple(sorted(values)) for key, values in found.items() if len(values) > 1}


def _arm(
    runs: Sequence[Run], seeds: tuple[int, ...], curves: Sequence[Curve], threshold: float | None
) -> ArmRecord:
    """The figures of one label."""
    last, summary = runs[-1].description, runs[-1].outcome
    assert summary is not None and summary.after is not None
    return ArmRecord(
        objective=last.objective,
        updates_a_round=last.updates_a_round,
        steps=summary.steps,
        seeds=seeds,
        problems=summary.after.n,
        initial_accuracy=_share([c.sampled[0] for c in curves]),
        final_accuracy=_share([c.sampled[-1] for c in curves]),
        delta=_plain([c.sampled[-1] - c.sampled[0] for c in curves]),
        greedy=GreedyRecord(
            initial_accuracy=_share([c.greedy[0] for c in curves]),
            final_accuracy=_share([c.greedy[-1] for c in curves]),
            delta=_plain([c.greedy[-1] - c.greedy[0] for c in curves]),
        ),
        area=_share([area(c.samples, c.sampled) for c in curves]),
        samples_to_threshold=_until([_reached(c.samples, c, threshold) for c in curves]),
        seconds_to_threshold=_until([_reached(c.seconds, c, threshold) for c in curves]),
        seconds=_plain([c.seconds[-1] for c in curves], 0.0),
        samples=_plain([float(c.samples[-1]) for c in curves], 0.0),
        curve=_curve(curves),
        lost=_lost(runs),
        diagnoses=tuple(
            found for run, seed in zip(runs, seeds, strict=True) for found in _diagnosed(run, seed)
        ),
        runs=tuple(str(run.path) for run in runs),
    )


def _same_test(runs: Sequence[Run]) -> bool:
    """True if all were asked the same and judged alike; for older runs only the problems and the
    reward's name are known."""
    read = [run.description.fingerprints for run in runs]
    known = "test" if all("test" in one for one in read) else "problems"
    # Two functions of the user's may have one name.
    rewards = {str(run.description.reward) for run in runs}
    return len({one[known] for one in read}) == len(rewards) == 1


def _lost(runs: Sequence[Run]) -> LostRecord:
    summaries = [run.outcome for run in runs]
    measured = [side for told in summaries if told for side in (told.before, told.after)]
    measured += [record.evaluation for run in runs for record in run.records()]
    return LostRecord(
        answers=sum(one.lost for one in measured if one),
        groups=sum(told.counters.get("groups_lost", 0) for told in summaries if told),
    )


def _diagnosed(run: Run, seed: int) -> Iterator[DiagnosisRecord]:
    """The diagnoses of a run, by name."""
    summary = run.outcome
    before, after = (summary.before, summary.after) if summary else (None, None)
    for found in diagnoses(run.records(), before, after):
        yield DiagnosisRecord(seed=seed, **asdict(found))


def _reached(xs: Sequence[float], curve: Curve, threshold: float | None) -> float | None:
    return None if threshold is None else reached(xs, curve.sampled, threshold)


def _curve(curves: Sequence[Curve]) -> CurveRecord:
    """Held-out accuracy over the steps that every run was measured at."""
    steps = tuple(s for s in curves[0].steps if all(s in c.steps for c in curves))
    at = [[c.sampled[c.steps.index(s)] for c in curves] for s in steps]
    means = [Mean.of(values, 0.0, 1.0) for values in at]
    return CurveRecord(
        steps=steps,
        samples=tuple(fmean(c.samples[c.steps.index(s)] for c in curves) for s in steps),
        mean=tuple(m.mean for m in means),
        low=tuple(m.low for m in means),
        high=tuple(m.high for m in means),
        per_seed=tuple(m.per_seed for m in means),
    )


def _differences(
    objectives: Mapping[str, ArmRecord], first: str, figure: Callable[[ArmRecord], MeanRecord]
) -> dict[str, DifferenceRecord]:
    """Each label's difference from the first, over the seeds that both have."""
    if first not in objectives:
        return {}
    base = objectives[first]
    shared = {
        label: tuple(seed for seed in one.seeds if seed in base.seeds)
        for label, one in objectives.items()
        if label != first
    }
    # A pair without a common seed has no difference yet.
    shared = {label: seeds for label, seeds in shared.items() if seeds}

    def values(one: ArmRecord, seeds: Sequence[int]) -> list[float]:
        return [figure(one).per_seed[one.seeds.index(seed)] for seed in seeds]

    ours = [values(objectives[label], seeds) for label, seeds in shared.items()]
    theirs = [values(base, seeds) for seeds in shared.values()]
    found = zip(shared.items(), compared(ours, theirs), strict=True)
    return {label: _difference(paired, seeds) for (label, seeds), paired in found}


def _difference(paired: Paired, seeds: tuple[int, ...]) -> DifferenceRecord:
    mean = paired.difference
    return DifferenceRecord(
        mean=mean.mean,
        low=mean.low,
        high=mean.high,
        per_seed=mean.per_seed,
        seeds=seeds,
        p=paired.p,
        p_holm=paired.p_holm,
        shown=paired.shown,
        detectable=paired.detectable,
        seeds_needed=paired.seeds_needed,
    )


def _until(values: Sequence[float | None]) -> ReachedRecord:
    """A mean over seeds, if all of them reached the threshold."""
    known = [v for v in values if v is not None]
    mean = Mean.of(known, 0.0) if len(known) == len(values) else None
    return ReachedRecord(
        mean=mean and mean.mean,
        low=mean and mean.low,
        high=mean and mean.high,
        per_seed=tuple(values),
        reached=len(known),
    )


def _share(values: Sequence[float]) -> MeanRecord:
    return _mean(Mean.of(values, 0.0, 1.0))


def _plain(values: Sequence[float], low: float = -math.inf) -> MeanRecord:
    return _mean(Mean.of(values, low))


def _mean(mean: Mean) -> MeanRecord:
    return MeanRecord(mean=mean.mean, low=mean.low, high=mean.high, per_seed=mean.per_seed)
