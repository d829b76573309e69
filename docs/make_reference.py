"""Writes the pages of docs/reference from the code: commands, keys, metrics, columns of a round.

    python docs/make_reference.py

A test compares the pages with what this makes.
"""

import argparse
import dataclasses
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from paceline import errors
from paceline.cli.parser import parser
from paceline.config import Config, keys
from paceline.config.text import field_helps
from paceline.store.records import Bin, Event, Measured, StepRecord, Summary
from paceline.store.rollout_row import RolloutRow, columns
from paceline.tasks import Arithmetic, every_source

FOLDER = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/make_reference.py from the code; do not edit. -->\n"
SIGNALS = (
    ("129", "a closed terminal (SIGHUP)"),
    ("130", "Ctrl-C (SIGINT)"),
    ("143", "SIGTERM"),
)
ROUNDS = """\
Each round is a parquet file, `rollouts/round-000000.parquet` and so on, and each completion a row
of it. pandas, polars, DuckDB and every other reader of parquet open it:

```python
import pandas

rows = pandas.read_parquet("runs/demo/rollouts/round-000000.parquet")
print(rows[["prompt", "completion", "reward", "reason"]])
```

The texts in `tokens` join to `completion`, spaces and all, but for those that `special` marks,
which stand there by their names. A character that several tokens make stands at the last of them,
and the others are empty (◌ in the pages); `�` is a byte that belongs to no character.
"""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(line) + " |" for line in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def escaped(text: str) -> str:
    """Text for a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def paragraph(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((text or "").strip().split("\n\n")[0].split())


def page(title: str, *parts: str) -> str:
    """A page from its title and its parts."""
    return "\n\n".join([f"# {title}", MADE.strip(), *(part.strip() for part in parts)]) + "\n"


# Commands -------------------------------------------------------------------------------------


def cli() -> str:
    """reference/cli.md."""
    (commands,) = [
        action.choices
        for action in parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    codes = [("0", "it did what it was asked to")]
    codes += [
        (str(kind.exit_code), escaped(paragraph(kind.__doc__)).rstrip("."))
        for kind in errors.UserError.__subclasses__()
    ]
    return page(
        "Commands",
        "Every key of a [config](config.md) may be given to the commands that take a recipe, as "
        "`--optimizer.lr 1e-6` or `optimizer.lr=1e-6`.",
        *(_command(name, one) for name, one in commands.items()),
        "## Common flags",
        "They are keys like all others, under a shorter name where the key lies deeper.",
        _arguments(commands["train"], common=True),
        "## Exit codes",
        "A mistake that a user can fix is one sentence on stderr, without a traceback. Any other "
        "error keeps its traceback, and the exit code is 1.",
        table(("code", "means"), [*codes, *SIGNALS]),
    )


def _command(name: str, one: argparse.ArgumentParser) -> str:
    parts = [f"## {name}", paragraph(one.description), _arguments(one)]
    if one.get_default("flags"):
        parts.append("It takes the [common flags](#common-flags) and any other key of the config.")
    elif one.epilog:
        parts.append(one.epilog)
    return "\n\n".join(part for part in parts if part)


def _arguments(one: argparse.ArgumentParser, *, common: bool = False) -> str:
    """The table of a command's own arguments, or of those that it shares with others."""
    shared = one.get_default("flags") or ()
    rows = [
        (f"`{_argument(action)}`", escaped(action.help or ""))
        for action in one._actions
        if not isinstance(action, argparse._HelpAction) and (action.dest in shared) == common
    ]
    return table(("argument", "means"), rows) if rows else ""


def _argument(action: argparse.Action) -> str:
    value = action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else "")
    name = ", ".join(action.option_strings)
    if not name:
        return str(value or action.dest)
    takes = action.nargs != 0
    return f"{name} {value or action.dest.upper()}" if takes else name


# Keys -----------------------------------------------------------------------------------------


