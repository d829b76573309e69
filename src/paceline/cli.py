"""The command line: help that fits a screen, and every config key by its path."""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, Interrupted, RewardError, RunsFailedError, UserError

if TYPE_CHECKING:
    from .config import Config

RECIPE_HELP = "a recipe's name, file.py:function, a config.toml, or a run's config.json"
KEYS_HELP = "Any other key of the config: --optimizer.lr 1e-6 or optimizer.lr=1e-6."
FLAGS = ("objective", "task", "model", "data", "out", "steps", "seed")
Command = Callable[[str, Callable[..., int | None], str], argparse.ArgumentParser]
"""Adds a command: its name, what it runs, its line of help."""
SHORT = {"model": ("model.path",), "data": ("task.data", "task.path")}
"""Flags that stand for a key deeper down: the first one that the config has."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. A user's mistake is one sentence on stderr; what their
    reward raised stands above it with its traceback."""
    parser = _parser()
    words = sys.argv[1:] if arguments is None else list(arguments)
    known, rest = parser.parse_known_args(words)
    try:
        return known.run(known, overrides(rest, known)) or 0
    except UserError as error:
        if isinstance(error, RewardError):
            from .verify.trace import of_reward

            sys.stderr.write(of_reward(error))
        print(f"paceline: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `paceline show demo | head`
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "paceline",
        description="Reinforcement learning with verifiable rewards for language models.",
        epilog="First steps: paceline train demo",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[..., int | None], help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    _add_training(command)
    _add_comparing(command)
    _add_use(command)
    _add_parts(command)
    return parser


def _add_training(command: Command) -> None:
    """What starts from a recipe, and what goes on with a run."""
    train = command("train", _train, "Train a model as a recipe says.")
    train.add_argument("recipe", metavar="RECIPE", help=RECIPE_HELP)
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")
    train.add_argument("--resume", action="store_true", help="go on with the run if there is one")
    _add_common(train)

    resume = command("resume", _resume, "Go on with a run that was stopped, by whatever.")
    resume.add_argument("path", metavar="RUN", help="the run directory")
    resume.add_argument("--quiet", action="store_true", help="print nothing but errors")
    resume.epilog = "Keys: steps=N for more of them, or any other that shall change from here on."

    show = command("show", _show, "Print a resolved config and its objective.")
    show.add_argument("recipe", metavar="RECIPE", nargs="?", default="demo", help=RECIPE_HELP)
    show.add_argument("--keys", action="store_true", help="every key with its value and help")
    show.add_argument("--objectives", action="store_true", help="every objective by name")
    show.add_argument("--json", action="store_true", help="as the JSON that `train` takes")
    _add_common(show)

    check = command("check", _check, "Find in seconds what would fail, and what a run will need.")
    check.add_argument("recipe", metavar="RECIPE", help=RECIPE_HELP)
    check.add_argument("--json", action="store_true", help="print JSON only")
    _add_common(check)

    audit = command("audit", _audit, "Find out what a recipe's reward pays for, before training.")
    audit.add_argument("recipe", metavar="RECIPE", help=RECIPE_HELP)
    audit.add_argument("--no-model", action="store_true", help="the reward alone: seconds")
    audit.add_argument("--rounds", type=int, default=2, help="rounds to sample (default 2)")
    audit.add_argument("--page", metavar="DIR", help="where the page goes (default: audits/NAME)")
    audit.add_argument("--json", action="store_true", help="print JSON only")
    _add_common(audit)


def _add_comparing(command: Command) -> None:
    """What sets one thing against another."""
    compare = command("compare", _compare, "Compare objectives, or any setting, over seeds.")
    compare.add_argument("recipe", metavar="RECIPE", help=RECIPE_HELP)
    compare.add_argument(
        "--objectives", metavar="NAME,…",
        help="grpo,gspo,'gspo(low=1e-3)',file.py:name; compared with the first",
    )  # fmt: skip
    compare.add_argument(
        "--vary", metavar="KEY=V,…", action="append", default=[],
        help="values of a key, such as optimizer.lr=1e-6,5e-6; may be repeated",
    )  # fmt: skip
    compare.add_argument("--seeds", type=int, default=5, help="runs of each (default 5)")
    compare.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    compare.add_argument("--threshold", type=float, help="accuracy to count samples and time to")
    compare.add_argument("--quiet", action="store_true", help="print nothing but errors")
    compare.add_argument("--json", action="store_true", help="print JSON only")
    _add_common(compare)

    replay = command("replay", _replay, "Recompute a step of a run under other objectives.")
    replay.add_argument("path", metavar="RUN", help="the run directory")
    replay.add_argument("--step", type=int, required=True, help="an optimizer step of it, from 1")
    replay.add_argument(
        "--objective", metavar="NAME,…", action="append", default=[],
        help="grpo,'gspo(low=1e-3)',file.py:name; may be repeated (default: a few of the family)",
    )  # fmt: skip
    replay.add_argument("--page", metavar="FILE", help="the page (default: in the run directory)")
    replay.add_argument("--json", action="store_true", help="print JSON only")


def _add_use(command: Command) -> None:
    """What is done with a model or a run."""
    evaluate = command("eval", _eval, "Measure a model's accuracy on a task's held-out problems.")
    evaluate.add_argument("model", metavar="MODEL", help="a model, or a run directory")
    evaluate.add_argument("--task", help="the task's name (default: the run's own, or arithmetic)")
    evaluate.add_argument("--json", action="store_true", help="print JSON only")
    evaluate.epilog = "Keys: task.KEY, evaluation.KEY, rollouts.max_tokens, seed, model.dtype."

    sample = command("sample", _sample, "Let a model answer a prompt.")
    sample.add_argument("model", metavar="MODEL", help="a model, or a run directory")
    sample.add_argument("prompt", metavar="PROMPT", help="what the user says")
    sample.add_argument("-n", type=int, default=1, help="how many answers (default 1)")
    sample.add_argument("--greedy", action="store_true", help="the likeliest answer")
    sample.epilog = "Keys: rollouts.max_tokens, evaluation.temperature, evaluation.top_p, seed."

    report = command("report", _report, "Write the page of a run or of a comparison again.")
    report.add_argument("path", metavar="DIR", help="the directory of either")


def _add_parts(command: Command) -> None:
    """What a run is made of."""
    command("recipes", _recipes, "List the recipes.")

    tasks = command("tasks", _tasks, "List the tasks, or prove that a task's gold answers score.")
    tasks.add_argument("what", choices=["list", "check"], nargs="?", default="list")
    tasks.add_argument("name", metavar="NAME", nargs="?", help="the task to check")
    tasks.add_argument("--json", action="store_true", help="print JSON only")
    tasks.epilog = "Keys: task.KEY, such as task.path=rows.jsonl task.reward=boxed."

    sandbox = command("sandbox", _sandbox, "Try the sandbox for generated code on this machine.")
    sandbox.add_argument("what", choices=["test"], help="run every attack of the suite")
    sandbox.add_argument(
        "--tier", choices=["auto", "namespaces", "landlock"], default="auto",
        help="which wall (default: the one that training would take)",
    )  # fmt: skip
    sandbox.add_argument("--json", action="store_true", help="print JSON only")


def _add_common(parser: argparse.ArgumentParser) -> None:
    """The flags that most runs set. They are keys like all others; --help should name them."""
    flags = {
        "out": ("DIR", "where it goes (default: runs/NAME, the next free; comparisons/NAME)"),
        "steps": ("N", "optimizer steps"),
        "seed": ("S", "decides every random number"),
        "objective": ("NAME", "grpo, gspo, …, 'gspo(low=1e-3)' or file.py:name"),
        "model": ("MODEL", "a folder, hub name, .gguf file or package:NAME"),
        "task": ("NAME", "a task's name (`paceline tasks`)"),
        "data": ("PATH", "where the task's rows are"),
    }
    for name, (metavar, help) in flags.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=help)
    parser.epilog = f"{KEYS_HELP} `paceline show RECIPE --keys` lists them."


