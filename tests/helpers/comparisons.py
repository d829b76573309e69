"""Comparisons of runs written by hand."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from paceline import config as configuration
from paceline.analysis.compare.aggregate import Runs, aggregate
from paceline.objective import NAMES
from paceline.recipes import tiny
from paceline.run import Run
from paceline.store.comparison import ComparisonRecord
from paceline.store.records import Measured
from tests.helpers.fake_run import write_lines, write_summary
from tests.helpers.records import a_measurement, a_step, a_summary


def run_of(
    folder: Path,
    accuracies: tuple[float, float, float],
    *,
    refused: int = 0,
    seconds: float = 2.0,
    parts: int = 2,
    torch: str = "2.13",
) -> Run:
    """A finished run of 4 steps in 2 rounds of 8 completions in 2 groups, measured before, after
    step 2 and after step 4. Its folder's parent is named after its objective."""
    folder.mkdir(parents=True)
    first, middle, last = (measured(a) for a in accuracies)
    schedule = {"steps": 4, "schedule.minibatches": parts}
    config = tiny().with_(objective=NAMES[folder.parent.name](), **schedule)
    data = {
        "objective": repr(config.objective), "fingerprints": {"problems": "1a2b"},
        "versions": {"torch": torch}, "machine": {"dtype": "float32"},
        "config": configuration.to_json(config),
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(data))
    plain = {"completions": 8, "groups": 2, "groups_refused": refused, "seconds": seconds}
    steps = [
        a_step(step=step, round=(step - 1) // 2, part=(step - 1) % 2, **plain)
        for step in range(1, 5)
    ]
    steps[1] = steps[1].evaluated(middle)
    write_lines(folder / "metrics.jsonl", steps)
    write_summary(folder, a_summary(steps=4, rounds=2, before=first, after=last))
    return Run(folder)


def measured(accuracy: float) -> Measured:
    """A measurement whose greedy answers are right half as often."""
    return a_measurement(accuracy, greedy_accuracy=accuracy / 2)


def runs_in(folder: Path) -> dict[str, dict[int, Run]]:
    """Three objectives over three seeds; the last one lacks the second, and its rounds refuse a
    group each."""
    made = {
        "grpo": {0: (0.0, 0.4, 0.6), 1: (0.1, 0.4, 0.5), 2: (0.0, 0.5, 0.55)},
        "gspo": {0: (0.0, 0.6, 0.8), 1: (0.1, 0.6, 0.72), 2: (0.0, 0.6, 0.73)},
        "rloo": {0: (0.0, 0.2, 0.3), 2: (0.0, 0.3, 0.8)},
    }
    return {
        label: {
            seed: run_of(folder / label / str(seed), three, refused=int(label == "rloo"))
            for seed, three in of.items()
        }
        for label, of in made.items()
    }


def describe(runs: Mapping[str, Mapping[int, Run]], label: str, **changes: Any) -> None:
    """Change keys of config.json in all runs of a label."""
    for run in runs[label].values():
        run.write_json("config.json", run.config | changes)


def a_record(runs: Runs, **changes: Any) -> ComparisonRecord:
    """The record of a comparison of these runs with grpo."""
    found = aggregate(runs, "grpo")
    about = {
        "name": "tiny", "command": None, "complete": False, "seeds": (0, 1, 2), "planned": 8,
        "finished": 8, "failed": (), "config": configuration.to_json(tiny()), "baseline": "grpo",
        "asked_threshold": None, "same_start": True, "written": "2026-11-28T19:02:11+0000",
        "sentences": (),
    }  # fmt: skip
    figures = {one.name: getattr(found, one.name) for one in fields(found)}
    return ComparisonRecord(**about | figures | changes)
