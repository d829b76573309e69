"""Seconds until the demo's task is learned, with paceline and with TRL's GRPOTrainer at its best.

    python benchmarks/learning.py --side both --json learning.json
    python benchmarks/learning.py --side paceline --steps 40

The recipe is `recipes.demo()`: its problems in its order, its rewards (the last number is right and
the answer is finished), its learning rate. A side stops as soon as the mean reward of its last
three rounds reaches the goal, or after `--steps`. Seconds are those of the steps alone: neither
loading nor what stands between two steps. The tokens sampled differ, so the curves are two draws of
one experiment, not one.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from common import WINDOW, Asked, Spec, reached
from sides import (
    add_arguments,
    add_trl_arguments,
    check_trl,
    run,
    settings_of,
    trl_settings_of,
)

from paceline import recipes, rng
from paceline.config import Config
from paceline.model import load_tokenizer, resolve
from paceline.model.template import render


def questions(config: Config, tokenizer: Any, steps: int) -> list[Asked]:
    """The rounds as the library's sampler will draw them; paceline_side.py checks that it does."""
    task, count = config.task.load(), config.rollouts.problems
    if steps * count > len(task.train):
        raise SystemExit(f"{steps} steps of {count} problems are more than one epoch of the task.")
    order = rng.permutation(rng.key(config.seed, "order", 0), len(task.train))
    drawn = [task.train[i] for i in order[: steps * count]]
    rounds = []
    for first in range(0, len(drawn), count):
        problems = drawn[first : first + count]
        prompts = [list(render(tokenizer, task.messages(p))) for p in problems]
        rounds.append(Asked(prompts, [p.answer for p in problems]))
    return rounds


def summary(curve: list[dict[str, float]], goal: float) -> dict[str, Any]:
    """Where a curve first is at the goal; None where it never is."""
    rewards = [point["reward"] for point in curve]
    there = [n for n in range(1, len(curve) + 1) if reached(rewards[:n], goal)]
    ends = [0.0, *(point["seconds"] for point in curve)]
    return {
        "steps": there[0] if there else None,
        "seconds": curve[there[0] - 1]["seconds"] if there else None,
        "seconds_per_step": statistics.median(b - a for a, b in itertools.pairwise(ends)),
        "last_reward": statistics.mean(rewards[-WINDOW:]),
    }


def table(curves: dict[str, list[dict[str, float]]], summaries: dict[str, Any]) -> None:
    """Every fifth step of the curves, side by side, then what they come to."""
    longest = max(map(len, curves.values()))
    print("  step" + "".join(f"{side + ', s':>14}{'reward':>8}{'tokens':>8}" for side in curves))
    for place in sorted({*range(0, longest, 5), longest - 1}):
        line = f"  {place + 1:4}"
        for curve in curves.values():
            if place < len(curve):
                point = curve[place]
                line += f"{point['seconds']:14.1f}{point['reward']:8.2f}{point['tokens']:8.1f}"
            else:
                line += " " * 30
        print(line)
    for side, found in summaries.items():
        at_goal = "never at the goal"
        if found["seconds"] is not None:
            at_goal = f"at the goal after {found['seconds']:.0f} s, {found['steps']} steps"
        print(f"  {side}: {at_goal}; {found['seconds_per_step']:.2f} s a step in the median")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--side", choices=("paceline", "trl", "both"), default="both")
    parser.add_argument("--goal", type=float, default=0.6, help="mean reward of the last rounds")
    parser.add_argument("--steps", type=int, help="at most; the recipe's number else")
    parser.add_argument("--problems", type=int, help="a round; the recipe's number else")
    parser.add_argument("--seed", type=int, default=0, help="of the problems' order and sampling")
    add_arguments(parser)
    add_trl_arguments(parser)
    # Weights kept in bf16 alone lose updates of 1e-5: TRL's reward was still 0 after 14 steps.
    parser.set_defaults(trl_precision="autocast")
    args = parser.parse_args()
    sides = ("trl", "paceline") if args.side == "both" else (args.side,)
    if "trl" in sides:
        check_trl(args.trl_python)
    spec = spec_of(args)
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "spec.json"
        spec.write(written)
        for side in sides:
            print(f"  {side}", flush=True)
            runs[side] = run(side, written, Path(folder) / f"{side}.json", args)
    curves = {side: found["steps"] for side, found in runs.items()}
    summaries = {side: summary(curve, args.goal) for side, curve in curves.items()}
    table(curves, summaries)
    seconds = [found["seconds"] for found in summaries.values()]
    ratio = seconds[0] / seconds[1] if len(seconds) == 2 and None not in seconds else None
    if ratio is not None:
        print(f"  TRL needs {ratio:.2f} times as long")
    if args.json:
        found = figures(args, spec, runs, summaries)
        args.json.write_text(json.dumps({**found, "ratio": ratio}, indent=2) + "\n")


def spec_of(args: argparse.Namespace) -> Spec:
    """The demo's recipe, in the words that both sides understand."""
    config = recipes.demo().with_(seed=args.seed)
    if args.problems:
        config = config.with_(rollouts={"problems": args.problems})
    rollouts, steps = config.rollouts, min(args.steps or config.steps, config.steps)
    return Spec(
        **settings_of(args),
        trl=trl_settings_of(args, rollouts.problems * rollouts.completions),
        lr=config.optimizer.lr,
        decay=config.optimizer.decay,
        schedule=config.steps,
        problems=rollouts.problems,
        completions=rollouts.completions,
        max_tokens=rollouts.max_tokens,
        rounds=questions(config, load_tokenizer(resolve(args.model)), steps),
        goal=args.goal,
        seed=args.seed,
    )


def figures(
    args: argparse.Namespace, spec: Spec, runs: dict[str, Any], summaries: dict[str, Any]
) -> dict[str, Any]:
    """Everything that was measured, and with what."""
    return {
        "goal": args.goal,
        "window": WINDOW,
        "summary": summaries,
        "curves": {side: found["steps"] for side, found in runs.items()},
        "peak_bytes": {side: found["peak_bytes"] for side, found in runs.items()},
        "gemm_gflops": {
            side: statistics.median(found["gemm_flops"]) / 1e9 for side, found in runs.items()
        },
        "settings": {
            "model": args.model,
            "dtype": spec.dtype,
            "device": spec.device,
            "seed": spec.seed,
            "lr": spec.lr,
            "decay": spec.decay,
            "trl": spec.trl,
            "paceline": spec.paceline,
        },
    }


if __name__ == "__main__":
    main()
