"""The commands, their flags and their help."""

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, get_args

from .. import __version__
from ..errors import ConfigError, nearest
from ..settings import TrackerName
from .commands import (
    do_audit,
    do_chat,
    do_check,
    do_compare,
    do_eval,
    do_export,
    do_push,
    do_recipes,
    do_replay,
    do_report,
    do_resume,
    do_sample,
    do_sandbox,
    do_show,
    do_tasks,
    do_track,
    do_train,
    do_watch,
)
from .configured import CHAT_KEYS, EVAL_KEYS, SAMPLE_KEYS, TASKS_KEYS

RECIPE_HELP = "a recipe's name, file.py:function, a config.toml, or a run's config.json"
"""Help of the argument RECIPE."""
KEYS_HELP = "Any other key of the config: --optimizer.lr 1e-6 or optimizer.lr=1e-6."
"""Last lines of the help of commands that take keys."""
Command = Callable[[str, Callable[..., int | None], str], argparse.ArgumentParser]
"""Adds a command: its name, what it runs, its line of help."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences of ours."""

    def error(self, message: str) -> NoReturn:
        told = f"{message[:1].upper()}{message[1:].rstrip('.')}"
        raise ConfigError(f"{told}. `{self.prog} --help` lists what can be given.")


def parsed(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The flags of a command line, and the words that are no flags.

    Raises: ConfigError for an unknown command, and for flags that are missing or wrong.
    """
    made = parser()
    commands = made.get_default("commands")
    if not words[0].startswith("-") and words[0] not in commands:
        raise ConfigError(
            f"There is no command '{words[0]}'.{nearest(words[0], list(commands))} There are "
            f"{', '.join(commands)}."
        )
    known, rest = made.parse_known_args(words)
    if known.command == "compare":
        while rest and not rest[0].startswith("-") and "=" not in rest[0]:
            known.more.append(rest.pop(0))
    return known, rest


def parser() -> argparse.ArgumentParser:
    """The parser of every command with its flags; all that it does not know are keys of the
    config."""
    made = _Parser(
        "paceline",
        description="Reinforcement learning with verifiable rewards for language models.",
        epilog="First steps: paceline train demo",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"paceline {__version__}")
    adding = made.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[..., int | None], help: str) -> argparse.ArgumentParser:
        one = adding.add_parser(name, help=help, description=help, allow_abbrev=False)
        one.set_defaults(run=run, command=name)
        return one

    _add_training(command)
    _add_comparing(command)
    _add_use(command)
    _add_parts(command)
    made.set_defaults(commands=tuple(adding.choices))
    return made


def _add_recipe(command: argparse.ArgumentParser) -> None:
    recipe = command.add_argument("recipe", metavar="RECIPE", help=RECIPE_HELP)
    recipe.required = False  # the command asks for it, and can say which there are


def _add_training(command: Command) -> None:
    """Commands that start from a recipe or resume a run."""
    train = command("train", do_train, "Train a model as a recipe says.")
    _add_recipe(train)
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")
    train.add_argument("--resume", action="store_true", help="resume the run if there is one")
    _add_common(train)

    resume = command("resume", do_resume, "Resume a run that was stopped, for any reason.")
    resume.add_argument("path", metavar="RUN", help="the run directory")
    resume.add_argument("--quiet", action="store_true", help="print nothing but errors")
    resume.epilog = "Keys: steps=N for more steps, or any other key to change from here on."

    show = command("show", do_show, "Print a resolved config and its objective.")
    show.add_argument("recipe", metavar="RECIPE", nargs="?", default="demo", help=RECIPE_HELP)
    show.add_argument("--keys", action="store_true", help="every key with its value and help")
    show.add_argument("--objectives", action="store_true", help="every objective by name")
    show.add_argument("--json", action="store_true", help="as JSON that `train` takes")
    _add_common(show)

    check = command("check", do_check, "Find in seconds what would fail, and what a run will need.")
    _add_recipe(check)
    check.add_argument("--json", action="store_true", help="print JSON only")
    check.add_argument(
        "--memory", type=float, metavar="GB",
        help="tell which ways to train the model fit a card of this memory, and check nothing else;"
        " --model may then be a number of parameters, such as 7B",
    )  # fmt: skip
    _add_common(check)

    audit = command("audit", do_audit, "Find out what a recipe's reward pays for, before training.")
    _add_recipe(audit)
    audit.add_argument("--no-model", action="store_true", help="the reward alone: seconds")
    audit.add_argument("--rounds", type=int, default=2, help="rounds to sample (default 2)")
    audit.add_argument("--page", metavar="DIR", help="where the page goes (default: audits/NAME)")
    audit.add_argument("--json", action="store_true", help="print JSON only")
    _add_common(audit)


def _add_comparing(command: Command) -> None:
    """Commands that compare."""
    about = "Compare objectives, any setting, or recipes, over seeds."
    compare = command("compare", do_compare, about)
    compare.set_defaults(more=[])
    compare.usage = "paceline compare RECIPE [RECIPE …] [FLAGS] [KEYS]"
    _add_recipe(compare)
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
    compare.add_argument(
        "--threshold", type=float, help="count samples and time up to this accuracy"
    )
    compare.add_argument("--quiet", action="store_true", help="print nothing but errors")
    compare.add_argument("--json", action="store_true", help="print JSON only")
    _add_common(compare)

    replay = command("replay", do_replay, "Recompute a step of a run under other objectives.")
    replay.add_argument("path", metavar="RUN", help="the run directory")
    replay.add_argument("--step", type=int, required=True, help="an optimizer step of it, from 1")
    replay.add_argument(
        "--objective", metavar="NAME,…", action="append", default=[],
        help="grpo,'gspo(low=1e-3)',file.py:name; may be repeated (default: a few of the family)",
    )  # fmt: skip
    replay.add_argument("--page", metavar="FILE", help="the page (default: in the run directory)")
    replay.add_argument("--json", action="store_true", help="print JSON only")


def _add_use(command: Command) -> None:
    """Commands that use a model or a run."""
    evaluate = command("eval", do_eval, "Measure a model's accuracy on a task's held-out problems.")
    evaluate.add_argument("model", metavar="MODEL", help="a model, or a run directory")
    evaluate.add_argument("--task", help="the task's name (default: the run's own, or arithmetic)")
    evaluate.add_argument("--json", action="store_true", help="print JSON only")
    evaluate.epilog = f"Keys: {', '.join(EVAL_KEYS)}."

    sample = command("sample", do_sample, "Let a model answer a prompt.")
    sample.add_argument("model", metavar="MODEL", help="a model, or a run directory")
    sample.add_argument("prompt", metavar="PROMPT", help="the user's message")
    sample.add_argument("-n", type=int, default=1, help="how many answers (default 1)")
    sample.add_argument("--greedy", action="store_true", help="the likeliest answer")
    sample.epilog = f"Keys: {', '.join(SAMPLE_KEYS)}."

    chat = command("chat", do_chat, "Talk with a model, and see its answers judged.")
    chat.add_argument("model", metavar="MODEL", help="a model, or a run directory")
    chat.add_argument("--task", help="the task's name (default: the run's own, or arithmetic)")
    chat.add_argument("--greedy", action="store_true", help="the likeliest answers")
    chat.epilog = f"Keys: {', '.join(CHAT_KEYS)}."

    export = command(
        "export", do_export, "Write a run's model for others, and let their code prove it."
    )
    export.add_argument("path", metavar="RUN", help="the run directory")
    export.add_argument(
        "--to", default="folder", metavar="FORM",
        help="folder (Hugging Face, default), adapter (PEFT), gguf (llama.cpp) or ollama",
    )  # fmt: skip
    export.add_argument(
        "--out", metavar="PATH", help="where it goes (default: a name in RUN/export)"
    )
    export.add_argument(
        "--dtype", default="auto", metavar="TYPE",
        help="bf16, f16, f32, for gguf and ollama also q8_0 (default: as the run's model is)",
    )  # fmt: skip
    export.add_argument(
        "--prompts", type=int, default=8, metavar="N",
        help="held-out problems that every reader is asked (default 8)",
    )  # fmt: skip
    export.add_argument("--json", action="store_true", help="print JSON only")

    push = command("push", do_push, "Put a run's model into a repository of the hub.")
    push.add_argument("path", metavar="RUN", help="the run directory")
    push.add_argument("repository", metavar="USER/NAME", help="the repository; made if need be")
    push.add_argument("--public", action="store_true", help="a new one is seen by everybody")
    push.add_argument(
        "--to", default="folder", metavar="FORM",
        help="folder (default), adapter, gguf or ollama; exported first, if it was not yet",
    )  # fmt: skip

    watch = command("watch", do_watch, "Show the reports of runs in a browser while they go on.")
    watch.add_argument("paths", metavar="RUN", nargs="+", help="run directories, side by side")
    watch.add_argument("--port", type=int, help="a port of this machine (default: 7860, or above)")

    track = command("track", do_track, "Send a run to trackers, such as wandb, now.")
    track.add_argument("path", metavar="RUN", help="the run directory")
    track.add_argument(
        "trackers", metavar="TRACKER", nargs="+", choices=get_args(TrackerName),
        help=f"one or several of {', '.join(get_args(TrackerName))}",
    )  # fmt: skip

    report = command("report", do_report, "Write the page of a run or of a comparison again.")
    report.add_argument("path", metavar="DIR", help="the directory of either")


def _add_parts(command: Command) -> None:
    """Commands about the parts of a run."""
    command("recipes", do_recipes, "List the recipes.")

    tasks = command("tasks", do_tasks, "List the tasks, or prove that a task's gold answers score.")
    tasks.add_argument(
        "what", choices=["list", "check"], nargs="?", default="list",
        help="list all (default), or check one",
    )  # fmt: skip
    tasks.add_argument("name", metavar="NAME", nargs="?", help="the task to check")
    tasks.add_argument("--json", action="store_true", help="print JSON only")
    tasks.epilog = f"Keys: {', '.join(TASKS_KEYS)}; such as task.path=rows.jsonl task.reward=boxed."

    sandbox = command("sandbox", do_sandbox, "Try the sandbox for generated code on this machine.")
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
        "data": ("PATH", "file, folder or hub name of the task's rows"),
    }
    parser.set_defaults(flags=tuple(flags))
    for name, (metavar, help) in flags.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=help)
    parser.epilog = f"{KEYS_HELP} `paceline show RECIPE --keys` lists them."
