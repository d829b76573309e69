"""Every run of a comparison in a line: how it got on, and what its updates were like.

    python benchmarks/each_run.py comparisons/demo

Behind the tables of LAB.md that compare algorithms run by run. Accuracies are sampled, in %;
"clipped" is the mean of clip_fraction over the steps behind a round's first, "cut" the share of
steps whose gradient was longer than optimizer.clip, KL that to the start after a quarter of the
steps or a little later, in nats a token. Weights that agree to the byte have the same hash.
"""

import argparse
import math
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from statistics import fmean

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
    right = [one.sampled_accuracy for one in measured if one]
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("comparison", type=Path, help="its directory")
    print("| run | right | clipped | norm | cut | entropy, late | tokens, late | KL | weights |")
    print("|---|---|---|---|---|---|---|---|---|")
    for label, runs in Comparison.open(parser.parse_args().comparison).runs().items():
        for seed, run in runs.items():
            print("| " + " | ".join([f"{label} {seed}", *cells(run)]) + " |")


if __name__ == "__main__":
    main()