def overrides(rest: Sequence[str], known: argparse.Namespace) -> dict[str, str]:
    """Keys and texts from what argparse did not know: --a.b v, --a.b=v and a.b=v."""
    flags = vars(known)
    chosen = FLAGS if known.run in (_train, _compare, _check, _show, _audit) else ()
    found = {name: flags[name] for name in chosen if flags[name] is not None}
    words = list(rest)
    while words:
        word = words.pop(0)
        key, equals, text = word.removeprefix("--").partition("=")
        if not equals:
            if not word.startswith("--") or not words:
                raise ConfigError(f"'{word}' is no key with a value; write {key}=VALUE.")
            text = words.pop(0)
        found[key.replace("-", "_")] = text
    return found


def changed(config: "Config", changes: dict[str, str]) -> "Config":
    """The config with keys changed; short flags become the keys that they stand for."""
    from .config import apply, keys

    first = ("task", "objective")
    config = apply(config, {k: v for k, v in changes.items() if k in first})
    have = {key.path for key in keys(config)}
    rest = {
        next((path for path in SHORT.get(key, ()) if path in have), key): text
        for key, text in changes.items()
        if key not in first
    }
    return apply(config, rest)


def config_of(recipe: str) -> "Config":
    """The config that a recipe's name, file.py:function, config.toml or config.json stands for."""
    from . import config, recipes
    from .verify import load_function

    if recipe.endswith(".toml") or recipe.endswith(".json"):
        path = Path(recipe)
        if not path.is_file():
            raise ConfigError(f"There is no file '{recipe}'.")
        if recipe.endswith(".toml"):
            name, changes = config.read_toml(path)
            return changed(config_of(name), changes)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ConfigError(f"'{recipe}' is no JSON file: {error}.") from None
        if not isinstance(data, dict) or "config" not in data:
            raise ConfigError(f"'{recipe}' is no run's config.json: it has no key 'config'.")
        return config.from_json(data["config"]).with_(out=None)
    if ":" in recipe:
        made = load_function(recipe)()
        if not isinstance(made, config.Config):
            raise ConfigError(f"'{recipe}' returns no Config.")
        return made
    return recipes.by_name(recipe)


