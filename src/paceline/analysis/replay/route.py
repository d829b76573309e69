"""The way to where a run stood before a step, found out from its files alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from ... import config as configuration
from ...config import Config
from ...errors import ConfigError, DataError
from ...run import continuation
from ...store.history import (
    SAFE,
    changes_of,
    compare,
    config_at,
    pack_limits_of,
    with_dtype_of_run,
    within,
)
from ...store.records import StepRecord
from ...store.run import Run


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to where a run stood before a step."""

    run: Run
    step: int
    lines: Mapping[int, StepRecord]
    """The lines of metrics.jsonl, by step."""
    found: continuation.Found | None
    """The checkpoint to begin from; None begins with the model that the run began with."""
    config: Config
    """Of the steps that are redone, and of the one that is replayed."""
    packs: Mapping[int, int]
    """The limit of the updates' packs, by the steps taken before it was set: it may change on the
    way, and decides how sums round."""
    notes: tuple[str, ...]
    """Why a later checkpoint is not taken, a sentence each."""

    @property
    def begin(self) -> int:
        """Optimizer steps taken where it begins."""
        return self.found[1].step if self.found else 0

    @property
    def first(self) -> int:
        """The first step of the round."""
        return self.step - self.lines[self.step].part

    @property
    def redone(self) -> range:
        """The steps to redo."""
        return range(self.begin + 1, self.step)

    @property
    def seconds(self) -> float:
        """What these took in the run, sampling and verdicts aside."""
        phases = [self.lines[step].phases for step in self.redone]
        return sum(p.get(name, 0.0) for p in phases for name in ("score", "update", "optimize"))


def way_to(run: Run, step: int) -> Way:
    """Find out how to come to a step, without changing anything.

    Raises: ConfigError for a step that the run does not have, or that lies behind a change of its
        config; DataError where a round that is needed is not on disk.
    """
    lines = {record.step: record for record in run.records()}
    if not lines:
        raise ConfigError(f"'{run.path}' has no step yet; there is nothing to replay.")
    if step not in lines:
        raise ConfigError(f"'{run.path}' has the steps 1 to {max(lines)}, and no step {step}.")
    continuation.config_of(run)  # an old run's config cannot be read
    found, broken = continuation.newest(run, before=step - lines[step].part)
    notes = tuple(f"{path.name} is not taken: {str(why).rstrip('.')}." for path, why in broken)
    config = _config(run, found[1].step if found else 0, step)
    way = Way(run, step, lines, found, config, pack_limits_of(run.config), notes)
    for missing in (s for s in way.redone if s not in lines):
        raise DataError(f"The line of step {missing} is missing in '{run.lines}'.")
    _check_rounds(way)
    return way


def _config(run: Run, begin: int, step: int) -> Config:
    """The config of the steps behind `begin` up to this one.

    Raises: ConfigError where it was changed between them, or the task was changed behind them: its
        problems of then are not known any more.
    """
    data = run.config
    changes = changes_of(data)
    for change in (c for c in changes if c.step >= step):
        if any(within(key, ("task",)) for key in change.keys):
            raise ConfigError(
                f"The run went on with another task after step {change.step}, so that the "
                f"problems of step {step} are not known any more; replay a later step."
            )
    then = config_at(data, step)
    for change in (c for c in changes if begin < c.step < step):
        try:
            compare(config_at(data, change.step), then, ())
        except ConfigError:
            keys = [key for key in change.keys if not within(key, SAFE)]
            raise ConfigError(
                f"The run went on with another {' and another '.join(keys)} after step "
                f"{change.step}; a replay that begins at step {begin} reaches the steps up to "
                "that one, and later ones only from a checkpoint at that step or behind it."
            ) from None
    return with_dtype_of_run(configuration.from_json(then), data)


def _check_rounds(way: Way) -> None:
    """Raise DataError where a round is missing that the way leads through."""
    run, last = way.run, way.lines[way.step].round
    if not any(run.rollouts.glob("round-*.parquet")):
        raise DataError(
            f"'{run.path}' has no rounds on disk, and a replay redoes the updates from them."
        )
    begin = 0 if way.found is None else way.found[1].rounds - (way.found[1].round is not None)
    for index in range(begin, last + 1):
        if not run.rollouts_of(index).is_file():
            raise DataError(
                f"Round {index} of '{run.path}' is not on disk ({run.rollouts_of(index).name}), "
                f"and step {way.step} cannot be come to without it."
            )
