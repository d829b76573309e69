"""A comparison: the same start, problems and evaluation for everything that is compared, several
seeds each, and what they show."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ... import config as configuration
from ...config import Config, labelled
from ...errors import ConfigError, UserError
from ...objective import Objective
from ...training import check_objective
from ..check import Checked, check
from ..check_room import check_disk
from ..plan import fingerprints
from ..resuming import flat, within
from ..run import default_path
from ..screen import Screen
from ..signals import Interrupts
from .arms import Arm, arms_of
from .drift import measure_drift
from .launch import Failure, Launcher
from .page import write_page
from .planned import Planned, planned
from .record import Comparison, write
from .tell import tell_plan, tell_result

ON_THE_WAY = 4
"""Stretches of a run between two evaluations, where the recipe has none on the way."""
OF_THE_UPDATE = ("name", "objective", "optimizer", "schedule", "reference", "steps")
"""Keys, and sections, with which nothing changes that a whole check would find."""


def compare(
    config: Config,
    objectives: Mapping[str, Objective] | Sequence[str | Objective] = (),
    *,
    vary: Mapping[str, Sequence[str]] | None = None,
    seeds: int = 5,
    out: Path | str | None = None,
    jobs: int = 1,
    threshold: float | None = None,
    quiet: bool = False,
) -> Comparison:
    """Compare objectives, or values of any key, over several seeds.

    Example: compare(recipes.demo(), ["grpo", "gspo", "gspo(low=1e-3)"], seeds=5)

    Args:
        objectives: names, file.py:value, values of the named ones, or a mapping of labels to
            values. The others are compared with the first.
        vary: key -> its values as text; with objectives, each of them with every value.
        seeds: runs of each; they have the seeds config.seed, config.seed + 1, …
        out: the directory; if None comparisons/NAME. What is finished there already, of the same
            comparison or of one with other objectives or fewer seeds, is used; what was begun goes
            on where it was.
        jobs: how many runs go on at once.
        threshold: held-out accuracy that samples and seconds are counted to; if None, half of the
            way from the start to the best mean at the end.

    Raises: UserError with one sentence, before any long work, for what a user can mend, and at the
        end where a run failed; Interrupted for a signal, when every run has saved.
    """
    if seeds < 1 or jobs < 1:
        raise ConfigError(f"seeds is {seeds} and jobs is {jobs}; both must be at least 1.")
    arms = arms_of(_evaluated(config), labelled(objectives), vary or {})
    path = Path(out) if out is not None else default_path(config.name, "comparisons")
    runs = planned(arms, range(config.seed, config.seed + seeds), path)
    screen = Screen(0, quiet=quiet)
    with Interrupts() as interrupts:
        with screen.busy("checking every configuration"), interrupts.abandonable():
            checked = _check(runs, path, jobs)
        with _owned(path):
            tell_plan(checked, runs, path, jobs, screen)
            result = Comparison(path)

            def made(_: Planned) -> None:
                if write(result, config, runs, threshold, failures=()):
                    write_page(result)

            failures = Launcher(runs, jobs, screen, interrupts, made).go()
            measure_drift(runs, screen, interrupts)
            if write(result, config, runs, threshold, failures):
                write_page(result)
    tell_result(result, screen)
    _raise(failures, len(runs))
    return result


def _evaluated(config: Config) -> Config:
    """The config with evaluations on the way, at ends of rounds."""
    if not config.evaluation.problems:
        raise ConfigError(
            "A comparison is measured on held-out problems, and evaluation.problems is 0; set it "
            "to 500, say."
        )
    if config.evaluation.every or not config.steps:
        return config
    parts = config.schedule.parts
    rounds = -(-config.steps // parts)
    return config.with_(**{"evaluation.every": -(-rounds // ON_THE_WAY) * parts})


def _check(runs: Sequence[Planned], path: Path, jobs: int) -> Checked:
    """Find what would fail in any of the runs; returns what was found of the first.

    A whole check takes seconds, so that it is made once for all that differ in their update only.
    """
    whole: dict[str, Checked] = {}
    for arm in {id(p.arm): p.arm for p in runs}.values():
        kind = _kind(arm)
        if kind not in whole:
            # One run is timed, for a forecast of all; they are not so different.
            whole[kind] = check(arm.config, path=path, timed=not whole)
        check_objective(arm.config.objective)
        configuration.to_json(arm.config)
    for one in runs:
        one.check(fingerprints(whole[_kind(one.arm)]))
    first = next(iter(whole.values()))
    left = sum(one.state != "finished" for one in runs)
    assert first.estimate is not None
    disk, room = first.estimate.disk, first.estimate.room
    many = replace(
        disk,
        checkpoints=disk.checkpoints * min(jobs, left),
        model=disk.model * left,
        rollouts=disk.rollouts * left,
    )
    check_disk(many, room)
    return first


def _kind(arm: Arm) -> str:
    data = flat(configuration.to_json(arm.config))
    return repr({key: value for key, value in data.items() if not within(key, OF_THE_UPDATE)})


@contextmanager
def _owned(path: Path) -> Any:
    """The directory, held by this process alone."""
    path.mkdir(parents=True, exist_ok=True)
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


def _raise(failures: Sequence[Failure], of: int) -> None:
    if failures:
        first = failures[0]
        raise UserError(
            f"{len(failures)} of {of} runs failed, the first of them {first.planned.title}: "
            f"{first.why}. The same command tries them again."
        )
