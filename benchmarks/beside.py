"""What a run pays for those that follow it: the live view with a browser before it, and trackers.

    python benchmarks/beside.py --json beside.json
    python benchmarks/beside.py --recipe tiny --steps 30 --repeat 1

The same run alone and followed, one after the other in changing order, each in a process of its
own. They do the same work step by step, so each step is held against the same step of the run
alone of its repetition; the figure is the median of these ratios, in per cent. `watched` has the
live view with a client that asks as the page in a browser does; `silent` a tracker that never
answers; `tracked` one that is fed, where tensorboardX is installed. Where two runs alone differ by
more than what is looked for, the processor seconds of the processes beside a run say more.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from urllib.request import urlopen

from sides import run_process

from paceline.cli import config_of
from paceline.report.live import LOOK_SECONDS, PORT
from paceline.run import Run, trackers, train

WAYS = ("alone", "watched", "silent", "tracked")
SILENT = "import time\nclass SummaryWriter:\n    def __init__(self, *a, **k): time.sleep(1e6)\n"


def ours(options: argparse.Namespace, way: str, out: str) -> list[str]:
    """The command of one run in a process of its own."""
    words = ["--recipe", options.recipe, "--steps", str(options.steps), "--one", way, out]
    return [sys.executable, __file__, *words]


def one(options: argparse.Namespace, way: str, out: str) -> None:
    """A run, followed in this way or not."""
    config = config_of(options.recipe).with_(
        steps=options.steps, out=out, save_every=0, evaluation={"problems": 0},
        watch=way == "watched", tracker=("tensorboard",) if way in ("silent", "tracked") else (),
    )  # fmt: skip
    if way == "silent":
        tool = Path(out).with_name("tool")
        tool.mkdir(exist_ok=True)
        (tool / "tensorboardX.py").write_text(SILENT)
        os.environ["PYTHONPATH"] = f"{tool}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        trackers.END_SECONDS = 1.0
    with browser() if way == "watched" else nobody():
        train(config, quiet=True)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(out, "beside").write_text(f"{spent.ru_utime + spent.ru_stime}")


@contextmanager
def browser() -> Iterator[None]:
    """A context in which a client asks for the page as a browser that shows it does."""
    over = Event()

    def look() -> None:
        shown = ""
        while not over.wait(LOOK_SECONDS):
            try:
                with urlopen(f"http://127.0.0.1:{PORT}/state.json", timeout=60) as answer:
                    (state,) = json.load(answer)
                if state["version"] != shown:
                    with urlopen(f"http://127.0.0.1:{PORT}/report/0", timeout=60) as answer:
                        answer.read()
                    shown = state["version"]
            except OSError:  # it has not begun to listen
                continue

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def nobody() -> Iterator[None]:
    yield


def beside_of(run: Path) -> float:
    """Processor seconds of the processes beside a run that have ended, its reward's among them."""
    return float((run / "beside").read_text())


def seconds_of(run: Path) -> list[float]:
    """Seconds of each step but the first, which warms up."""
    return [step.seconds for step in Run(run).records()][1:]


def repetition(options: argparse.Namespace, ways: list[str], number: int) -> dict[str, list[float]]:
    """A run in each way, beginning with another one each time."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            out = f"{folder}/{way}"
            run_process(ours(options, way, out), Path(folder) / "log")
            found[way] = seconds_of(Path(out))
            print(f"{way}: {beside_of(Path(out)):.2f} processor seconds beside the run", flush=True)
            shutil.rmtree(out)
            time.sleep(2)  # a tracker's process may still be ending
    return found


def costs(found: list[dict[str, list[float]]], way: str) -> list[float]:
    """Each step's seconds in this way, against the same step alone."""
    return [
        followed / alone - 1
        for one in found
        for followed, alone in zip(one[way], one["alone"], strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS, help="alone among them")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options, *options.one)
        return
    ways = [way for way in options.ways if way != "tracked" or find_spec("tensorboardX")]
    found = [repetition(options, ways, number) for number in range(options.repeat)]
    # What two runs alone would differ by: each repetition against the next.
    noise = [
        abs(a / b - 1)
        for one, two in pairwise(one["alone"] for one in found)
        for a, b in zip(one, two, strict=True)
    ]
    for way in ways:
        seconds = [s for one in found for s in one[way]]
        line = f"{way:8} {statistics.median(seconds):.3f} s a step, {sum(seconds):.1f} s in all"
        if way != "alone":
            ratios = costs(found, way)
            low, _, high = statistics.quantiles(ratios, n=4)
            line += (
                f"; against alone {100 * statistics.median(ratios):+.2f} % "
                f"(middle half {100 * low:+.2f} to {100 * high:+.2f} %)"
            )
        print(line)
    if noise:
        print(f"two runs alone differ by {100 * statistics.median(noise):.2f} % a step (median)")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
