"""The route back to an earlier step of a run, found from its files alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from ... import config as configuration
from ...config import Config
from ...errors import ConfigError, DataError
from ...run import continuation
from ...store.checkpoint import FoundCheckpoint
from ...store.history import (
    SAFE_KEYS,
    config_changes,
    within,
)
from ...store.records import StepRecord
from ...store.run import Run


@dataclass(frozen=True, slots=True)
class Route:
    """A route back to the state of a run before a step."""

    run: Run
    step: int
    lines: Mapping[int, StepRecord]
    """The lines of metrics.jsonl, by step."""
    found: FoundCheckpoint | None
    """The checkpoint to begin from; None begins with the model that the run began with."""
    config: Config
    """The config of the steps that are redone, and of the one that is replayed."""
    packs: Mapping[int, int]
    """The limits of the updates' packs, by the number of steps taken before each was set: a limit
    may change between them, and decides how sums round."""
    notes: tuple[str, ...]
    """Reasons why a later checkpoint is not taken, a sentence each."""

    @property
    def begin(self) -> int:
        """Number of optimizer steps taken at its beginning."""
        return self.found.state.step if self.found else 0

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
        """Seconds that these steps took in the run, without sampling and verdicts."""
        phases = [self.lines[step].phases for step in self.redone]
        return sum(p.get(name, 0.0) for p in phases for name in ("score", "update", "optimize"))


def route_to(run: Run, step: int) -> Route:
    """Find the route back to a step, without changing anything.

    Raises: ConfigError for a step that the run does not have, or that lies behind a change of its
        config; DataError if a needed round is not on disk.
    """
    lines = {record.step: record for record in run.records()}
    if not lines:
        raise ConfigError(f"'{run.path}' has no step yet; there is nothing to replay.")
    if step not in lines:
        raise ConfigError(f"'{run.path}' has the steps 1 to {max(lines)}, and no step {step}.")
    continuation.config_of(run)  # an old run's config cannot be read
    found, broken = continuation.newest(run, before=step - lines[step].part)
    notes = tuple(f"{path.name} is not taken: {str(why).rstrip('.')}." for path, why in broken)
    config = _config(run, found.state.step if found else 0, step)
    route = Route(run, step, lines, found, config, run.description.pack_limits(), notes)
    for missing in (s for s in route.redone if s not in lines):
        raise DataError(f"The line of step {missing} is missing in '{run.lines}'.")
    _check_rounds(route)
    return route


def _config(run: Run, begin: int, step: int) -> Config:
    """The config of the steps from `begin` up to this one.

    Raises: ConfigError if it was changed between them, or the task was changed after them: its
        former problems are not known any more.
    """
    description = run.description
    changes = description.changes
    for change in (c for c in changes if c.step >= step):
        if any(within(key, ("task",)) for key in change.keys):
            raise ConfigError(
                f"The run was resumed with another task after step {change.step}, so the problems "
                f"of step {step} are no longer known; replay a later step."
            )
    then = description.config_at(step)
    for change in (c for c in changes if begin < c.step < step):
        try:
            config_changes(run.path, description.config_at(change.step), then, ())
        except ConfigError:
            keys = [key for key in change.keys if not within(key, SAFE_KEYS)]
            raise ConfigError(
                f"The run was resumed with another {' and another '.join(keys)} after step "
                f"{change.step}. A replay that begins at step {begin} reaches the steps up to that "
                "one; a later step needs a checkpoint of that step or after it."
            ) from None
    return description.as_it_began(configuration.from_json(then))


def _check_rounds(route: Route) -> None:
    """Raise DataError if a round on the route is missing."""
    run, last = route.run, route.lines[route.step].round
    if not any(run.rollouts.glob("round-*.parquet")):
        raise DataError(
            f"'{run.path}' has no rounds on disk, and a replay redoes the updates from them."
        )
    begin = 0
    if route.found is not None:
        state = route.found.state
        begin = state.rounds - (state.round is not None)
    for index in range(begin, last + 1):
        if not run.rollouts_of(index).is_file():
            raise DataError(
                f"Round {index} of '{run.path}' is not on disk ({run.rollouts_of(index).name}), "
                f"and step {route.step} cannot be reached without it."
            )