def _configured(known: argparse.Namespace, changes: dict[str, str]) -> "Config":
    return changed(config_of(known.recipe), changes)


def _train(known: argparse.Namespace, changes: dict[str, str]) -> None:
    config = _configured(known, changes)
    from .run import resume, train
    from .run.run import default_path

    path = Path(config.out) if config.out else default_path(config.name)
    if known.resume and (path / "config.json").is_file():
        resume(path, config, quiet=known.quiet)
    else:
        train(config.with_(out=str(path)) if known.resume else config, quiet=known.quiet)


def _resume(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .run import Run, resume
    from .run.resuming import config_of

    config = changed(config_of(Run.open(known.path)), changes)
    named = [path for key in changes for path in (key, *SHORT.get(key, ()))]
    resume(known.path, config, named=named, quiet=known.quiet)


def _compare(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .config import split
    from .run.compare import Comparison, compare
    from .run.compare.arms import varied
    from .run.run import default_path

    out, one = changes.pop("out", None), changes.get("objective", "")
    if "," in one.partition("(")[0] or (one and known.objectives):
        raise ConfigError(
            "--objective names the one objective under which values of a key are compared (--vary);"
            " objectives that are compared stand in --objectives grpo,gspo."
        )
    config = _configured(known, changes)
    path = Path(out) if out else default_path(config.name, "comparisons")
    try:
        compare(
            config,
            split(known.objectives or ""),
            vary=varied(known.vary),
            seeds=known.seeds,
            out=path,
            jobs=known.jobs,
            threshold=known.threshold,
            quiet=known.quiet or known.json,
        )
    except RunsFailedError:
        if known.json:
            _print_json(Comparison(path).data)
        raise
    if known.json:
        _print_json(Comparison(path).data)


def _print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, allow_nan=False))


