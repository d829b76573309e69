"""compare.json: what a comparison came to, written anew whenever a run has ended."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import config as configuration
from ...config import Config
from ...errors import ConfigError
from .. import disk
from ..run import Run
from ..screen import wall_clock
from .figures import figures
from .launch import Failure
from .planned import Planned
from .words import sentences

Json = dict[str, Any]
ABOUT = (
    "name", "command", "complete", "seeds", "planned", "finished", "failed", "config",
    "asked_threshold",
)  # fmt: skip
"""Keys of compare.json that do not come from the runs."""


class Comparison:
    """A comparison's directory.

    DIR/
      compare.json   the figures: every objective over its seeds, and the differences
      compare.html   one self-contained page
      runs/LABEL/seed-S/   every run, with its own report; seed-S.log is what it said

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path | str) -> "Comparison":
        """An existing one. Raises: ConfigError where there is none."""
        found = cls(path)
        if not found.file.is_file():
            raise ConfigError(f"'{path}' is no comparison: it has no compare.json.")
        return found

    @property
    def file(self) -> Path:
        return self.path / "compare.json"

    @property
    def page(self) -> Path:
        return self.path / "compare.html"

    @property
    def data(self) -> Json:
        """What compare.json holds; empty before two things have a finished run each."""
        if not self.file.is_file():
            return {}
        return json.loads(self.file.read_text(encoding="utf-8"))

    def runs(self) -> dict[str, dict[int, Run]]:
        """Label -> seed -> finished run."""
        return {
            label: {
                seed: Run(self.path / folder)
                for seed, folder in zip(one["seeds"], one["runs"], strict=True)
            }
            for label, one in self.data["objectives"].items()
        }


def write(
    result: Comparison,
    config: Config,
    runs: Sequence[Planned],
    threshold: float | None,
    failures: Sequence[Failure],
) -> bool:
    """Write compare.json from the runs that are finished; not before two labels have one each.

    Returns whether it was written.
    """
    finished: dict[str, dict[int, Run]] = {}
    for one in runs:
        if one.state == "finished":
            finished.setdefault(one.arm.label, {})[one.seed] = one.run
            _give_up_checkpoints(one)
    if len(finished) < 2:
        return False
    in_order = {p.arm.label: finished[p.arm.label] for p in runs if p.arm.label in finished}
    command = shlex.join(["paceline", *sys.argv[1:]]) if sys.argv[1:2] == ["compare"] else None
    about = {
        "name": config.name,
        "command": command,
        "complete": all(p.state == "finished" for p in runs),
        "seeds": sorted({p.seed for p in runs}),
        "planned": len(runs),
        "finished": sum(map(len, finished.values())),
        "failed": [{"run": f.planned.title, "why": f.why} for f in failures],
        "config": configuration.to_json(runs[0].arm.config),
        "asked_threshold": threshold,
    }
    _write(result, about, in_order)
    return True


def renew(result: Comparison) -> None:
    """Compute compare.json again from the runs that it names."""
    data = result.data
    about = {key: data[key] for key in ABOUT}
    _write(result, about, result.runs())


def _write(result: Comparison, about: Json, runs: Mapping[str, Mapping[int, Run]]) -> None:
    data: Json = about | {"written": wall_clock()} | figures(runs, about["asked_threshold"])
    for of in data["objectives"].values():
        of["runs"] = [str(Path(path).relative_to(result.path)) for path in of["runs"]]
    data["sentences"] = sentences(data)
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    disk.replace(result.file, [text.encode()])


def _give_up_checkpoints(one: Planned) -> None:
    """A finished run goes on no more, and thirty checkpoints would fill a disk."""
    if one.arm.config.save_keep:
        shutil.rmtree(one.run.checkpoints, ignore_errors=True)
