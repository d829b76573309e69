"""paceline against TRL's GRPOTrainer at its best: same prompts, lengths, dtype and optimizer.

    python benchmarks/vs_trl.py --shape short
    python benchmarks/vs_trl.py --shape long --no-signal 0.5 --repeat 2 --json long.json

Each side runs in a process of its own, alternately, so that the machine's noise hits both. Every
completion's length is prescribed (`rounds.py`), the learning rate is 0, so that every step has the
same work, and rewards are synthetic. Medians are over all measured steps of all runs; a ratio is
TRL's median over paceline's, so above 1 paceline is faster or needs less. The update is everything
that is not rollout. TRL needs an environment of its own (`requirements-trl.txt`); `trl_side.py`
says what is set there and why.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common import Forced, Matrices, Spec
from rounds import Shape, draw_rounds
from sides import (
    add_arguments,
    add_trl_arguments,
    check_trl,
    run,
    settings_of,
    trl_settings_of,
)

from paceline.model import load_tokenizer, resolve

SHAPES = {
    "short": Shape(prompt=60, problems=8, completions=8, mean=44, longest=48),
    "medium": Shape(prompt=150, problems=4, completions=8, mean=250, longest=400),
    "long": Shape(prompt=1000, problems=2, completions=16, mean=200, longest=512),
    "tiny": Shape(prompt=48, problems=2, completions=4, mean=6, longest=8),
}
"""tiny measures nothing: it shows in seconds whether both sides run."""
MICRO = {"short": 64, "medium": 8, "long": 4, "tiny": 4}
"""TRL's rows a forward pass: the most that 24 GB hold."""
STEPS = {"short": 3, "medium": 2, "long": 1, "tiny": 2}
"""Measured steps of a run, after one to warm up."""
PHASES = ("step", "rollout", "update")

Runs = dict[str, list[dict[str, Any]]]
Medians = dict[str, dict[str, float]]


def medians(
    spec: Spec, runs: list[dict[str, Any]], warmup: int, matrices: Matrices
) -> dict[str, float]:
    """One side's figures over all measured steps of its runs."""
    steps = [step for run in runs for step in run["steps"][warmup:]]
    median = {phase: statistics.median(step[phase] for step in steps) for phase in PHASES}
    gemm = statistics.median(rate for run in runs for rate in run["gemm_flops"])
    useful = statistics.median(update_flops(round, matrices) for round in spec.rounds[warmup:])
    return {
        **median,
        "memory": statistics.median(run["peak_bytes"] for run in runs),
        "completions_per_second": spec.problems * spec.completions / median["step"],
        "rollout_tokens_per_second": statistics.median(s["sampled"] / s["rollout"] for s in steps),
        "update_tokens_per_second": statistics.median(s["updated"] / s["update"] for s in steps),
        "gemm_gflops": gemm / 1e9,
        "update_share_of_gemm": useful / median["update"] / gemm,
    }


def update_flops(round: Forced, matrices: Matrices) -> int:
    """Of the work that an update cannot do without: groups with signal only."""
    groups = zip(round.prompts, round.lengths, round.rewards, strict=True)
    return sum(
        matrices.update_flops(len(prompt), sum(lengths))
        for prompt, lengths, rewards in groups
        if max(rewards) != min(rewards)
    )


ROWS = (
    ("step", "step", "s", 1.0),
    ("rollout", "rollout", "s", 1.0),
    ("update", "update", "s", 1.0),
    ("memory", "peak memory", "GB", 1e-9),
    ("completions_per_second", "completions", "/s", 1.0),
    ("rollout_tokens_per_second", "rollout tokens", "/s", 1.0),
    ("update_tokens_per_second", "update tokens", "/s", 1.0),
    ("gemm_gflops", "matrix products", "GFLOP/s", 1.0),
    ("update_share_of_gemm", "useful update work", "% of it", 100.0),
)


def table(median: Medians) -> None:
    trl, ours = median["trl"], median["paceline"]
    print(f"{'':30}{'trl':>10}{'paceline':>10}{'':4}ratio")
    for key, name, unit, scale in ROWS:
        falling = key in (*PHASES, "memory")
        ratio = trl[key] / ours[key] if falling else ours[key] / trl[key]
        shown = f"{trl[key] * scale:10.2f}{ours[key] * scale:10.2f}"
        print(f"  {f'{name}, {unit}':28}{shown}{ratio:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shape", choices=tuple(SHAPES), default="short")
    parser.add_argument("--no-signal", type=float, default=0.0, help="share of groups without")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side")
    parser.add_argument("--steps", type=int, help="measured steps of a run")
    parser.add_argument("--warmup", type=int, default=1, help="steps before them")
    add_arguments(parser)
    add_trl_arguments(parser)
    args = parser.parse_args()
    check_trl(args.trl_python)
    shape, steps = SHAPES[args.shape], args.steps or STEPS[args.shape]
    tokenizer = load_tokenizer(resolve(args.model))
    spec = Spec(
        **settings_of(args),
        trl=trl_settings_of(args, MICRO[args.shape]),
        lr=0.0,
        decay="constant",
        schedule=args.warmup + steps,
        problems=shape.problems,
        completions=shape.completions,
        max_tokens=shape.longest,
        rounds=draw_rounds(tokenizer, shape, args.warmup + steps, no_signal=args.no_signal),
    )
    print(f"{args.shape}: {shape}, {spec.dtype} on {spec.device}, no signal {args.no_signal:g}")
    runs: Runs = {"trl": [], "paceline": []}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "spec.json"
        spec.write(written)
        for number in range(args.repeat):
            for side in runs:
                print(f"  {side}, run {number + 1} of {args.repeat}", flush=True)
                runs[side].append(run(side, written, Path(folder) / f"{side}{number}.json", args))
    matrices = Matrices(**runs["paceline"][0]["matrices"])
    median = {side: medians(spec, found, args.warmup, matrices) for side, found in runs.items()}
    table(median)
    if args.json:
        args.json.write_text(json.dumps(figures(args, spec, shape, median, runs), indent=2) + "\n")


def figures(
    args: argparse.Namespace, spec: Spec, shape: Shape, median: Medians, runs: Runs
) -> dict[str, Any]:
    """Everything that was measured, and with what."""
    trl, ours = median["trl"], median["paceline"]
    return {
        "shape": args.shape,
        "no_signal": args.no_signal,
        "ratio": {key: trl[key] / ours[key] for key in (*PHASES, "memory")},
        "median": median,
        "gemm_gflops": {side: found["gemm_gflops"] for side, found in median.items()},
        "settings": {
            **asdict(shape),
            "model": args.model,
            "dtype": spec.dtype,
            "device": spec.device,
            "repeat": args.repeat,
            "warmup": args.warmup,
            "steps": len(spec.rounds) - args.warmup,
            "trl": spec.trl,
            "paceline": spec.paceline,
        },
        "runs": runs,
    }


if __name__ == "__main__":
    main()
