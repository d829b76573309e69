"""What an export to q8_0 leaves of a training, where the base came from such a file itself.

    paceline export runs/demo --to gguf --dtype q8_0 --out demo-q8.gguf
    paceline train demo --model demo-q8.gguf --out born lora.rank=8 optimizer.lr=5e-4 steps=6
    python benchmarks/eight_bits.py born

Over all linear layers of the blocks: how far training moved the weights, how many of the rounded
ones are the base's again, and the part of the movement that is left, as the projection of what the
rounding kept on it. Then the error of the distance of the two likeliest logits at each token of
greedy answers, in 32 bits: rounded weights against the run's. For a run on any other base the first
part says how its own rounding does.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from paceline.export.conversion import convert
from paceline.export.export import job_of
from paceline.export.probes import probes_of
from paceline.model import resolve
from paceline.model.load import loadable_name
from paceline.run import Run, build

LAYERS = "_proj.weight"
"""End of the names of the linear layers in the blocks."""


def weights(base: dict[str, Any], trained: dict[str, Any], rounded: dict[str, Any]) -> str:
    moved, same, left = [], [], []
    for name in (name for name in trained if name.endswith(LAYERS)):
        movement = (trained[name] - base[name]).double()
        kept = (rounded[name] - base[name]).double()
        moved.append((movement.norm() / base[name].norm()).item())
        same.append((rounded[name] == base[name]).double().mean().item())
        left.append(((kept * movement).sum() / movement.square().sum()).item())
    rows = (("moved by", moved), ("the base's again", same), ("of the movement left", left))
    told = (
        f"{name} {100 * min(v):.2f} to {100 * max(v):.2f} %, mean {100 * sum(v) / len(v):.2f} %"
        for name, v in rows
    )
    return f"{len(moved)} layers: {'; '.join(told)}"


def distances(run: Run, exact: Any, rounded: Any, prompts: int) -> str:
    job = job_of(run, "folder", run.path / "no-export", "auto", prompts)
    loaded = replace(job.loaded, dtype=job.compute)
    found = []
    for probe in probes_of(loaded, build.policy_of(loaded, train=False), job.conversations):
        n = len(probe.answer.prompt_ids)
        ids = torch.tensor([[*probe.answer.prompt_ids, *probe.answer.token_ids]])
        with torch.no_grad():
            true, other = (model(ids).logits[0, n - 1 :] for model in (exact, rounded))
        for i, taken in enumerate(probe.answer.token_ids):
            pair = [taken, probe.runners_up[i].token_id]
            found.append(((other[i, pair] - true[i, pair]).diff()).abs().item())
    found.sort()
    rms = (sum(v * v for v in found) / len(found)) ** 0.5
    middle, high = found[len(found) // 2], found[int(0.99 * len(found))]
    return f"{len(found)} tokens: rms {rms:.2f} nats, median {middle:.2f}, 99 % below {high:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", help="a run's directory")
    parser.add_argument("--prompts", type=int, default=100)
    options = parser.parse_args()
    run = Run.open(options.run)
    load = AutoModelForCausalLM.from_pretrained
    source = loadable_name(resolve(run.config["config"]["model"]["path"]))
    base = load(source, dtype=torch.float32)
    exact = load(run.model, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        convert(run.model, Path(folder) / "rounded.gguf", "q8_0")
        rounded = load(folder, gguf_file="rounded.gguf", dtype=torch.float32)
    print(weights(*(model.state_dict() for model in (base, exact, rounded))))
    print(distances(run, exact, rounded, options.prompts))


if __name__ == "__main__":
    main()