def _check(known: argparse.Namespace, changes: dict[str, str]) -> None:
    config = _configured(known, changes)
    from .run.tell_check import tell_check

    words = (f"{key}={text}" for key, text in changes.items())
    command = shlex.join(["paceline", "train", known.recipe, *words])
    tell_check(config, command, as_json=known.json)


def _audit(known: argparse.Namespace, changes: dict[str, str]) -> int:
    from .run.audit import audit

    config = _configured(known, changes)
    if known.rounds < 1:
        raise ConfigError(f"--rounds is {known.rounds}; it must be at least 1.")
    made = audit(
        config,
        model=not known.no_model,
        rounds=known.rounds,
        out=Path(known.page or f"audits/{config.name}"),
        as_json=known.json,
    )
    return 0 if made.sound else RewardError.exit_code


def _show(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from . import config as configuration
    from .objective import named

    if known.objectives:
        for name, function in named.NAMES.items():
            print(f"{name:14}{_first_line(function)}")
        return
    config = _configured(known, changes)
    if known.json:
        print(json.dumps({"config": configuration.to_json(config)}, ensure_ascii=False, indent=2))
        return
    for key in configuration.keys(config):
        shown = type(key.value).__name__.lower() if key.path == "task" else key.value
        print(f"{key.path} = {shown}")
        if known.keys:
            print(f"    {key.help} ({key.type_name})")


def _recipes(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from . import recipes

    _refuse(changes)
    for name, function in recipes.NAMES.items():
        print(f"{name:10}{_first_line(function)}")


def _eval(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from dataclasses import asdict

    from .run import evaluate_model

    evaluation = evaluate_model(_model_config(known, changes), quiet=known.json)
    if known.json:
        print(json.dumps(asdict(evaluation), ensure_ascii=False, allow_nan=False))


def _sample(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .run import answers

    config = _model_config(known, changes)
    texts = answers(config, known.prompt, known.n, greedy=known.greedy)
    print("\n---\n".join(texts))


def _model_config(known: argparse.Namespace, changes: dict[str, str]) -> "Config":
    """The config under which a model is used: its run's, else that of the task's own recipe."""
    from . import recipes

    path, task = Path(known.model), vars(known).get("task")
    is_run = (path / "metrics.jsonl").is_file()
    if is_run and not (path / "model").is_dir():
        raise ConfigError(f"The run '{path}' has no model yet: it was stopped, or is going on.")
    model = {"path": str(path / "model") if is_run else known.model}
    if is_run and task is None:
        return changed(config_of(str(path / "config.json")).with_(model=model), changes)
    # A task's own recipe knows how long its answers are.
    start = config_of(task if task in recipes.NAMES else "demo").with_(model=model)
    return changed(start, {**({"task": task} if task else {}), **changes})


def _report(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .run import Run
    from .run.compare import Comparison, renew, write_page
    from .run.report import write_report

    _refuse(changes)
    if (Path(known.path) / "compare.json").is_file():
        comparison = Comparison.open(known.path)
        renew(comparison)
        print(write_page(comparison))
    else:
        print(write_report(Run.open(known.path).path))


def _replay(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .config import split
    from .run.replay.tell import tell_replay

    _refuse(changes)
    asked = [name for text in known.objective for name in split(text)]
    tell_replay(known.path, known.step, asked, page=known.page, as_json=known.json)


def _tasks(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .run.check_task import check_task, tell_tasks

    if known.what == "list":
        _refuse(changes)
        tell_tasks(as_json=known.json)
        return
    if known.name is None:
        raise ConfigError(
            "`paceline tasks check` wants a task's name; `paceline tasks` lists them."
        )
    config = changed(config_of("demo"), {"task": known.name, **changes})
    check_task(config.task, config.rewards, as_json=known.json)


def _sandbox(known: argparse.Namespace, changes: dict[str, str]) -> None:
    from .run.check_sandbox import tell_suite

    _refuse(changes)
    tell_suite(known.tier, as_json=known.json)


def _refuse(changes: dict[str, str]) -> None:
    if changes:
        raise ConfigError(f"This command takes no key '{next(iter(changes))}'.")


def _first_line(function: Any) -> str:
    return (function.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
