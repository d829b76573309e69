"""What bf16 does to the distance of two logits: how far greedy answers may honestly part.

    python benchmarks/near_ties.py runs/demo --prompts 120

Held-out problems of a run are answered greedily. At each token of the answers the distance of its
logit from that of the likeliest other token is computed by our trainer and by transformers in the
model's own numbers, and by transformers in 32 bits; the error is in roundings, the size of the
larger logit times the relative precision of the numbers. Behind ROUNDINGS of export/proof.py.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from paceline.export.export import job_of
from paceline.export.probes import Probe, probes_of
from paceline.run import Run, build


def errors(probe: Probe, own: Any, exact: Any, eps: float) -> list[tuple[float, float]]:
    """The errors of transformers and of ours at each token of an answer."""
    n = len(probe.answer.prompt_ids)
    ids = torch.tensor([[*probe.answer.prompt_ids, *probe.answer.token_ids]])
    with torch.no_grad():
        rounded, true = (model(ids).logits[0, n - 1 :].float() for model in (own, exact))
    found = []
    # The token that ended the answer is no part of it, so its place is left out.
    for i, (taken, beside) in enumerate(
        zip(probe.answer.token_ids, probe.runners_up, strict=False)
    ):
        other = beside.token_id
        distance = (true[i, taken] - true[i, other]).item()
        size = eps * true[i, [taken, other]].abs().max().item()
        theirs = (rounded[i, taken] - rounded[i, other]).item()
        found.append(((theirs - distance) / size, (beside.distance - distance) / size))
    return found


def told(name: str, values: Sequence[float]) -> str:
    sizes = sorted(map(abs, values))
    rms = (sum(v * v for v in sizes) / len(sizes)) ** 0.5
    parts = ", ".join(f"{100 * q:g} % {sizes[int(q * len(sizes))]:.1f}" for q in (0.5, 0.99, 0.999))
    return (
        f"{name}: {len(sizes)} tokens, rms {rms:.2f} roundings; below: {parts}, all {sizes[-1]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", help="a run's directory")
    parser.add_argument("--prompts", type=int, default=120)
    options = parser.parse_args()
    run = Run.open(options.run)
    job = job_of(run, "folder", run.path / "no-export", "auto", options.prompts)
    loaded = replace(job.loaded, dtype=job.compute)
    probes = probes_of(loaded, build.policy_of(loaded, train=False), job.conversations)
    load = AutoModelForCausalLM.from_pretrained
    own, exact = (load(run.model, dtype=dtype) for dtype in (job.compute, torch.float32))
    eps = torch.finfo(job.compute).eps
    found = [one for probe in probes for one in errors(probe, own, exact, eps)]
    for name, values in zip(("transformers", "ours"), zip(*found, strict=True), strict=True):
        print(told(name, values))


if __name__ == "__main__":
    main()
