"""Runs the suite as other machines would, and in other orders: `make test-machines`.

    python tests/helpers/machines.py                             # the whole table, an hour and more
    python tests/helpers/machines.py --only avx2 reverse         # some rows of it
    python tests/helpers/machines.py --only tokens -- tests/run  # with words for pytest

The last three rows sample other tokens than ours: what another processor's rounding does to a run
after some updates, at once and in every run. Prints one row an environment; the exit code is 1 if
a test failed in any of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLEARED = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "PACELINE_OTHER_TOKENS", "MKL_CBWR")


@dataclass(frozen=True)
class Environment:
    """What one row of the table runs under."""

    name: str
    shown: str
    """In the table, as one would type it."""
    variables: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    """For pytest."""


def with_variables(name: str, **variables: str) -> Environment:
    return Environment(name, " ".join(f"{k}={v}" for k, v in variables.items()), variables)


def with_words(name: str, *words: str) -> Environment:
    return Environment(name, " ".join(words), {}, words)


def environments(seed: str) -> list[Environment]:
    """What stands for another processor are two variables: torch's own kernels and oneDNN's are
    chosen apart from each other."""
    return [
        with_words("as-is"),
        with_variables("default", ATEN_CPU_CAPABILITY="default"),
        with_variables("sse4", ATEN_CPU_CAPABILITY="default", ONEDNN_MAX_CPU_ISA="SSE41"),
        with_variables("avx2", ATEN_CPU_CAPABILITY="avx2"),
        with_variables("haswell", ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2"),
        with_variables("onednn", ONEDNN_MAX_CPU_ISA="AVX2"),
        with_variables("threads", OMP_NUM_THREADS="2"),
        with_words("reverse", "--reverse"),
        with_words("random", "--random-order", f"--random-order-seed={seed}"),
        *(with_variables(f"tokens-{n}", PACELINE_OTHER_TOKENS=str(n)) for n in (1, 2, 3)),
    ]


@dataclass(frozen=True)
class Result:
    passed: int
    failed: tuple[str, ...]
    skipped: int
    seconds: float


def tried(environment: Environment, jobs: str, words: list[str]) -> Result:
    """One run of pytest, counted from its own record."""
    places = [ROOT / "tests" / "other_tokens", *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    variables = {k: v for k, v in os.environ.items() if k not in CLEARED}
    variables |= {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(str(p) for p in places if p),
    }
    with tempfile.TemporaryDirectory() as folder:
        record, started = Path(folder) / "record.xml", time.monotonic()
        program = [sys.executable, "-m", "pytest", "-n", jobs, f"--junitxml={record}"]
        subprocess.run(
            [*program, *environment.words, *words], cwd=ROOT, env=variables | environment.variables
        )
        seconds = time.monotonic() - started
        if not record.exists():  # an option that pytest does not know, or it was ended
            return Result(0, ("pytest ended without a record",), 0, seconds)
        cases = list(xml.parse(record).iter("testcase"))
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = sum(c.find("skipped") is not None for c in cases)
    names = tuple(f"{c.get('classname', '')}::{c.get('name')}" for c in failed)
    return Result(len(cases) - len(failed) - skipped, names, skipped, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = " ".join(e.name for e in environments("1"))
    parser.add_argument("--only", nargs="+", default=[""], help=f"beginnings of: {names}")
    parser.add_argument("--seed", default="1", help="of the random order")
    parser.add_argument("--jobs", default="2", help="tests beside each other")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, words = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    chosen = [e for e in environments(options.seed) if e.name.startswith(tuple(options.only))]
    if not chosen:
        parser.error(f"--only takes beginnings of: {names}")
    rows, failures = [], []
    for environment in chosen:
        shown = f"`{environment.shown}`" if environment.shown else "as it is"
        print(f"\n=== {shown}", flush=True)
        result = tried(environment, options.jobs, words)
        counts = f"{result.passed} | {len(result.failed)} | {result.skipped}"
        rows.append(f"| {shown} | {counts} | {result.seconds / 60:.1f} min |")
        failures += [f"{shown}: {name}" for name in result.failed]
    head = "| environment | passed | failed | skipped | time |\n|---|---|---|---|---|"
    print("", head, *rows, *([""] if failures else []), *failures, sep="\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
