"""The directory of a comparison, with compare.json: its results, written anew whenever a run has
ended."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from ... import config as configuration
from ...errors import ConfigError
from ...store import atomic
from ...store.base import Json, RecordError, read_object
from ...store.comparison import AboutRecord, ComparisonRecord, FailedRecord, RenewableRecord
from ...store.folder import is_run
from ...store.places import make_directory
from ...store.run import Run
from ...text import wall_clock
from .aggregate import Runs, aggregate
from .conclusions import sentences
from .launcher import Failure
from .planned import Planned


class Comparison:
    """A comparison's directory.

    DIR/
      compare.json   the figures: every objective over its seeds, and the differences
      compare.html   one self-contained page
      runs/LABEL/seed-S/   every run, with its own report; seed-S.log is its output

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path | str) -> "Comparison":
        """Open an existing comparison. Raises: ConfigError if there is none."""
        found = cls(path)
        if not found.file.is_file():
            raise ConfigError(f"'{path}' is not a comparison: it has no compare.json.")
        return found

    @property
    def file(self) -> Path:
        return self.path / "compare.json"

    @property
    def page(self) -> Path:
        return self.path / "compare.html"

    @property
    def data(self) -> Json:
        """The plain JSON of compare.json; empty until two arms have a finished run each."""
        if not self.file.is_file():
            return {}
        return json.loads(self.file.read_text(encoding="utf-8"))

    @property
    def record(self) -> ComparisonRecord:
        """The content of compare.json as a record. Raises: RecordError for a file that this version
        cannot read; FileNotFoundError."""
        return read_object(self.file, ComparisonRecord)

    @property
    def renewable(self) -> RenewableRecord:
        """The part of compare.json that suffices to write it again, in the file of any version.
        Raises: as `record`."""
        return read_object(self.file, RenewableRecord)

    def runs(self) -> dict[str, dict[int, Run]]:
        """Label -> seed -> finished run. Raises: ConfigError if one is gone."""
        return {
            label: {
                seed: Run.open(self.path / folder)
                for seed, folder in zip(one.seeds, one.runs, strict=True)
            }
            for label, one in self.renewable.objectives.items()
        }


@dataclass(frozen=True, slots=True)
class About:
    """Facts about a comparison besides its runs' figures."""

    name: str
    """The name of the recipe."""
    runs: Sequence[Planned]
    threshold: float | None
    """The requested accuracy threshold, if there was one."""
    failures: Sequence[Failure] = ()


def write(result: Comparison, about: About) -> bool:
    """Write compare.json from the runs that are finished, once two labels have one each.

    Returns: True if it was written.
    """
    finished: dict[str, dict[int, Run]] = {p.arm.label: {} for p in about.runs}
    for one in about.runs:
        if one.state == "finished":
            finished[one.arm.label][one.seed] = one.run
            _give_up_checkpoints(one.run)
    if sum(map(bool, finished.values())) < 2:
        return False
    rounds = ({p.first_round for p in about.runs if p.seed == s} for s in _seeds(about.runs))
    command = shlex.join(["paceline", *sys.argv[1:]]) if sys.argv[1:2] == ["compare"] else None
    known = AboutRecord(
        name=about.name,
        command=command,
        complete=all(p.state == "finished" for p in about.runs),
        seeds=_seeds(about.runs),
        planned=len(about.runs),
        finished=sum(map(len, finished.values())),
        failed=tuple(FailedRecord(run=f.planned.title, why=f.why) for f in about.failures),
        config=configuration.to_json(about.runs[0].arm.config),
        baseline=about.runs[0].arm.label,
        asked_threshold=about.threshold,
        same_start=all(len(alike) == 1 for alike in rounds),
    )
    _write(result, known, {label: of for label, of in finished.items() if of})
    return True


def _seeds(runs: Sequence[Planned]) -> tuple[int, ...]:
    return tuple(sorted({p.seed for p in runs}))


def renew(result: Comparison) -> None:
    """Compute compare.json again from the runs that it names.

    Raises: ConfigError if one of them is gone, or the file is of another version.
    """
    try:
        about, runs = result.renewable, result.runs()
    except RecordError as error:
        raise ConfigError(
            f"{str(error).rstrip('.')}; make the comparison again with the same command, which "
            "uses the runs that are finished."
        ) from error
    _write(result, about, runs)


def _write(result: Comparison, about: AboutRecord, runs: Runs) -> None:
    found = aggregate(runs, about.baseline, about.asked_threshold)
    objectives = {
        label: replace(one, runs=tuple(str(Path(p).relative_to(result.path)) for p in one.runs))
        for label, one in found.objectives.items()
    }
    record = ComparisonRecord(
        **about.itself(),
        written=wall_clock(),
        threshold=found.threshold,
        objectives=objectives,
        same_test=found.same_test,
        differences=found.differences,
        made_with=found.made_with,
        sentences=(),
    )
    record = replace(record, sentences=tuple(sentences(record)))
    text = json.dumps(record.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    atomic.replace(result.file, [text.encode()])


def _give_up_checkpoints(run: Run) -> None:
    """A finished run goes on no more, and thirty checkpoints would fill a disk. One that was made
    to keep all of them keeps them."""
    if run.checkpoints.is_dir() and run.description.save_keep:
        shutil.rmtree(run.checkpoints, ignore_errors=True)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold the directory of a comparison by this process alone; one that came to nothing is
    removed.

    Raises: ConfigError if another process has it, or if it holds something else.
    """
    # The last two are left where a process was killed while it wrote.
    known = {
        "runs", "compare.json", "compare.html", ".lock", ".compare.html.part", "compare.json.tmp",
    }  # fmt: skip
    if is_run(path) or (path.exists() and not path.is_dir()):
        raise ConfigError(f"'{path}' is not a place for a comparison; choose another with --out.")
    if path.is_dir() and (others := sorted({p.name for p in path.iterdir()} - known)):
        raise ConfigError(
            f"'{path}' holds other things ('{others[0]}'); choose another directory with --out."
        )
    make_directory(path)
    with held(path):
        try:
            yield
        finally:
            if {p.name for p in path.iterdir()} <= {".lock"}:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold an existing comparison, so that no other process writes to it.

    Raises: ConfigError if one does.
    """
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"Another process is making the comparison in '{path}'; wait for it, or choose another "
            "directory with --out."
        ) from None
    try:
        yield
    finally:
        lock.release()
