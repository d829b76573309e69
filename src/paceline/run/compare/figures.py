"""What a comparison comes to: figures of every objective over its seeds, and their differences.

All of it is computed from what the runs have on disk, so that it can be computed again at any time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from ..run import Run
from ..watch import diagnoses
from .curve import Curve
from .statistics import Mean, Paired, area, compared, reached

Json = dict[str, Any]
Runs = Mapping[str, Mapping[int, Run]]
"""Label -> seed -> finished run."""
COMPARED = ("final_accuracy", "area")
"""The figures of which differences are taken; each is a family of its own for Holm."""
LEARNED = 0.02
"""A gain in mean accuracy below which nothing was learned, and there is no way to be half of."""


def figures(runs: Runs, first: str, threshold: float | None = None) -> Json:
    """The figures as plain JSON.

    Args:
        runs: with at least one run for every label.
        first: the label that the others are compared with; nothing is, as long as it has no run.
        threshold: the held-out accuracy that samples and seconds are counted to; None takes half of
            the way from the start to the best mean at the end.
    """
    curves = {label: [Curve.of(run) for run in of.values()] for label, of in runs.items()}
    if threshold is None:
        start = fmean(c.sampled[0] for of in curves.values() for c in of)
        best = max(fmean(c.sampled[-1] for c in of) for of in curves.values())
        threshold = (start + best) / 2 if best - start > LEARNED else None
    objectives = {
        label: _of_one(list(of.values()), list(of), curves[label], threshold)
        for label, of in runs.items()
    }
    # Accuracies of different tests have no difference that would say anything.
    alike = _same_test([run for of in runs.values() for run in of.values()])
    return {
        "threshold": threshold,
        "objectives": objectives,
        "same_test": alike,
        "differences": {
            name: _differences(objectives, first, name) if alike else {} for name in COMPARED
        },
        "made_with": _made_with([run for of in runs.values() for run in of.values()]),
    }


def _made_with(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Versions and parts of the machine in which the runs differ, with all that they had."""
    found: dict[str, set[str]] = {}
    for run in runs:
        config = run.config
        for sitting in (config, *config.get("changes", [])):  # where it began, and went on
            made = {**sitting.get("versions", {}), **sitting.get("machine", {})}
            for key, value in made.items():
                found.setdefault(key, set()).add(str(value))
    return {key: sorted(values) for key, values in found.items() if len(values) > 1}


def _of_one(
    runs: Sequence[Run], seeds: list[int], curves: Sequence[Curve], threshold: float | None
) -> Json:
    """The figures of one label."""
    last = runs[-1].config
    schedule = last["config"]["schedule"]
    greedy = {
        "initial_accuracy": _share([c.greedy[0] for c in curves]),
        "final_accuracy": _share([c.greedy[-1] for c in curves]),
        "delta": _plain([c.greedy[-1] - c.greedy[0] for c in curves]),
    }
    return {
        "objective": last["objective"],
        "updates_a_round": schedule["minibatches"] * schedule["epochs"],
        "steps": runs[-1].summary["steps"],
        "seeds": seeds,
        "problems": runs[-1].summary["after"]["n"],
        "initial_accuracy": _share([c.sampled[0] for c in curves]),
        "final_accuracy": _share([c.sampled[-1] for c in curves]),
        "delta": _plain([c.sampled[-1] - c.sampled[0] for c in curves]),
        "greedy": greedy,
        "area": _share([area(c.samples, c.sampled) for c in curves]),
        "samples_to_threshold": _until([_reached(c.samples, c, threshold) for c in curves]),
        "seconds_to_threshold": _until([_reached(c.seconds, c, threshold) for c in curves]),
        "seconds": _plain([c.seconds[-1] for c in curves], 0.0),
        "samples": _plain([float(c.samples[-1]) for c in curves], 0.0),
        "curve": _curve(curves),
        "lost": _lost(runs),
        "diagnoses": [
            found for run, seed in zip(runs, seeds, strict=True) for found in _diagnosed(run, seed)
        ],
        "runs": [str(run.path) for run in runs],
    }


