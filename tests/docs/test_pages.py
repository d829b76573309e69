"""Every page of the documentation: links lead somewhere, commands parse, keys exist."""

import ast
import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator

import pytest

import paceline
from paceline import errors, recipes
from paceline.analysis.compare.arms import arms_of, arms_of_configs, varied
from paceline.cli import commands as doing
from paceline.cli.comparing import compared
from paceline.cli.configured import changed, config_of, overrides
from paceline.cli.parser import parsed
from paceline.config import Config, Line, apply, keys, labelled, split, to_json
from paceline.tasks import every_source
from tests.helpers.markdown import DOCS, ROOT, Page, pages

PAGES = pages()
EACH = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
ABROAD = ("https://arxiv.org/abs/", "https://keepachangelog.com/", "https://semver.org/")
"""Where links may lead that no test follows."""
FOREIGN = {
    "rollout.n", "problem.data", "problem.answer", "problem.raw_answer", "a.b",
    "algo.advantage.estimator",
    "kl_ctrl.kl_coef", "completion.text", "completion.opened", "completion.turn", "self.first",
    "machine.sandbox", "paceline.train", "paceline.resume",
    "Trainer.step", "functools.wraps", "python3.12", "math.isfinite", "rng.normals", "task.KEY",
    "tiny.model",
}  # fmt: skip
"""Dotted words in backticks that are no keys: others' names, and fields of records."""
SUFFIXES = (
    ".json", ".jsonl", ".html", ".txt", ".toml", ".py", ".csv", ".parquet", ".md", ".svg",
    ".safetensors", ".gguf", ".broken", ".log", ".png",
)  # fmt: skip


# Links ----------------------------------------------------------------------------------------


@EACH
def test_links_and_pictures_exist(page):
    for target in page.links:
        if target.startswith("https://"):
            assert target.startswith(ABROAD), target
            continue
        path, _, place = target.partition("#")
        there = (page.path.parent / path).resolve() if path else page.path
        assert there.exists(), target
        if place:
            anchors = Page.of(there.relative_to(ROOT)).anchors
            assert place in anchors, f"{target}: there is no such heading"


def test_every_page_can_be_reached_from_the_index():
    reached = {DOCS / "README.md", ROOT / "README.md"}
    ways = [DOCS / "README.md"]
    while ways:
        page = Page.of(ways.pop().relative_to(ROOT))
        for target in page.links:
            there = (page.path.parent / target.partition("#")[0]).resolve()
            if there.suffix == ".md" and there not in reached:
                reached.add(there)
                ways.append(there)
    assert {page.path for page in PAGES if page.path.is_relative_to(DOCS)} - reached == set()


def test_every_picture_is_shown():
    shown = {(page.path.parent / target).resolve() for page in PAGES for target in page.links}
    pictures = {path for kind in ("svg", "png") for path in DOCS.rglob(f"*.{kind}")}
    assert pictures - shown == set()


# Commands and keys ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like the one that the pages speak of, to which a page's files are added."""
    run = tmp_path / "runs" / "demo"
    (run / "model").mkdir(parents=True)
    config = {"config": to_json(recipes.demo())}
    for name in ("demo", "tiny", "mine"):
        (tmp_path / "runs" / name / "model").mkdir(parents=True, exist_ok=True)
        path = tmp_path / "runs" / name / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
    for name in ("halves", "whole", "RUN"):
        (tmp_path / name / "model").mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def commands(page: Page) -> Iterator[str]:
    """The page's paceline commands; not those that show a pattern or a mistake."""
    for command in page.commands():
        words = shlex.split(command)
        if words[0] != "paceline" or len(words) <= 2 or words[1].isupper() or "…" in command:
            continue
        if "num_generations=8" in words or {"RECIPE", "RUN", "KEY=VALUE", "NAME"} & set(words):
            continue
        yield shlex.join(words[: words.index(">")] if ">" in words else words)


def configured(command: str) -> Config | None:
    """What the command line makes of a command, as far as that goes without a model."""
    known, rest = parsed(shlex.split(command)[1:])
    changes = overrides(rest, known)
    if known.run in (doing.do_train, doing.do_show, doing.do_audit, doing.do_check):
        return changed(config_of(known.recipe), changes)
    if known.run is doing.do_compare:
        config = compared(known, changes)
        objectives, vary = labelled(split(known.objectives or "")), varied(known.vary)
        if isinstance(config, Config):
            assert len(arms_of(config, objectives, vary)) > 1
            return config
        assert not objectives
        ways = config.ways if isinstance(config, Line) else config
        assert len(arms_of_configs(ways, vary)) > 1
        return None
    if known.run is doing.do_resume:
        return changed(config_of(f"{known.path}/config.json"), changes)
    if known.run in (doing.do_eval, doing.do_sample):
        return doing.model_config(known, changes)
    if known.run is doing.do_tasks and known.name:
        return changed(config_of("demo"), {"task": known.name, **changes})
    assert not changes, command
    return None


@EACH
def test_every_command_parses_and_its_keys_exist(page, folder):
    for block in page.blocks:
        if block.file:
            (folder / block.file).write_text(block.code, encoding="utf-8")
    for command in commands(page):
        configured(command)


@pytest.mark.parametrize("command", ["paceline trane demo", "paceline train demo --nosuch=1"])
def test_the_check_would_see_a_wrong_command(command, folder):
    with pytest.raises((SystemExit, errors.ConfigError)):
        configured(command)


def configs() -> list[Config]:
    return [recipes.demo().with_(task=source()) for source in every_source().values()]


@EACH
def test_every_dotted_name_exists(page):
    for code in page.inline:
        name, equals, value = code.strip("-").partition("=")
        name = name.split(" ")[0]
        if not re.fullmatch(r"[a-z_]\w*(\.\w+)+", name) or name in FOREIGN:
            continue
        if name.endswith(SUFFIXES):
            continue
        if name.startswith("paceline."):
            importlib.import_module(name)
            continue
        if name.startswith("run."):
            assert hasattr(paceline.Run, name.split(".")[1]), name
            continue
        having = [c for c in configs() if name in {key.path for key in keys(c)}]
        assert having, f"there is no key '{name}'"
        if equals and "…" not in value:
            apply(having[-1], {name: value})


def test_names_are_looked_at():
    seen = [name for page in PAGES for name in page.inline if name.startswith("rollouts.")]
    assert len(seen) > 40
    assert sum(len(list(commands(page))) for page in PAGES) > 60


@EACH
def test_python_compiles_and_json_parses(page):
    for block in page.blocks:
        assert block.language in ("bash", "python", "toml", "text"), block.code
        if block.language == "python":
            compile(block.code, page.name, "exec")
    for code in page.inline:
        if code.startswith('{"') and ":" in code:
            json.loads(code)


@EACH
def test_names_that_python_imports_are_there(page):
    for code in page.code("python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("paceline"):
                room = importlib.import_module(node.module or "")
                assert [a.name for a in node.names if not hasattr(room, a.name)] == []


@EACH
def test_formulas_use_what_github_shows(page):
    # GitHub refuses \operatorname, and Markdown eats a backslash before punctuation.
    for formula in re.findall(r"^\$\$\n(.*?)\n\$\$$", page.text, re.M | re.S):
        assert not re.search(r"\\operatorname|\\[^A-Za-z]", formula), formula
