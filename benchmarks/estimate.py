"""What `paceline check` says a run will need, held against runs.

    python benchmarks/estimate.py --json estimate.json
    python benchmarks/estimate.py --cases demo tiny --rounds 2
    python benchmarks/estimate.py --case mine demo rollouts.completions=4

Each case is a training of a few rounds, from its start to its end, in a process of its own. The
estimate is of the longest: so no token ends an answer, the reward is a hash of the text, and every
group carries signal. Only in the case named natural the model stops where it wants. The first round
fills memory for the first time; seconds are the median of the others.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from common import peak_bytes
from sides import run_process

from paceline import recipes, rng
from paceline.cli import changed
from paceline.config import Config
from paceline.preflight.preflight import Preflight
from paceline.run import Run, build, train
from paceline.tasks import Task, TaskSource
from paceline.types import Completion, Problem

CASES: dict[str, tuple[str, ...]] = {
    "demo": ("demo",),
    "16 × 64 tokens": ("demo", "rollouts.completions=16", "rollouts.max_tokens=64"),
    "long answers": ("demo", "rollouts.problems=2", "rollouts.max_tokens=256"),
    "fp32": ("demo", "model.dtype=fp32"),
    "with a reference": ("demo", "objective=grpo(kl=0.1)", "reference.every=2",
                         "reference.alpha=0.5"),
    "two updates a round": ("demo", "schedule.minibatches=2"),
    "layers again": ("demo", "tokens_per_forward=256"),
    "LoRA": ("demo", "lora.rank=16"),
    "LoRA, not merged": ("demo", "lora.rank=16", "lora.merge=no"),
    "LoRA on nf4": ("demo", "lora.rank=16", "model.quantisation=nf4"),
    "8-bit moments": ("demo", "optimizer.moments=8bit"),
    "evaluation": ("demo", "evaluation.problems=128"),
    "natural": ("demo",),
    "tiny": ("tiny",),
}  # fmt: skip
"""Recipe and changed keys."""
PHASES = {
    "sampling": ("sample", "verify"),
    "update": ("update", "optimize"),
    "scoring": ("score",),
}
"""The estimate's phases, in those of a step."""


@dataclass(frozen=True)
class Coin:
    """Another task, its answers paid by a hash: completions that are all alike are rare."""

    of: TaskSource

    def load(self) -> Task:
        return replace(self.of.load(), verifier=coin, gold=None)


def coin(problem: Problem, completion: Completion) -> float:
    """0 or 1."""
    return float(rng.key(problem.id, completion.text) % 2)


def config_of(words: Sequence[str], rounds: int, out: Path) -> Config:
    recipe, *changes = words
    config = recipes.by_name(recipe).with_(
        evaluation={"problems": 0}, optimizer={"lr": 0.0}, out=str(out), show_every=0
    )
    config = changed(config, dict(word.split("=", 1) for word in changes))
    steps = rounds * config.schedule.parts
    return config.with_(steps=steps, task=Coin(config.task), rewards={"workers": 0})


def measure(name: str, words: Sequence[str], rounds: int, folder: Path) -> None:
    """One case, in this process."""
    found: list[Preflight] = []
    load, check = build.policy_of, sys.modules["paceline.run.train"].check

    def checked(*arguments: Any, **options: Any) -> Preflight:
        found.append(check(*arguments, **options))
        return found[0]

    def policy_of(*arguments: Any, **options: Any) -> Any:
        policy = load(*arguments, **options)
        if name != "natural":
            policy.stop_ids = ()
        return policy

    build.policy_of = policy_of
    vars(sys.modules["paceline.run.train"])["check"] = (
        checked  # the name is that of a function, too
    )
    run = train(config_of(words, rounds, folder / "run"), quiet=True)
    record = figures(run, found[0])
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")


def figures(run: Run, preflight: Preflight) -> dict[str, Any]:
    """Estimated and measured, by what is compared."""
    estimate, loaded = preflight.estimate, preflight.loaded
    assert estimate.seconds is not None
    seconds, summary, lines = estimate.seconds, run.summary, list(run.metrics())
    parts = loaded.config.schedule.parts
    pairs = {
        "memory GB": (estimate.memory.total / 1e9, peak_bytes(loaded.device) / 1e9),
        "disk MB": (estimate.disk.total / 1e6, written(run) / 1e6),
        "rollouts MB": (estimate.disk.rollouts / 1e6, size(run.rollouts) / 1e6),
        "s a step": (seconds.step, per_step(lines, sum(PHASES.values(), ()), parts)),
    }
    for phase, names in PHASES.items():
        pairs[f"{phase} s"] = (getattr(seconds, phase) / len(lines), per_step(lines, names, parts))
    if summary["before"] is not None:
        taken = [summary[side]["seconds"] for side in ("before", "after")]
        pairs["evaluation s"] = (seconds.evaluation / len(taken), statistics.median(taken))
    return {
        "estimated": {what: pair[0] for what, pair in pairs.items()},
        "measured": {what: pair[1] for what, pair in pairs.items()},
        "memory": asdict(estimate.memory),
        "tokens": statistics.mean(line["completion_tokens"] for line in lines),
        "raw": [line["phases"] for line in lines],
    }


def per_step(lines: Sequence[dict[str, Any]], phases: Sequence[str], parts: int) -> float:
    """Seconds of these phases a step: the median of rounds behind the first."""
    taken = [sum(line["phases"].get(phase, 0.0) for phase in phases) for line in lines]
    rounds = [statistics.mean(taken[i : i + parts]) for i in range(0, len(taken), parts)]
    return statistics.median(rounds[1:] or rounds)


def written(run: Run) -> int:
    """What is on the disk at the end, but for the report and the metrics."""
    return size(run.rollouts) + size(run.checkpoints) + size(run.model)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def told(name: str, record: dict[str, Any]) -> None:
    print(f"{name} ({record['tokens']:.0f} tokens a completion)")
    for what, estimated in record["estimated"].items():
        measured = record["measured"][what]
        ratio = f"{estimated / measured:8.2f}" if measured else ""
        if estimated or measured:
            print(f"  {what:14}{estimated:10.3f}{measured:10.3f}{ratio}", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:  # a case, in the process made for it
        name, rounds, folder, *words = sys.argv[2:]
        return measure(name, words, int(rounds), Path(folder))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--case", nargs="+", metavar="WORD", help="a name, a recipe, changed keys")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each training")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    if args.case:
        cases = {args.case[0]: tuple(args.case[1:])}
    else:
        cases = {name: CASES[name] for name in args.cases}
    print(f"{'':16}{'estimated':>10}{'measured':>10}   ratio")
    found: dict[str, Any] = {}
    for name, words in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            # By its module's name: a run records where its task and reward can be found again.
            code = "import sys; from estimate import main; sys.argv[0] = 'estimate.py'; main()"
            command = [sys.executable, "-c", code, "--one", name, str(args.rounds), folder, *words]
            run_process(command, Path(folder) / "log")
            found[name] = json.loads((Path(folder) / "record.json").read_text(encoding="utf-8"))
        told(name, found[name])
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