def config() -> str:
    """reference/config.md."""
    whole = Config(name="NAME", task=Arithmetic())
    found = [key for key in keys(whole) if not key.path.startswith("task.")]
    own = [key for key in found if "." not in key.path]
    parts = [
        "The keys of a run, with the default that a recipe may change: `paceline show RECIPE "
        "--keys` lists them with the recipe's values. Where a key takes several words, write "
        "`--key 'a b'` or `key=a,b`.",
        "## Of the whole run",
        _keys(own, without=("name", "task")),
    ]
    for field in dataclasses.fields(whole):
        section = getattr(whole, field.name)
        inside = [key for key in found if key.path.startswith(f"{field.name}.")]
        if inside:
            said = paragraph(type(section).__doc__).removeprefix(f"Config section `{field.name}`: ")
            parts += [f"## {field.name}", said[:1].upper() + said[1:], _keys(inside)]
    parts += [
        "## Tasks",
        "`task` is the name of one of these; their keys are written `task.KEY`.",
    ]
    for name, source in every_source().items():
        of_task = [
            key
            for key in keys(dataclasses.replace(whole, task=source()))
            if key.path.startswith("task.")
        ]
        parts += [f"### {name}", paragraph(source.__doc__), _keys(of_task)]
    return page("Keys", *parts)


def _keys(found: Iterable[Any], without: tuple[str, ...] = ()) -> str:
    rows = []
    for key in found:
        default = "–" if key.path in without else f"`{_default(key)}`"
        rows.append((f"`{key.path}`", escaped(key.type_name), default, escaped(key.help)))
    return table(("key", "takes", "default", "means"), rows)


def _default(key: Any) -> str:
    if key.path == "objective":
        return "grpo"
    if isinstance(key.value, tuple):
        return ",".join(map(str, key.value)) or "()"
    if isinstance(key.value, str):
        return escaped(repr(key.value)) if not key.value or " " in key.value else key.value
    return str(key.value).lower() if key.value in (None, True, False) else f"{key.value}"


# Metrics and rounds ---------------------------------------------------------------------------


def metrics() -> str:
    """reference/metrics.md."""
    return page(
        "Metrics",
        "What a run writes down, key by key. In Python, `Run.open(path).records()` gives the "
        "steps.",
        "Steps count from 1. Rounds count from 0, as their files do "
        "(`rollouts/round-000000.parquet`). The parts of a round count from 0 in the files, and "
        "from 1 where a printed text or a page names them (`part 1 of 2`).",
        "## metrics.jsonl",
        _record(StepRecord),
        "## A measurement",
        "On held-out problems: `evaluation` of a step, `before` and `after` of the summary.",
        _record(Measured),
        "## A bin of its reliability",
        _record(Bin),
        "## events.jsonl",
        _record(Event),
        "## summary.json",
        _record(Summary),
    )


def _record(kind: type) -> str:
    helps = field_helps(kind)
    rows = [
        (f"`{field.name}`", escaped(helps.get(field.name, "")))
        for field in dataclasses.fields(kind)
        if field.name not in ("unknown", "absent")
    ]
    said = inspect.cleandoc(kind.__doc__ or "").split("\n\nExample:")[0]
    text = "\n\n".join(" ".join(part.split()) for part in said.split("\n\n"))
    return "\n\n".join([text, table(("key", "is"), rows)])


def rollouts() -> str:
    """reference/rollouts.md."""
    helps = field_helps(RolloutRow)
    rows = [(f"`{name}`", f"`{kind}`", escaped(helps[name])) for name, kind in columns().items()]
    return page("Columns of a round", ROUNDS, table(("column", "type", "is"), rows))


def pages() -> Iterator[tuple[str, str]]:
    """(name, text) of every page."""
    for make in (cli, config, metrics, rollouts):
        yield f"{make.__name__}.md", "\n".join(_wrapped(make()))


def _wrapped(text: str) -> Iterator[str]:
    """Lines of at most 120 characters, but for tables and code."""
    for line in text.split("\n"):
        if len(line) <= 120 or line.startswith("|"):
            yield line
        else:
            yield from textwrap.wrap(line, 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, made in pages():
        (FOLDER / name).write_text(made, encoding="utf-8")
