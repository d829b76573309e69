"""Programs a second in the sandbox, and whether anything grows.

    python benchmarks/sandbox.py
    python benchmarks/sandbox.py --jobs 2000 --json sandbox.json

Each wall runs `print("word")` in as many threads as there are processors; then the given number of
jobs, of which a third prints, a third raises and a third writes without end until it is stopped.
Before and after, this process's children, descriptors, mounts and resident memory are counted.
"""

import argparse
import gc
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from paceline.errors import SandboxError
from paceline.verify.programs.sandbox import Sandbox
from paceline.verify.programs.sandbox.sandbox import Tier
from paceline.verify.programs.sandbox.trial import children

WALLS: tuple[Tier, ...] = ("namespaces", "landlock")
PROGRAMS = ("print('word')", "1 / 0", "while True: print('a' * 9999)")


def rate(sandbox: Sandbox, pool: ThreadPoolExecutor, jobs: int) -> float:
    """Programs that print a word, a second."""
    started = time.perf_counter()
    for result in pool.map(lambda _: sandbox.run("print('word')"), range(jobs)):
        assert result.stdout == b"word\n", result
    return jobs / (time.perf_counter() - started)


def counted() -> dict[str, int]:
    gc.collect()
    return {
        "processes": len(children()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "resident_bytes": int(Path("/proc/self/statm").read_text().split()[1]) * 4096,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2000, help="of the count of what grows")
    parser.add_argument("--repeat", type=int, default=5, help="measurements of the rate")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()
    found: dict[str, Any] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        rates: dict[Tier, list[float]] = {}
        for wall in WALLS:
            try:
                rate(Sandbox(wall), pool, 50)
                rates[wall] = []
            except SandboxError as error:
                print(f"{wall}: {error}")
        for _ in range(args.repeat):
            for wall, taken in rates.items():
                taken.append(rate(Sandbox(wall), pool, 200))
        for wall, taken in rates.items():
            before = counted()
            for _ in pool.map(Sandbox(wall).run, (PROGRAMS[i % 3] for i in range(args.jobs))):
                pass
            after = counted()
            growth = {what: after[what] - before[what] for what in before}
            found[wall] = {"per_second": statistics.median(taken), "growth": growth}
            told = ", ".join(f"{what} {number:+,}" for what, number in growth.items())
            print(f"{wall:12}{statistics.median(taken):6.0f} programs/s")
            print(f"{'':12}after {args.jobs:,} jobs: {told}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
