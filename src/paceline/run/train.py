"""The main job: check, load, evaluate, train, evaluate, save, report; and resuming a run that was
stopped."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from .. import config as configuration
from ..config import Config
from ..errors import ACCESS_DENIED, DISK_FULL, CheckpointError, ConfigError
from ..preflight.environment import environment_of
from ..preflight.load import Loaded
from ..preflight.preflight import Preflight, check
from ..store.checkpoint import FoundCheckpoint
from ..store.folder import CONFIG_FILE
from ..store.hints import go_on, start_again
from ..store.history import config_changes, record_resume
from ..store.places import create_run, default_path, new_path, stopped_at
from ..store.records import Event, Measured
from ..store.run import Run
from ..text import counted
from ..verify.calling.pool import VerifierPool
from . import continuation
from .describe import described, tell_plan
from .entry import entry
from .live_view import live_view
from .screen import Screen
from .session import Session
from .signals import Interrupts
from .trackers import tracked


@entry
def train(config: Config, *, before: Measured | None = None, quiet: bool = False) -> Run:
    """Train as a config says, and return the run's directory.

    Args:
        before: held-out accuracy of the model at the start, as a summary has it, if it has already
            been measured in the same way.

    The files that are on disk at the end are listed in `Run`. A signal (Ctrl-C, SIGTERM) or an
    error after the first step saves a checkpoint, the model as it is, the summary and the report,
    and is raised again; before the first step it leaves nothing behind.

    Raises: UserError with one sentence, before the model is loaded, for an error that the user can
        fix; Interrupted (a KeyboardInterrupt) for a signal.
    """
    path = new_path(config.name, config.out)
    screen = Screen(config.steps, quiet=quiet, show_every=config.show_every)
    with Interrupts() as interrupts:
        preflight = _preflight(config, path, screen, interrupts)
        loaded = preflight.loaded
        screen.steps = loaded.config.steps  # passes over rows may have decided it
        tell_plan(preflight, str(path), screen)
        if config.out is None and (said := stopped_at(default_path(config.name))):
            screen.say_once(said)
        run = create_run(path)
        try:
            with _room_for(run):
                run.write_json(CONFIG_FILE, described(loaded).to_json())
                run.append_event(Event.now("started", 0))
                _go(run, loaded, screen, interrupts, before=before)
        finally:
            if run.lines.exists() or run.finished:
                run.release()
            else:  # nothing was learned: the name stays free
                run.remove()
    return run


@entry
def resume(
    path: Path | str,
    config: Config | None = None,
    *,
    named: Collection[str] = (),
    quiet: bool = False,
) -> Run:
    """Continue a run that was stopped, for any reason, as if it had not been.

    Args:
        path: the run's directory.
        config: the config to continue with; None for its own.
        named: keys that may differ from the run's own although they change what comes out.

    A finished run is left as it is, unless the config has more steps. Without a checkpoint a run
    starts again, as long as it had not reached its first one.

    Raises: UserError with one sentence; Interrupted for a signal.
    """
    run = Run.open(path)
    with _room_for(run):
        run.acquire()
        try:
            run.make_folders()
            config = config or continuation.config_of(run)
            screen = Screen(config.steps, quiet=quiet, show_every=config.show_every)
            summary = run.outcome
            longer = config.epochs != run.description.config.get("epochs", config.epochs)
            if config.epochs and "steps" in named and not longer:
                raise ConfigError(
                    f"steps is {config.steps}, but epochs={config.epochs} decides the number of "
                    f"steps; for more, name epochs={config.epochs + 1} or more."
                )
            if summary and summary.finished and config.steps <= summary.steps and not longer:
                more = "epochs=N" if config.epochs else "steps=N"
                on = go_on(run.path, run.description.config, more)
                done = counted(summary.steps, "step")
                screen.say(
                    f"'{run.path}' is finished, after {done}: nothing is "
                    f"left to do. For more, {on}."
                )
            else:
                _resume(run, config, named, screen)
        finally:
            run.release()
    return run


def _resume(run: Run, config: Config, named: Collection[str], screen: Screen) -> None:
    """Check everything that could prevent a resume, go back to the checkpoint, and continue."""
    run.check_readable()
    with Interrupts() as interrupts:
        preflight = _preflight(
            run.description.as_it_began(config), run.path, screen, interrupts, timed=False
        )
        loaded = preflight.loaded
        screen.steps = loaded.config.steps  # passes over rows may have decided it
        config = config.with_(steps=screen.steps)
        if "epochs" in named:  # whoever names the passes means the steps that they take
            named = {*named, "steps"}
        asked = configuration.to_json(config)
        stored = configuration.renewed(continuation.stored_config(run), asked)
        changes = config_changes(run.path, stored, asked, named)
        found, broken = continuation.find(run)
        now = environment_of(loaded)
        continuation.check_fits(run, loaded, now, changes, named, found)
        others = continuation.tell(run, loaded.config, now, changes, found, screen)
        continuation.clear(run, found, broken, screen)
        step = found.state.step if found else 0
        recorded = partial(
            record_resume, run, config, repr(loaded.objective), now, changes, step, others
        )
        found = continuation.with_limits(found, config, run, changes)
        _go(run, loaded, screen, interrupts, found, recorded)


def _go(
    run: Run,
    loaded: Loaded,
    screen: Screen,
    interrupts: Interrupts,
    found: FoundCheckpoint | None = None,
    taken_up: Callable[[], None] = lambda: None,
    *,
    before: Measured | None = None,
) -> None:
    """Continue from the run's current step."""
    config = loaded.config
    with (
        live_view(run.path, screen.say) if config.watch else nullcontext(),
        tracked(run, config.tracker, screen) as follow,
        VerifierPool(loaded.task.verifier, config.rewards) as verifiers,
    ):

        def begins() -> None:
            taken_up()
            follow()

        Session(loaded, run, screen, verifiers, interrupts, found, begins, before).go()


def _preflight(
    config: Config, path: Path, screen: Screen, interrupts: Interrupts, *, timed: bool = True
) -> Preflight:
    busy = screen.busy("checking the configuration, the data and the reward")
    with busy, interrupts.interruptible():
        return check(config, path=path, timed=timed)


@contextmanager
def _room_for(run: Run) -> Iterator[None]:
    """Report, in a sentence, a disk that is full or cannot be written."""
    try:
        yield
    except OSError as error:
        why, file = error.strerror, Path(error.filename or run.path)
        ours = file.absolute().is_relative_to(run.path.absolute())
        if error.errno in DISK_FULL:
            told = f"The disk that holds '{run.path}' is full ({why}); make room"
        elif error.errno in ACCESS_DENIED and ours:
            told = f"'{file}' cannot be written ({why}); make it writable"
        else:
            raise
        raise CheckpointError(f"{told}, then {_again(run)}.") from error


def _again(run: Run) -> str:
    """The advice for a run that was stopped by the disk."""
    if not run.lines.exists():  # nothing was learned, and nothing is left
        return "start it again"
    saved, about = any(run.checkpoints.glob("step-??????")), run.description
    if saved or run.steps <= about.save_every:
        return go_on(run.path, about.config)
    return f"start it again with {start_again(run.path, about.config)}: no step was saved"
