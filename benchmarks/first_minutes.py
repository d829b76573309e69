"""Seconds until the commands of a newcomer's first minutes have answered.

    python benchmarks/first_minutes.py
    python benchmarks/first_minutes.py --against OTHER/src --repeat 5 --json minutes.json

Each command is a fresh process, none of which has to compute anything; the first of each, which
reads files from the disk, is left out. Of two sources the runs alternate, so that what else the
machine does meets both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent / "src"
COMMANDS = (
    [], ["recipes"], ["tasks"], ["show", "demo"], ["show", "demo", "--keys"],
    ["show", "--objectives"], ["show", "demo", "optimizer.lr=1e-6"],
    ["train", "demo", "optimizr.lr=1"], ["train", "demo", "num_generations=8"],
)  # fmt: skip
"""What is typed behind `paceline`; the last two are mistakes."""


def seconds(words: list[str], source: Path, folder: str) -> float:
    """One command of this source, from the start of its process to its end."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "paceline.cli", *words],
        env=environment, cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5, help="runs of each (default 5)")
    parser.add_argument("--against", type=Path, metavar="SRC", help="another source of paceline")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    sources = [HERE, *([args.against.resolve()] if args.against else [])]
    found: dict[str, list[float]] = {}
    print(f"{'seconds, medians':36}{'here':>8}{'there':>8}" if args.against else "seconds, medians")
    with tempfile.TemporaryDirectory() as folder:
        for words in COMMANDS:
            taken: list[list[float]] = [[] for _ in sources]
            for _ in range(args.repeat + 1):
                for source, of_source in zip(sources, taken, strict=True):
                    of_source.append(seconds(words, source, folder))
            medians = [statistics.median(of_source[1:]) for of_source in taken]
            command = " ".join(["paceline", *words])
            found[command] = medians
            print(f"{command:36}{''.join(f'{median:8.2f}' for median in medians)}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
