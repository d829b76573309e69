"""The curve of a run's held-out accuracy, the area under it, and the point where it reaches a
threshold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from ...store.records import StepRecord
from ...store.run import Run


@dataclass(frozen=True, slots=True)
class Curve:
    """Held-out accuracy of one run: before training, at every evaluation on the way, and after."""

    steps: tuple[int, ...]
    samples: tuple[int, ...]
    """Number of completions sampled up to each point, those of refused and lost groups included."""
    seconds: tuple[float, ...]
    """Seconds of training up to each point; evaluations are not counted."""
    sampled: tuple[float, ...]
    """Accuracy of sampled answers."""
    greedy: tuple[float, ...]

    @classmethod
    def of(cls, run: Run) -> "Curve":
        """The curve of a finished run that was evaluated."""
        summary = run.outcome
        assert summary is not None and summary.before and summary.after
        points = [(0, 0, 0.0, summary.before)]
        for record, samples, seconds in _counted(run):
            if record.step < summary.steps and record.evaluation:
                points.append((record.step, samples, seconds, record.evaluation))
        *_, (record, samples, seconds) = _counted(run)
        points.append((record.step, samples, seconds, summary.after))
        return cls(
            *(tuple(p[i] for p in points) for i in range(3)),  # type: ignore[arg-type]
            sampled=tuple(p[3].accuracies[0] for p in points),
            greedy=tuple(p[3].accuracies[1] for p in points),
        )


def _counted(run: Run) -> Iterator[tuple[StepRecord, int, float]]:
    """(record, samples so far, seconds so far) of every step."""
    samples, seconds = 0, 0.0
    for record in run.records():
        seconds += record.seconds
        if record.begins_round:
            a_group = record.completions // max(1, record.groups)
            more = record.groups_refused + record.groups_lost
            samples += record.completions + more * a_group
        yield record, samples, seconds


def area(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The mean height of a curve by the trapezoidal rule: the area under it over its width.

    Args:
        xs: increasing abscissae of the curve, such as completions.
        ys: the accuracies there.
    """
    pieces = zip(xs, xs[1:], ys, ys[1:], strict=False)
    whole = sum((right - left) * (a + b) / 2 for left, right, a, b in pieces)
    return whole / (xs[-1] - xs[0]) if xs[-1] > xs[0] else fmean(ys)


def reached(xs: Sequence[float], ys: Sequence[float], threshold: float) -> float | None:
    """The point where a curve first reaches the threshold, on a straight line between two
    measurements; None if it never does."""
    if ys[0] >= threshold:
        return xs[0]
    for left, right, a, b in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if b >= threshold:
            return left + (right - left) * (threshold - a) / (b - a)
    return None
