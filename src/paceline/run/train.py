"""The main job: check, load, evaluate, train, evaluate, save, report; and going on with a run that
was stopped."""

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from .. import config as configuration
from ..config import Config
from ..verify.judges import Judges
from .plan import described, tell_plan
from .prepare import check
from .resume import (
    Changes,
    Found,
    check_content,
    compare,
    config_of,
    find,
    go_back_to,
    record,
    tell,
)  # fmt: skip
from .run import Run, new_path
from .screen import Screen
from .sitting import Sitting


def train(config: Config, *, quiet: bool = False) -> Run:
    """Train as a config says, and return the run's directory.

    What is on disk when this ends is told in `Run`. A signal (Ctrl-C, SIGTERM) or an error after
    the first step saves a checkpoint, the model as it is, the summary and the report, and is raised
    again; before the first step it leaves nothing behind.

    Raises: UserError with one sentence, before the model is loaded, for what a user can mend;
        Interrupted (a KeyboardInterrupt) for a signal.
    """
    path = new_path(config.name, config.out)
    screen = Screen(config.steps, quiet=quiet)
    with screen.busy("checking the configuration, the data and the reward"):
        checked = check(config)
    tell_plan(checked, str(path), screen)
    run = Run.create(path)
    try:
        run.write_json("config.json", described(checked))
        run.event("started", "", 0)
        with Judges(checked.task.verifier, config.rewards) as judges:
            Sitting(checked, run, screen, judges).go()
    finally:
        run.release()
        if not run.lines.exists():  # nothing was learned: the name stays free
            shutil.rmtree(path, ignore_errors=True)
    return run


def resume(
    path: Path | str,
    config: Config | None = None,
    *,
    named: Collection[str] = (),
    quiet: bool = False,
) -> Run:
    """Go on with a run that was stopped, by whatever, as if it had not been.

    Args:
        path: the run's directory.
        config: what it goes on with; None for its own.
        named: keys that may differ from the run's own although they change what comes out.

    A finished run is left as it is, unless the config has more steps. Without a checkpoint a run
    begins again, as long as it had not come to its first one.

    Raises: UserError with one sentence; Interrupted for a signal.
    """
    run = Run.open(path)
    run.acquire()
    try:
        config = config or config_of(run)
        screen = Screen(config.steps, quiet=quiet)
        if run.finished and config.steps <= run.summary["steps"]:
            screen.say(
                f"'{run.path}' is finished, after {run.summary['steps']} steps: nothing is left to "
                f"do. For more, `paceline resume {run.path} steps=N`."
            )
            return run
        changes = compare(run.config["config"], configuration.to_json(config), named)
        with screen.busy("checking the configuration, the data and the reward"):
            checked = check(config)
        found = find(run, screen)
        check_content(run, checked, changes, named, found)
        tell(run, checked, changes, found, screen)
        record(run, checked, changes, found)
        go_back_to(run, found)
        found = with_limits(found, config, changes)
        with Judges(checked.task.verifier, config.rewards) as judges:
            Sitting(checked, run, screen, judges, found).go()
    finally:
        run.release()
    return run


def with_limits(found: Found | None, config: Config, changes: Changes) -> Found | None:
    """The checkpoint with the config's limits of memory where they were changed; else it knows
    better what fits."""
    if found is None:
        return None
    limits = ("tokens_per_forward", "rows_at_once")
    return found[0], replace(
        found[1], **{key: getattr(config, key) for key in limits if key in changes}
    )
