"""The commands, each a function of its flags and of the keys that were changed.

Heavy modules are imported where they are used, so that `paceline --help` is quick.
"""

import argparse
import inspect
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, RewardError, RunsFailedError
from ..terminal import print_json, print_line
from ..text import summary
from .comparing import compared
from .configured import (
    CHAT_KEYS,
    EVAL_KEYS,
    SAMPLE_KEYS,
    SHORT_FLAGS,
    TASKS_KEYS,
    changed,
    config_of,
    configured,
    refuse_idle,
    task_name,
)

if TYPE_CHECKING:
    from ..config import Config


def do_train(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Train a model, or with --resume resume its run."""
    config = configured(known, changes)
    from ..run import resume, train
    from ..store.folder import is_run
    from ..store.places import default_path

    path = Path(config.out) if config.out else default_path(config.name)
    if known.resume and is_run(path):
        resume(path, config, quiet=known.quiet)
    else:
        train(config.with_(out=str(path)) if known.resume else config, quiet=known.quiet)


def do_resume(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Resume a run that was stopped."""
    from ..config import CHOSEN, chosen
    from ..run import Run, resume
    from ..run.continuation import config_of

    instead = {key: chosen(key, changes[key]) for key in CHOSEN if key in changes}
    config = changed(config_of(Run.open(known.path), instead), changes)
    named = [path for key in changes for path in (key, *SHORT_FLAGS.get(key, ()))]
    resume(known.path, config, named=named, quiet=known.quiet)


def do_compare(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Compare objectives, values of a key, or recipes, over seeds."""
    from ..analysis.compare import Comparison, compare, name_of_comparison
    from ..analysis.compare.arms import varied
    from ..config import split
    from ..store.places import default_path

    out, one = changes.pop("out", None), changes.get("objective", "")
    if "," in one.partition("(")[0] or (one and known.objectives):
        raise ConfigError(
            "--objective names the one objective under which values of a key are compared (--vary);"
            " name the objectives to compare in --objectives grpo,gspo."
        )
    vary = varied(known.vary)
    of_task = [key for key in changes if key.startswith("task.")]
    if "task" in vary and of_task:
        raise ConfigError(
            f"--vary task takes every task with its own defaults, so {of_task[0]} would apply to "
            "none of them; leave it out, or write the tasks in a file."
        )
    config = compared(known, changes)
    path = Path(out) if out else default_path(name_of_comparison(config), "comparisons")
    try:
        compare(
            config,
            split(known.objectives or ""),
            vary=vary,
            seeds=known.seeds,
            out=path,
            jobs=known.jobs,
            threshold=known.threshold,
            quiet=known.quiet or known.json,
        )
    except RunsFailedError as error:
        if known.json and error.shown:
            print_json(Comparison(path).data)
        raise
    if known.json:
        print_json(Comparison(path).data)


def do_check(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Check a config, and estimate memory, disk and time."""
    config = configured(known, changes)
    if known.memory is not None:
        from .print_fits import print_fits

        print_fits(config, known.memory, as_json=known.json)
        return
    from .print_check import print_check

    words = (f"{key}={text}" for key, text in changes.items())
    command = shlex.join(["paceline", "train", known.recipe, *words])
    print_check(config, command, as_json=known.json)


def do_audit(known: argparse.Namespace, changes: dict[str, str]) -> int:
    """Audit a recipe's reward; returns RewardError's exit code if it is not sound."""
    from ..analysis.audit import audit, write_audit
    from ..analysis.audit.record import as_record
    from ..analysis.audit.terminal import print_audit
    from ..run.screen import Screen
    from ..store.places import refuse_unwritable

    config = configured(known, changes)
    if known.rounds < 1:
        raise ConfigError(f"--rounds is {known.rounds}; it must be at least 1.")
    out = Path(known.page or f"audits/{config.name}")
    refuse_unwritable(out, "--page")
    screen = Screen(0, quiet=known.json)
    made = audit(config, model=not known.no_model, rounds=known.rounds, screen=screen)
    write_audit(made, out)
    if known.json:
        print_json(as_record(made), indent=2)
    else:
        print_audit(made, screen, out)
    return 0 if made.sound else RewardError.exit_code


def do_show(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Print a config, key by key or as JSON, or the list of objectives."""
    from .. import config as configuration
    from ..objective import named
    from ..verify import name_of

    if known.objectives:
        _print_list(named.NAMES)
        return
    config = configured(known, changes)
    if known.json:
        print_json({"config": configuration.to_json(config)}, indent=2)
        return
    for key in configuration.keys(config):
        shown = task_name(config.task) if key.path == "task" else key.value
        shown = name_of(shown) if inspect.isfunction(shown) else shown
        print_line(f"{key.path} = {shown}")
        if known.keys:
            print_line(f"    {key.help} ({key.type_name})")


def do_recipes(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """List the recipes."""
    from .. import recipes

    _refuse(changes)
    _print_list({**recipes.NAMES, **recipes.LINES})


def do_eval(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Measure a model's accuracy on held-out problems."""
    from dataclasses import asdict

    refuse_idle("eval", changes, EVAL_KEYS)
    from ..run import evaluate_model

    evaluation = evaluate_model(model_config(known, changes), quiet=known.json)
    if known.json:
        print_json(asdict(evaluation))


def do_sample(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Print a model's answers to a prompt."""
    refuse_idle("sample", changes, SAMPLE_KEYS)
    from ..run import answers

    config = model_config(known, changes)
    texts = answers(config, known.prompt, known.n, greedy=known.greedy)
    print("\n---\n".join(texts))


def do_chat(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Talk with a model."""
    refuse_idle("chat", changes, CHAT_KEYS)
    from .print_chat import chat

    chat(model_config(known, changes), greedy=known.greedy)


def model_config(known: argparse.Namespace, changes: dict[str, str]) -> "Config":
    """The config under which a model is used: its run's, else that of the task's own recipe."""
    from .. import recipes
    from ..store.folder import is_run

    path, task = Path(known.model), vars(known).get("task")
    if is_run(path):
        from ..run import Run
        from ..run.inference import config_of_model

        config = config_of_model(Run.open(path))
        if task is None:
            return changed(config, changes)
        model = {"path": config.model.path}
    else:
        model = {"path": known.model}
    # A task's own recipe knows how long its answers are.
    start = config_of(task if task in recipes.NAMES else "demo").with_(model=model)
    return changed(start, {**({"task": task} if task else {}), **changes})


def do_export(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Write a run's model in a form that others use, proved by others' code."""
    from .print_export import export_and_print

    _refuse(changes)
    export_and_print(known)


def do_push(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Put a run's model into a repository of the hub."""
    from ..export import push
    from ..run.screen import Screen

    _refuse(changes)
    screen = Screen(0)
    with screen.busy("pushing"):
        address = push(
            known.path, known.repository, public=known.public, to=known.to, told=screen.say
        )
    screen.say(f"pushed to {address}")


def do_watch(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Serve the reports of runs while they go on."""
    from ..companion import give_way
    from ..report.live import LiveServer

    _refuse(changes)
    give_way()
    with LiveServer([Path(path) for path in known.paths], known.port) as server:
        print_line(f"{server.address} shows {', '.join(known.paths)}; Ctrl-C ends it.")
        server.serve_forever()


def do_track(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Send a run to trackers now."""
    from ..tracking import track

    _refuse(changes)
    for name in known.trackers:
        track(known.path, name, print_line)


def do_report(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Write the page of a run or of a comparison again."""
    from ..analysis.compare import Comparison, held, renew, write_page
    from ..report import write_report
    from ..run import Run

    _refuse(changes)
    if (Path(known.path) / "compare.json").is_file():
        comparison = Comparison.open(known.path)
        with held(comparison.path):
            renew(comparison)
            print(write_page(comparison))
    else:
        print(write_report(Run.open(known.path).path))


def do_replay(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Recompute a step of a run under other objectives."""
    from ..analysis.replay.terminal import as_record, print_replay, replay_to_page
    from ..config import split
    from ..run.screen import Screen

    _refuse(changes)
    asked = [name for text in known.objective for name in split(text)]
    screen = Screen(0, quiet=known.json)
    made, page = replay_to_page(known.path, known.step, asked, page=known.page, screen=screen)
    if known.json:
        print_json(as_record(made) | {"page": str(page)})
    else:
        print_replay(made, page, screen)


def do_tasks(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """List the tasks, or check a task's gold answers."""
    if known.what == "list":
        from ..tasks import every_source

        _refuse(changes)
        if known.json:
            told = {name: summary(source) for name, source in every_source().items()}
            print_json(told, indent=2)
        else:
            _print_list(every_source())
        return
    if known.name is None:
        raise ConfigError(
            "`paceline tasks check` needs a task's name; `paceline tasks` lists them."
        )
    refuse_idle("tasks check", changes, TASKS_KEYS)
    from .print_task import check_task, print_task, refuse_failed

    config = changed(config_of("demo"), {"task": known.name, **changes})
    checked = check_task(config.task, config.rewards)
    if known.json:
        print_json(checked.as_json(), indent=2)
    else:
        print_task(checked)
    refuse_failed(checked)


def do_sandbox(known: argparse.Namespace, changes: dict[str, str]) -> None:
    """Run every attack against the sandbox."""
    from .print_sandbox import print_suite

    _refuse(changes)
    print_suite(known.tier, as_json=known.json)


def _refuse(changes: dict[str, str]) -> None:
    if changes:
        raise ConfigError(f"This command takes no key '{next(iter(changes))}'; leave it out.")


def _print_list(things: Mapping[str, object]) -> None:
    """Names, each with the first paragraph of its docstring."""
    wide = max(map(len, things))
    for name, thing in things.items():
        print_line(f"{name:{wide}}  {summary(thing)}")
