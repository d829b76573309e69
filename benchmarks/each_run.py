"""Every run of a comparison in a line: how it got on, and what its updates were like.

    python benchmarks/each_run.py comparisons/demo
    python benchmarks/each_run.py --course comparisons/demo
    python benchmarks/each_run.py --mismatch runs/demo runs/demo-2

Behind the tables of LAB.md that compare algorithms run by run. Accuracies are sampled, in %;
"clipped" is the mean of clip_fraction over the steps behind a round's first, "cut" the share of
steps whose gradient was longer than optimizer.clip, KL that to the start after a quarter of the
steps or a little later, in nats a token. Weights that agree to the byte have the same hash. The
course is the mean training reward of each ten steps. The mismatch between engine and trainer is a
median over steps at which the policy was about equally sure, as two runs are at different places at
one step.
"""

import argparse
import math
from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from paceline.analysis.compare.comparison import Comparison
from paceline.analysis.compare.kl import kl_of
from paceline.run import Run


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def cells(run: Run) -> list[str]:
    """Accuracy before, on the way and after; clipped, norm, cut, entropy, length, KL; weights."""
    steps, summary, config = list(run.records()), run.outcome, run.config["config"]
    assert summary is not None
    measured = (summary.before, *(step.evaluation for step in steps), summary.after)
    right = [one.accuracies[0] for one in measured if one]
    clipped = mean(step.clip_fraction for step in steps if step.part > 0)
    clip = config["optimizer"]["clip"] or math.inf
    norms = [step.grad_norm for step in steps if step.grad_norm is not None]
    late = [step for step in steps if step.step > config["steps"] / 2]
    moved = next((p.kl for p in kl_of(run) if p.step >= config["steps"] / 4), None)
    weights = b"".join(p.read_bytes() for p in sorted(run.model.glob("*.safetensors")))
    return [
        " ".join(f"{100 * share:.1f}" for share in right),
        shown(None if clipped is None else 100 * clipped, 1),
        shown(mean(norms), 2),
        shown(mean(100.0 * (norm > clip) for norm in norms), 0),
        shown(mean(step.entropy for step in late), 2),
        shown(mean(step.completion_tokens for step in late), 1),
        shown(moved, 2),
        sha256(weights).hexdigest()[:8],
    ]


ENTROPIES = (0.02, 0.05, 0.1, 0.2, 0.5, 2.0)
"""Bounds of entropy, in nats, between which steps count as alike."""


def course(run: Run) -> list[str]:
    """Mean training reward of steps 1 to 10, 11 to 20, and so on."""
    rewards = [step.reward or 0.0 for step in run.records()]
    return [f"{fmean(rewards[i : i + 10]):.2f}" for i in range(0, len(rewards), 10)]


def mismatch(run: Run) -> list[str]:
    """Median mismatch between each two bounds of entropy, and the steps in it."""
    known = [(s.entropy, s.mismatch) for s in run.records() if s.entropy and s.mismatch]
    found = []
    for low, high in pairwise(ENTROPIES):
        here = [value for entropy, value in known if low <= entropy < high]
        found.append(f"{median(here):.4f} ({len(here)})" if here else "–")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("comparison", type=Path, nargs="?", help="its directory")
    parser.add_argument("--course", action="store_true", help="the reward of each ten steps")
    parser.add_argument("--mismatch", type=Path, nargs="+", metavar="RUN", help="of these runs")
    known = parser.parse_args()
    if known.mismatch:
        bounds = (f"{low:g}–{high:g} nats" for low, high in pairwise(ENTROPIES))
        print("| run | " + " | ".join(bounds) + " |")
        print("|---" * len(ENTROPIES) + "|")
        for path in known.mismatch:
            print("| " + " | ".join([path.name, *mismatch(Run.open(path))]) + " |")
        return
    if known.comparison is None:
        parser.error("name a comparison's directory, or runs with --mismatch")
    if known.course:
        for label, runs in Comparison.open(known.comparison).runs().items():
            for seed, run in runs.items():
                print(f"{label} {seed}: " + ", ".join(course(run)))
        return
    print("| run | right | clipped | norm | cut | entropy, late | tokens, late | KL | weights |")
    print("|---|---|---|---|---|---|---|---|---|")
    for label, runs in Comparison.open(known.comparison).runs().items():
        for seed, run in runs.items():
            print("| " + " | ".join([f"{label} {seed}", *cells(run)]) + " |")


if __name__ == "__main__":
    main()
