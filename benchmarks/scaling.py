"""How time and memory of a round grow with P prompt tokens, G completions and L tokens of each.

    python benchmarks/scaling.py --json scaling.json
    python benchmarks/scaling.py --phases update --problems 4 --repeat 5

One of the three grows at a time around a base. Every point is a process of its own, for each phase
another, so that its peak memory is its own. Two lines are fitted by least squares: seconds against
P + G·L, the tokens that have to pass, and against G·(P + L), the tokens of a trainer that copies
the prompt to every completion. Completions of a point are of one length, so that nothing but the
three sizes differs.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from common import Spec, now, peak_bytes
from paceline_side import Prescribed, prescribed_trainer, round_of
from rounds import Shape, draw_rounds
from sides import add_arguments, run_process, settings_of

from paceline.model import load_tokenizer, resolve
from paceline.model.allocator import give_back_freed_memory
from paceline.training import SampledRound, Sampler, Trainer
from paceline.training.clock import Clock
from paceline.types import Completion

BASE = {"P": 128, "G": 8, "L": 64}
GROWING = {"P": (64, 128, 256, 512, 1024), "G": (2, 4, 8, 16, 32), "L": (16, 32, 64, 128, 256)}
PHASES = ("update", "rollout")


class Ready(Prescribed):
    """Hands over random completions at once, so that a step is an update and nothing else."""

    def next_round(self, index: int, clock: Clock) -> SampledRound:
        forced, draw = self.rounds[index], random.Random(index)
        vocabulary = self.rollouter.policy.head.weight.shape[0]
        answers = [
            [self._completion(draw, vocabulary, length) for length in lengths]
            for lengths in forced.lengths
        ]
        return SampledRound(round_of(index, forced, answers))

    def _completion(self, draw: random.Random, vocabulary: int, length: int) -> Completion:
        ids = tuple(draw.randrange(vocabulary) for _ in range(length))
        return Completion(ids, (-1.0,) * length, "", "length")


def measure(spec: Spec, phase: str, out: Path) -> None:
    """One phase at one point, in this process."""
    trainer = prescribed_trainer(spec)
    device = trainer.policy.device
    forget_peak(device)
    at_rest = peak_bytes(device)
    if phase == "update":
        assert isinstance(trainer.source, Sampler)
        trainer.source = Ready(trainer.source, spec.rounds)
    seconds = [once(trainer, phase, number) for number in range(len(spec.rounds))]
    record = {"seconds": seconds[1:], "at_rest": at_rest, "peak": peak_bytes(device)}
    out.write_text(json.dumps(record), encoding="utf-8")


def once(trainer: Trainer, phase: str, number: int) -> float:
    device = trainer.policy.device
    started = now(device)
    if phase == "update":
        trainer.step()
    else:
        trainer.source.next_round(number, Clock())
    return now(device) - started


def forget_peak(device: torch.device) -> None:
    """Give back what loading left over and begin the peak anew, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform.startswith("linux"):
        give_back_freed_memory()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def fit(xs: Sequence[float], ys: Sequence[float]) -> dict[str, float]:
    """The least-squares line a + b·x, and R², the share of the variance that it explains."""
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    b = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    a = mean_y - b * mean_x
    left = sum((y - a - b * x) ** 2 for x, y in zip(xs, ys, strict=True))
    return {"a": a, "b": b, "r2": 1 - left / sum((y - mean_y) ** 2 for y in ys)}


def fits(points: list[dict[str, Any]], phase: str) -> dict[str, dict[str, float]]:
    """Seconds and peak memory of a phase against both counts of tokens."""
    shared = [p["P"] + p["G"] * p["L"] for p in points]
    copied = [p["G"] * (p["P"] + p["L"]) for p in points]
    return {
        f"{what} ~ {name}": fit(counts, [p[phase][what] for p in points])
        for what in ("seconds", "peak")
        for name, counts in (("P + G·L", shared), ("G·(P + L)", copied))
    }


def points_around_base() -> list[dict[str, int]]:
    """The base once, and every other value of each of the three."""
    others = [{**BASE, k: v} for k, values in GROWING.items() for v in values if v != BASE[k]]
    return [dict(BASE), *others]


def measured(
    args: argparse.Namespace, tokenizer: Any, sizes: dict[str, int], folder: Path
) -> dict[str, Any]:
    """One point: its sizes, and seconds and peak of each phase."""
    shape = Shape(sizes["P"], args.problems, sizes["G"], sizes["L"], sizes["L"])
    count = args.repeat + 1
    spec = Spec(
        **settings_of(args),
        lr=0.0,
        decay="constant",
        schedule=count,
        problems=shape.problems,
        completions=shape.completions,
        max_tokens=shape.longest,
        rounds=draw_rounds(tokenizer, shape, count),
    )
    spec.write(folder / "spec.json")
    point: dict[str, Any] = dict(sizes)
    for phase in args.phases:
        out = folder / f"{phase}.json"
        command = [sys.executable, __file__, "--point", phase, str(folder / "spec.json"), str(out)]
        run_process(command, out.with_suffix(".log"))
        found = json.loads(out.read_text(encoding="utf-8"))
        point[phase] = {**found, "raw": found["seconds"]}
        point[phase]["seconds"] = statistics.median(found["seconds"])
        told = f"{point[phase]['seconds']:8.3f} s {found['peak'] / 1e9:6.2f} GB"
        told += f" ({found['at_rest'] / 1e9:.2f} GB at rest)"
        print(f"  P {sizes['P']:5} G {sizes['G']:3} L {sizes['L']:4} {phase:8}{told}", flush=True)
    return point


def main() -> None:
    if sys.argv[1:2] == ["--point"]:  # one point, in the process made for it
        phase, spec, out = sys.argv[2:]
        return measure(Spec.read(Path(spec)), phase, Path(out))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--problems", type=int, default=2, help="groups of a round")
    parser.add_argument("--repeat", type=int, default=3, help="measured rounds, after one to warm")
    parser.add_argument("--points", type=int, help="only the first so many, to try it out")
    add_arguments(parser)
    args = parser.parse_args()
    tokenizer = load_tokenizer(resolve(args.model))
    with tempfile.TemporaryDirectory() as folder:
        chosen = points_around_base()[: args.points]
        points = [measured(args, tokenizer, sizes, Path(folder)) for sizes in chosen]
    lines = {phase: fits(points, phase) for phase in args.phases}
    for phase, found in lines.items():
        for name, line in found.items():
            print(f"  {phase:8} {name:22} R² {line['r2']:.4f}   b {line['b']:.3g} a token")
    if args.json:
        record = {"problems": args.problems, "points": points, "fits": lines}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
