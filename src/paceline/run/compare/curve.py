"""Held-out accuracy of one run on its way."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..run import Run

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Curve:
    """Held-out accuracy of one run: before training, at every evaluation on the way, and after."""

    steps: tuple[int, ...]
    samples: tuple[int, ...]
    """Completions sampled until then, those of refused and lost groups included."""
    seconds: tuple[float, ...]
    """Of training; evaluations are not counted."""
    sampled: tuple[float, ...]
    """Accuracy of sampled answers."""
    greedy: tuple[float, ...]

    @classmethod
    def of(cls, run: Run) -> "Curve":
        """Of a finished run that was evaluated."""
        summary = run.summary
        points = [(0, 0, 0.0, summary["before"])]
        for step, samples, seconds, line in _counted(run):
            if step < summary["steps"] and line.get("evaluation"):
                points.append((step, samples, seconds, line["evaluation"]))
        *_, (step, samples, seconds, _) = _counted(run)
        points.append((step, samples, seconds, summary["after"]))
        return cls(
            *(tuple(p[i] for p in points) for i in range(3)),  # type: ignore[arg-type]
            sampled=tuple(p[3]["sampled_accuracy"] for p in points),
            greedy=tuple(p[3]["greedy_accuracy"] for p in points),
        )


def _counted(run: Run) -> Iterator[tuple[int, int, float, Json]]:
    """(step, samples so far, seconds so far, line) of every step."""
    samples, seconds = 0, 0.0
    for line in run.metrics():
        seconds += line["seconds"]
        if line["part"] == 0:
            a_group = line["completions"] // max(1, line["groups"])
            more = line["groups_refused"] + line["groups_lost"]
            samples += line["completions"] + more * a_group
        yield line["step"], samples, seconds, line
