"""Whether a change of form changed a result: what small trainings come to, recorded and compared.

    python benchmarks/unchanged.py record before.json
    python benchmarks/unchanged.py check before.json
    python benchmarks/unchanged.py check before.json --only gspo

To be recorded before a change that should move code and nothing else, and checked behind it, on one
machine: what is recorded is exact to the bit, and so belongs to a processor. It is made with what
users call (`paceline.train`, `paceline.resume`) and read from the files of a run.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

import paceline
from paceline.config import Config
from paceline.objective import named
from paceline.recipes import demo, tiny

OBJECTIVES = (
    "reinforce", "rloo", "grpo", "dr_grpo", "gspo", "dapo", "cispo", "sapo", "reinforce_pp", "opo",
    "gmpo", "luspo",
)  # fmt: skip
CLOCKED = {"seconds", "phases", "tokens_per_second", "memory_gb", "time"}
"""What no run repeats."""


def trainings() -> Iterator[tuple[str, Callable[[Path], Path]]]:
    """Each by a name, as a function that trains into a folder and returns the run's."""
    short = tiny().with_(steps=8)
    for name in OBJECTIVES:
        objective = getattr(named, name)()
        yield f"tiny, {name}", trained(short.with_(objective=objective))
        two = {"schedule.minibatches": 2, "steps": 8}
        yield f"tiny, {name}, two updates a round", trained(short.with_(objective=objective, **two))
    yield "tiny, kl 0.05", trained(short.with_(objective=named.grpo(kl=0.05)))
    yield (
        "tiny, dapo, groups with signal only",
        trained(short.with_(objective=named.dapo(), **{"rollouts.accept": "signal"})),
    )
    yield (
        "tiny, a reference that follows",
        trained(
            short.with_(
                objective=named.grpo(kl=0.05), **{"reference.every": 3, "reference.alpha": 0.5}
            )
        ),
    )
    yield "tiny, stopped and resumed", resumed(short.with_(save_every=4))
    for dtype in ("fp32", "bf16"):
        few = {"steps": 6, "model.dtype": dtype, "evaluation.problems": 20, "save_every": 0}
        yield f"demo, six steps in {dtype}", trained(demo().with_(**few))


def trained(config: Config) -> Callable[[Path], Path]:
    def run(folder: Path) -> Path:
        return Path(paceline.train(config.with_(out=str(folder / "run")), quiet=True).path)

    return run


def resumed(config: Config) -> Callable[[Path], Path]:
    """Half of the steps, then the others."""

    def run(folder: Path) -> Path:
        half = config.with_(out=str(folder / "run"), steps=config.steps // 2)
        path = Path(paceline.train(half, quiet=True).path)
        longer = config.with_(out=str(folder / "run"))
        return Path(paceline.resume(path, longer, named=("steps",), quiet=True).path)

    return run


def told(run: Path) -> dict[str, Any]:
    """What a run came to: its weights, what was measured, the rounds it learned from."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    summary = json.loads((run / "summary.json").read_text())
    return {
        "weights": [
            [file.name, hashlib.sha256(file.read_bytes()).hexdigest()]
            for file in sorted((run / "model").glob("*.safetensors"))
        ],
        "metrics": [unclocked(json.loads(line)) for line in lines],
        "rounds": {
            file.name: hashlib.sha256(
                json.dumps(parquet.read_table(file).to_pylist(), default=str).encode()
            ).hexdigest()
            for file in sorted((run / "rollouts").glob("*.parquet"))
        },
        "summary": unclocked({key: summary.get(key) for key in ("before", "after")}),
    }


def unclocked(value: Any) -> Any:
    """Plain JSON without what the clock says."""
    if isinstance(value, dict):
        return {key: unclocked(one) for key, one in value.items() if key not in CLOCKED}
    return [unclocked(one) for one in value] if isinstance(value, list) else value


def difference(before: Any, now: Any, where: str = "") -> str:
    """The first place at which two values differ, or ""."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            if found := difference(before.get(key), now.get(key), f"{where}.{key}"):
                return found
        return ""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return next((f for at, (a, b) in pairs if (f := difference(a, b, f"{where}[{at}]"))), "")
    return "" if before == now else f"{where.lstrip('.')}: {before!r} is now {now!r}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("record", "check"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="", help="those whose name has this text")
    options = parser.parse_args()
    before = json.loads(options.file.read_text()) if options.what == "check" else {}
    found: dict[str, Any] = {}
    changed = 0
    for name, train in trainings():
        if options.only not in name or (before and name not in before):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[name] = json.loads(json.dumps(told(train(Path(folder)))))
        differs = difference(before[name], found[name]) if before else ""
        changed += bool(differs)
        print(f"{name}: {differs or ('the same' if before else 'recorded')}", flush=True)
    if not before:
        options.file.write_text(json.dumps(found, indent=1) + "\n")
    return min(changed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
