"""docs/data.md says what is: its keys, its commands, its tables."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from paceline import cli
from paceline.errors import DataError
from paceline.store.kept import Kept
from paceline.tasks import Code, Demonstrations, Preferences, Rows
from paceline.tasks.pair_forms import PREFERENCES
from paceline.tasks.row_forms import DEMONSTRATIONS
from tests.helpers.markdown import ROOT, Page, plain, tables

PAGE = Page.of("docs/data.md")
TEXT, blocks = PAGE.text, PAGE.code


def test_every_key_exists():
    named = set(re.findall(r"\btask\.([a-z_]+)", TEXT))
    tasks = (Rows, Code, Demonstrations, Preferences, Kept)
    there = {field.name for task in tasks for field in fields(task)}
    assert len(named) > 10 and named <= there


def test_the_commands_parse(monkeypatch):
    monkeypatch.chdir(ROOT)
    commands = [line for block in blocks("bash") for line in block.replace("\\\n", "").splitlines()]
    made = []
    for command in commands:
        known, rest = cli.parser().parse_known_args(shlex.split(command)[1:])
        made.append(cli.changed(cli.config_of(known.recipe), cli.overrides(rest, known)))
    assert [type(config.task) for config in made] == [Rows, Rows, Demonstrations, Kept]
    assert made[1].task.user == "{prompt}\n{input}"


def test_the_forms_are_those_that_are_read():
    (rows,) = tables(PAGE.section("Rows that bring their completions"))
    told = [plain(row)[0] for row in rows]
    assert told == [form.name for form in (*DEMONSTRATIONS, *PREFERENCES)]


def test_the_example_loads(monkeypatch):
    monkeypatch.chdir(ROOT)
    said: dict[str, object] = {}
    (code,) = blocks("python")
    exec(code, said)
    assert len(said["task"].train) + len(said["task"].heldout) == 25  # type: ignore[attr-defined]


def test_the_message_is_what_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ('{"prompt": "1?", "answer": "A"}', '{"prompt": "2?", "answer": "B"}')
    last = '{"prompt": "3?", "answer": "Paris"}'
    Path("rows.jsonl").write_text("\n".join([*rows, last]))
    with pytest.raises(DataError) as refused:
        Rows("rows.jsonl", reward="choice").load()
    (shown,) = blocks("text")
    told = re.sub(r"[0-9a-f]{16}", "ID", f"paceline: {refused.value}")
    assert told == " ".join(re.sub(r"[0-9a-f]{16}", "ID", shown).split())
