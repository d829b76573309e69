"""What checkpoints cost a run, saved beside its training.

    python benchmarks/checkpoints.py --json checkpoints.json
    python benchmarks/checkpoints.py --recipe tiny --steps 9 --every 2 --repeat 1

The same run with and without checkpoints, alternately, each in a process of its own: equal work,
step by step, so that the difference of their seconds is what the checkpoints cost. The share is
that of `--share-of` steps with a checkpoint after every `save_every` of the recipe and one behind
the last. By itself, a checkpoint is written while nothing else goes on, and then read, verified and
taken over.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sides import run_process

from paceline.cli import changed, config_of
from paceline.config import Config
from paceline.preflight.preflight import load_checked
from paceline.run import Run, build, train
from paceline.store import checkpoint
from paceline.store.checkpoint import State


def configured(recipe: str, steps: int, every: int, changes: dict[str, str]) -> Config:
    config = changed(config_of(recipe), changes)
    return config.with_(steps=steps, save_every=every, save_keep=2, evaluation={"problems": 0})


def alone(config: Config, folder: Path) -> None:
    """One checkpoint by itself: written, verified, taken over; seconds to `folder`/alone.json."""
    trainer = build.trainer_of(loaded := load_checked(config), build.policy_of(loaded))
    trainer.step()
    tensors, numbers = checkpoint.split(trainer.state_dict())
    state = State(trainer=numbers, metrics_bytes=0, round=None, line=None, seconds=0.0, fixed=None)
    found: dict[str, float] = {}
    began = time.perf_counter()
    path = checkpoint.write(folder, "benchmark", state, tensors)
    found["write"] = time.perf_counter() - began
    began = time.perf_counter()
    checkpoint.verify(path, "benchmark")
    found["verify"] = time.perf_counter() - began
    began = time.perf_counter()
    trainer.load_state_dict(checkpoint.trainer_state(path, state), None)
    found["restore"] = time.perf_counter() - began
    found["bytes"] = float(sum(p.stat().st_size for p in path.iterdir()))
    (folder / "alone.json").write_text(json.dumps(found))


def cost(with_: list[float], without: list[float], every: int) -> float:
    """Seconds that one checkpoint adds; one behind the last step adds nothing to a step."""
    saves = sum(1 for step in range(1, len(with_)) if step % every == 0)
    return (sum(with_) - sum(without)) / saves


def ours(options: argparse.Namespace, every: int, out: str, *more: str) -> list[str]:
    """The command of one measurement in a process of its own."""
    words = ["--recipe", options.recipe, "--steps", str(options.steps), "--every", str(every)]
    keys = [word for key in options.key for word in ("--key", key)]
    return [sys.executable, __file__, *words, *keys, "--one", out, *more]


def pair(options: argparse.Namespace, number: int, folder: str) -> dict[str, Any]:
    """One run with checkpoints and one without, in turns first."""
    sides: dict[str, list[float]] = {}
    order = (0, options.every) if number % 2 else (options.every, 0)
    for every in order:
        out = f"{folder}/{number}-{every}"
        run_process(ours(options, every, out), Path(folder) / "log")
        sides["with" if every else "without"] = [x["seconds"] for x in Run(Path(out)).metrics()]
        shutil.rmtree(out)
    added = cost(sides["with"], sides["without"], options.every)
    step = statistics.fmean(sides["without"])
    print(f"pair {number + 1}: {added:+.2f} s a checkpoint, {step:.2f} s a step", flush=True)
    return {"added": added, "step": step, **sides}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--steps", type=int, default=13)
    parser.add_argument("--every", type=int, default=3, help="steps between checkpoints")
    parser.add_argument("--repeat", type=int, default=3, help="pairs of runs")
    parser.add_argument("--share-of", type=int, help="steps of the whole run (the recipe's)")
    parser.add_argument("--key", action="append", default=[], help="KEY=VALUE of the config")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    changes = dict(key.split("=", 1) for key in options.key)
    if options.one:
        config = configured(options.recipe, options.steps, options.every, changes)
        if options.alone:
            alone(config, Path(options.one))
        else:
            train(config.with_(out=options.one), quiet=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        run_process(ours(options, 0, folder, "--alone"), Path(folder) / "log")
        by_itself = json.loads((Path(folder) / "alone.json").read_text())
        print(
            f"{by_itself['bytes'] / 1e9:.2f} GB: {by_itself['write']:.1f} s to write by itself, "
            f"{by_itself['verify']:.1f} s to verify, {by_itself['restore']:.1f} s to take over",
            flush=True,
        )
        pairs = [pair(options, number, folder) for number in range(options.repeat)]
    config = config_of(options.recipe)
    steps = options.share_of or config.steps
    count = steps // config.save_every + bool(steps % config.save_every)
    added, step = (statistics.median(p[key] for p in pairs) for key in ("added", "step"))
    share = count * added / (steps * step)
    print(
        f"median {added:+.2f} s a checkpoint; {count} of them in {steps} steps: "
        f"{100 * share:.1f} % of the steps' time"
    )
    if options.json:
        found = {"alone": by_itself, "pairs": pairs, "added": added, "step": step, "share": share}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
