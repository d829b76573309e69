"""Where a step's time goes: sampling, verifying, scoring, updating; medians over several steps.

    python benchmarks/step.py                      # the demo's model and shape
    python benchmarks/step.py --recipe tiny --steps 3
    python benchmarks/step.py --json step.json optimizer.lr=0 rollouts.completions=16

Every group is made to carry signal (the reward is a hash of the text), so that the update is a
full one, and the learning rate is 0, so that every step has the same work. The rate of matrix
products is measured in the same run: it is what the machine gave at that moment.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

import torch
from common import Matrices, gemm_rate

from paceline import recipes, rng
from paceline.cli import changed, overrides
from paceline.model.allocator import memory_gb
from paceline.preflight.preflight import load_checked
from paceline.run import build
from paceline.types import Completion, Problem


def coin(problem: Problem, completion: Completion) -> float:
    """0 or 1 by a hash: eight completions all alike are rare."""
    return float(rng.key(problem.id, completion.text) % 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--steps", type=int, default=5, help="measured steps, after one to warm up")
    parser.add_argument(
        "--give-back",
        action="store_true",
        help="let glibc give freed memory back (model/allocator.py)",
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    known, rest = parser.parse_known_args()
    known.run = None
    config = changed(
        recipes.by_name(known.recipe).with_(optimizer={"lr": 0.0}), overrides(rest, known)
    )
    checked = load_checked(config)
    checked = replace(checked, task=replace(checked.task, verifier=coin))
    if known.give_back:
        build.keep_freed_memory = lambda: False
    policy = build.policy_of(checked)
    trainer = build.trainer_of(checked, policy, None)
    matrices = Matrices.of(policy)

    lines = []
    rates = [gemm_rate(checked.dtype, checked.device)]
    for number in range(known.steps + 1):
        report = trainer.step()
        rates.append(gemm_rate(checked.dtype, checked.device))
        if number == 0:
            continue
        round = report.sampled.round
        sampled = sum(round.lengths)
        prompts = sum(len(g.prompt_ids) for g in round.groups)
        lines.append(
            {
                **report.seconds,
                "tokens": sampled,
                "rows": report.rows_trained,
                "update_flops": matrices.update_flops(prompts, sampled),
            }
        )
    phases = ("sample", "verify", "score", "keep", "update", "optimize")
    median = {p: statistics.median(line.get(p, 0.0) for line in lines) for p in phases}
    total = statistics.median(sum(line.get(p, 0.0) for p in phases) for line in lines)
    tokens = statistics.median(line["tokens"] for line in lines)
    rate = statistics.median(rates)
    useful = statistics.median(line["update_flops"] / line["update"] for line in lines)
    figures = {
        "recipe": known.recipe,
        "steps": known.steps,
        "threads": torch.get_num_threads(),
        "dtype": str(checked.dtype),
        "seconds": median,
        "seconds_per_step": total,
        "tokens": tokens,
        "rollout_tokens_per_second": tokens / median["sample"],
        "gemm_flops_per_second": rate,
        "update_share_of_gemm": useful / rate,
        "memory_gb": memory_gb(),
        "raw": lines,
    }
    print(
        f"{known.recipe}: {config.rollouts.problems} × {config.rollouts.completions} completions, "
        f"{tokens:.0f} tokens a step, {figures['dtype']}, {figures['threads']} threads"
    )
    for phase in phases:
        print(f"  {phase:10}{median[phase]:8.2f} s {100 * median[phase] / total:6.1f} %")
    print(f"  {'step':10}{total:8.2f} s   (median of {known.steps})")
    print(f"  decode    {figures['rollout_tokens_per_second']:8.0f} tokens/s")
    print(
        f"  update    {useful / 1e9:8.0f} GFLOP/s of useful work, "
        f"{100 * figures['update_share_of_gemm']:.0f} % of this run's GEMM rate ({rate / 1e9:.0f})"
    )
    print(f"  memory    {figures['memory_gb']:8.1f} GB")
    if known.json:
        known.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
