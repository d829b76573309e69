"""A comparison: the same start, problems and evaluation for all compared settings, several seeds
each, and conclusions."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...config import Config, Line, labelled
from ...errors import ConfigError, RunsFailedError
from ...objective.named import Named
from ...run.entry import entry
from ...run.screen import Screen
from ...run.signals import Interrupts
from ...store.places import default_path
from .arms import Arm, arms_of, arms_of_configs
from .comparison import About, Comparison, owned, write
from .kl import measure_kl
from .launcher import INSIDE_VARIABLE, Failure, Launcher
from .page import write_page
from .planned import Planned, planned
from .preflight import check_all
from .stages import train_stages
from .terminal import tell_plan, tell_result


@entry
def compare(
    config: Config | Mapping[str, Config] | Line,
    objectives: Mapping[str, Named] | Sequence[str | Named] = (),
    *,
    vary: Mapping[str, Sequence[object]] | None = None,
    seeds: int = 5,
    out: Path | str | None = None,
    jobs: int = 1,
    threshold: float | None = None,
    quiet: bool = False,
) -> Comparison:
    """Compare objectives, values of any key, or whole configs, over several seeds.

    Example: compare(recipes.demo(), ["grpo", "gspo", "gspo(low=1e-3)"], seeds=5)

    Args:
        config: the config of all runs; or several by label, which are compared with each other; or
            a `Line`, whose stages are trained first, if they are not there.
        objectives: names, file.py:value, values of the named ones, or a mapping of labels to
            values. The others are compared with the first.
        vary: key -> its values; with objectives, each of them with every value.
        seeds: number of runs of each; they have the seeds config.seed, config.seed + 1, …
        out: the directory; if None comparisons/NAME. Runs that are already finished there, of the
            same comparison or of one with other objectives or fewer seeds, are used; unfinished
            ones are resumed.
        jobs: number of runs at once.
        threshold: held-out accuracy up to which samples and seconds are counted; if None, half of
            the way from the start to the best mean at the end.

    Raises: UserError with one sentence, before any long work, for an error that the user can fix;
        RunsFailedError at the end, if some failed; Interrupted for a signal, when every run has
        saved.
    """
    _check_numbers(seeds, jobs, threshold)
    seed, arms = _asked(config, labelled(objectives), vary or {})
    name = name_of_comparison(config)
    path = Path(out) if out is not None else default_path(name, "comparisons")
    runs = planned(arms, range(seed, seed + seeds), path)
    result, screen = Comparison(path), Screen(0, quiet=quiet)
    about = About(name, runs, threshold)
    with Interrupts() as interrupts, owned(path), _inside():
        if isinstance(config, Line):
            train_stages(config, screen, interrupts)
        with screen.busy("checking every configuration"), interrupts.interruptible():
            preflights = check_all(runs, path, jobs)
        tell_plan(name, preflights, runs, path, jobs, screen)
        launcher = Launcher(runs, jobs, screen, interrupts, partial(_so_far, result, about, screen))
        try:
            failures = launcher.go()
            about = replace(about, failures=failures)
            written = write(result, about)
            measure_kl([p for p in runs if p.state == "finished"], screen, interrupts)
        except KeyboardInterrupt:
            screen.say("The same command continues where this one stopped.", "yellow")
            raise
        if written:
            write_page(result)
            tell_result(result, screen)
    if failures:
        raise _failed(failures, len(runs), shown=written)
    return result


def name_of_comparison(config: Config | Mapping[str, Config] | Line) -> str:
    """The name of a comparison of this, and so of its directory."""
    return config.name if isinstance(config, Config | Line) else "comparison"


def _asked(
    config: Config | Mapping[str, Config] | Line,
    objectives: Mapping[str, Named],
    vary: Mapping[str, Sequence[object]],
) -> tuple[int, list[Arm]]:
    """The first seed and the arms of a comparison."""
    if isinstance(config, Config):
        return config.seed, arms_of(config, objectives, vary)
    configs = config.ways if isinstance(config, Line) else config
    if objectives:
        raise ConfigError(
            "Several configs are compared as they are, each with its own objective; leave the "
            "objectives out, or give one config."
        )
    if not configs:
        raise ConfigError("There is no config to compare; give one, or several by label.")
    return next(iter(configs.values())).seed, arms_of_configs(configs, vary)


def _check_numbers(seeds: int, jobs: int, threshold: float | None) -> None:
    if seeds < 1 or jobs < 1:
        raise ConfigError(f"seeds is {seeds} and jobs is {jobs}; both must be at least 1.")
    if threshold is not None and not 0 < threshold <= 1:
        raise ConfigError(
            f"threshold is {threshold:g}; it is a share of right answers, such as 0.7."
        )
    if os.environ.get(INSIDE_VARIABLE):
        raise ConfigError(
            "The script that makes the comparison was loaded again within it, for a part of its "
            'own; put the call of paceline.compare under if __name__ == "__main__":.'
        )


@contextmanager
def _inside() -> Iterator[None]:
    """Mark everything that is loaded meanwhile, here or in a run's process, as part of a
    comparison."""
    os.environ[INSIDE_VARIABLE] = "1"
    try:
        yield
    finally:
        del os.environ[INSIDE_VARIABLE]


def _so_far(result: Comparison, about: About, screen: Screen, _: Planned) -> None:
    """Write the present results after each run. An error here is reported, and fails no run."""
    try:
        if write(result, about):
            write_page(result)
    except Exception as error:
        told = f"the figures so far could not be written ({type(error).__name__}: {error})"
        screen.say_once(told, once_for="so far")


def _failed(failures: Sequence[Failure], of: int, *, shown: bool) -> RunsFailedError:
    first = failures[0]
    few = "" if shown else ", so no two settings have a finished run to compare"
    return RunsFailedError(
        f"{len(failures)} of {of} runs failed{few}; the first of them is {first.planned.title}: "
        f"{first.why}. The same command tries them again.",
        shown=shown,
    )
