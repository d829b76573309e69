"""Whether a comparison says what is so: tiny against itself, and against a crippled objective.

    python benchmarks/fairness.py --json fairness.json
    python benchmarks/fairness.py --comparisons 4 --crippled 1
    python benchmarks/fairness.py --coverage

Forty times, five runs of GRPO are compared with five others that differ in nothing but their seeds:
a difference should be shown about once in twenty times, and no more than five times in forty. Then
five runs are compared, seed by seed, with five whose advantages have the wrong sign in every second
group: the crippled objective should be found worse. Statistics are those of `paceline compare`.
`--coverage` trains nothing: it says how often intervals from five values cover the mean.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from paceline import recipes, train
from paceline.analysis.compare.aggregate import aggregate
from paceline.config import Config
from paceline.objective import Objective, ZScore, named
from paceline.run import Run
from paceline.types import Round

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HalfFlipped:
    """Advantages of every second group with the wrong sign: half of what is learned is wrong."""

    right: ZScore = ZScore()  # noqa: RUF009  (frozen, and safe to share)

    def __call__(self, round: Round) -> torch.Tensor:
        advantage_B = self.right(round)
        sign = [-1.0 if group % 2 else 1.0 for group in round.group_of]
        return advantage_B * torch.tensor(sign, dtype=advantage_B.dtype)


# A hundred sums, half of them held out: tiny's own ten problems would be too coarse a measure.
PROBLEMS = {"task.high": 9, "task.heldout": 50}
EVALUATION = {"problems": 50, "completions": 16}
CRIPPLED = replace(named.grpo(), advantage=HalfFlipped())


def made(config: Config, objective: Objective, seeds: range, folder: Path) -> dict[int, Run]:
    """Runs of an objective, numbered from 0 whatever their seeds are."""
    return {
        place: train(
            config.with_(objective=objective, seed=seed, out=str(folder / str(seed))), quiet=True
        )
        for place, seed in enumerate(seeds)
    }


def compared(config: Config, one: tuple[Objective, range], other: tuple[Objective, range]) -> Json:
    """What a comparison of two sets of runs says; their directories are removed."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "first": made(config, *one, Path(folder) / "first"),
            "second": made(config, *other, Path(folder) / "second"),
        }
        found = aggregate(runs, "first")
    difference = found.differences.final_accuracy["second"]
    kept = {label: list(of.final_accuracy.per_seed) for label, of in found.objectives.items()}
    return {"shown": difference.shown, "p": difference.p, "mean": difference.mean, **kept}


def coverage(n: int = 5, samples: int = 20_000, seed: int = 0) -> None:
    """How often a 95 % interval of n values covers the mean: Student's t, and the percentile
    bootstrap."""
    generator = np.random.default_rng(seed)
    kinds = {
        "normal": generator.normal(size=(samples, n)),
        "shares of 500": generator.binomial(500, 0.72, size=(samples, n)) / 500 - 0.72,
        "uniform": generator.uniform(-1, 1, size=(samples, n)),
        "exponential": generator.exponential(size=(samples, n)) - 1,
    }
    drawn = generator.integers(0, n, size=(2000, n))
    print(f"{'values':16}{'bootstrap':>10}{'t':>8}")
    for name, values in kinds.items():
        half = stats.t.ppf(0.975, n - 1) * values.std(1, ddof=1) / np.sqrt(n)
        by_t = (abs(values.mean(1)) <= half).mean()
        covered = 0
        for start in range(0, samples, 500):
            means = values[start : start + 500][:, drawn].mean(-1)
            low, high = np.quantile(means, [0.025, 0.975], axis=1)
            covered += int(((low <= 0) & (high >= 0)).sum())
        print(f"{name:16}{covered / samples:>10.1%}{by_t:>8.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--comparisons", type=int, default=40, help="of GRPO with itself")
    parser.add_argument("--crippled", type=int, default=4, help="comparisons with the crippled one")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--coverage", action="store_true", help="of intervals; trains nothing")
    options = parser.parse_args()
    if options.coverage:
        coverage()
        return
    config = recipes.tiny().with_(
        steps=options.steps, save_every=0, show_every=0, evaluation=EVALUATION, **PROBLEMS
    )
    n, grpo = options.seeds, named.grpo()
    results: dict[str, list[Json]] = {"same": [], "crippled": []}

    def keep(kind: str, found: Json) -> None:
        results[kind].append(found)
        print(
            f"{kind:9}{len(results[kind]):>3}  p {found['p']:.3f}  difference "
            f"{100 * found['mean']:+.1f} points{'  SHOWN' if found['shown'] else ''}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps({"options": str(options), **results}, indent=1))

    for i in range(options.crippled):
        seeds = range(1000 + i * n, 1000 + (i + 1) * n)
        keep("crippled", compared(config, (grpo, seeds), (CRIPPLED, seeds)))
    for i in range(options.comparisons):
        first = range(10_000 + 2 * i * n, 10_000 + (2 * i + 1) * n)
        second = range(first.stop, first.stop + n)
        keep("same", compared(config, (grpo, first), (grpo, second)))
    false = sum(found["shown"] for found in results["same"])
    found = sum(one["shown"] and one["mean"] < 0 for one in results["crippled"])
    print(f"the same under two labels: {false} of {len(results['same'])} found different")
    print(f"the crippled objective: {found} of {len(results['crippled'])} found worse")


if __name__ == "__main__":
    main()