def _same_test(runs: Sequence[Run]) -> bool:
    """Whether all were asked the same and judged alike; of older runs only the problems and the
    reward's name are known."""
    read = [run.config["fingerprints"] for run in runs]
    known = "test" if all("test" in one for one in read) else "problems"
    # Two functions of the user's may have one name.
    rewards = {str(run.config["config"].get("task", {}).get("reward")) for run in runs}
    return len({one[known] for one in read}) == len(rewards) == 1


def _lost(runs: Sequence[Run]) -> Json:
    """Answers that got no verdict in time, or whose judge failed.

    answers: held-out ones, which count as wrong; groups: of training, which were left out.
    """
    summaries = [run.told for run in runs]
    measured = [side for told in summaries if told for side in (told.before, told.after)]
    measured += [record.evaluation for run in runs for record in run.records()]
    return {
        "answers": sum(one.lost for one in measured if one),
        "groups": sum(told.counters.get("groups_lost", 0) for told in summaries if told),
    }


def _diagnosed(run: Run, seed: int) -> Iterator[Json]:
    """What was going on in a run, by name."""
    summary = run.told
    before, after = (summary.before, summary.after) if summary else (None, None)
    for found in diagnoses(run.records(), before, after):
        yield {"seed": seed, **asdict(found)}


def _reached(xs: Sequence[float], curve: Curve, threshold: float | None) -> float | None:
    return None if threshold is None else reached(xs, curve.sampled, threshold)


def _curve(curves: Sequence[Curve]) -> Json:
    """Held-out accuracy over the steps that every run was measured at."""
    steps = [s for s in curves[0].steps if all(s in c.steps for c in curves)]
    at = [[c.sampled[c.steps.index(s)] for c in curves] for s in steps]
    means = [Mean.of(values, 0.0, 1.0) for values in at]
    return {
        "steps": steps,
        "samples": [fmean(c.samples[c.steps.index(s)] for c in curves) for s in steps],
        "mean": [m.mean for m in means],
        "low": [m.low for m in means],
        "high": [m.high for m in means],
        "per_seed": [m.per_seed for m in means],
    }


def _differences(objectives: Mapping[str, Json], first: str, name: str) -> Json:
    """Each label's difference from the first, over the seeds that both have."""
    if first not in objectives:
        return {}
    others = [label for label in objectives if label != first]
    ours, theirs, shared = [], [], []
    for label in others:
        seeds = [s for s in objectives[label]["seeds"] if s in objectives[first]["seeds"]]
        shared.append(seeds)
        ours.append([_at(objectives[label], name, seed) for seed in seeds])
        theirs.append([_at(objectives[first], name, seed) for seed in seeds])
    # A pair without a common seed has no difference yet.
    have = [place for place, seeds in enumerate(shared) if seeds]
    found = compared([ours[i] for i in have], [theirs[i] for i in have])
    return {
        others[i]: _difference(paired, shared[i]) for i, paired in zip(have, found, strict=True)
    }


def _at(one: Json, name: str, seed: int) -> float:
    return one[name]["per_seed"][one["seeds"].index(seed)]


def _difference(paired: Paired, seeds: list[int]) -> Json:
    return {
        **_mean(paired.difference),
        "seeds": seeds,
        "p": paired.p,
        "p_holm": paired.p_holm,
        "shown": paired.shown,
        "detectable": paired.detectable,
        "seeds_needed": paired.seeds_needed,
    }


def _until(values: Sequence[float | None]) -> Json:
    """A mean over seeds, where all of them reached the threshold."""
    known = [v for v in values if v is not None]
    all_did = len(known) == len(values)
    mean: Json = _plain(known, 0.0) if all_did else dict.fromkeys(("mean", "low", "high"))
    return {**mean, "per_seed": list(values), "reached": len(known)}


def _share(values: Sequence[float]) -> Json:
    return _mean(Mean.of(values, 0.0, 1.0))


def _plain(values: Sequence[float], low: float = -math.inf) -> Json:
    return _mean(Mean.of(values, low))


def _mean(mean: Mean) -> Json:
    return {
        "mean": mean.mean, "low": mean.low, "high": mean.high, "per_seed": list(mean.per_seed),
    }  # fmt: skip
