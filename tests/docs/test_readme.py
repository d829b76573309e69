"""The README is short, and what it says is so."""

import ast
import inspect
import re
import runpy
import sys
from itertools import pairwise

import pytest

import paceline
from paceline.config import Config
from paceline.objective import named
from paceline.training import Trainer
from paceline.types import Completion, Problem
from paceline.verify import judge
from tests.helpers.markdown import ROOT, Page, no_comments, plain, tables

ENGLISH, CHINESE = Page.of("README.md"), Page.of("README.zh-CN.md")
BOTH = pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["english", "chinese"])


@BOTH
def test_it_is_read_in_a_few_minutes(page):
    assert len(page.text.splitlines()) <= 120
    assert len(page.text.split()) <= 1200


@BOTH
def test_the_output_of_the_demo_is_there(page):
    (output,) = re.findall(r"<!-- demo-output -->\n(.*?)<!-- /demo-output -->", page.text, re.S)
    assert "% [" in output and "docs/report.png" in page.links


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the files that the README has in full."""
    for block in ENGLISH.blocks:
        if block.file:
            (tmp_path / block.file).write_text(block.code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_the_twelve_lines_train_with_their_own_reward(folder, monkeypatch):
    code = (folder / "mine.py").read_text(encoding="utf-8")
    assert len(no_comments(code).splitlines()) == 12
    started: list[Config] = []
    monkeypatch.setattr(paceline, "train", started.append)
    runpy.run_path(str(folder / "mine.py"), run_name="__main__")
    task = started[0].task.load()
    assert len(task.train) + len(task.heldout) == 1000 and started[0].name == "mine"
    problem = Problem("p", "What is 47 + 56?", "103")
    said = {
        "The answer is 103": (1.2, True),
        "Adding 47 and 56 gives exactly 103": (1.0, True),
        "It is 104": (0.0, False),
        "": (0.0, False),
    }
    for words, expected in said.items():
        verdict = judge(task.verifier, problem, Completion((5,), (0.0,), words, "stop"))
        assert (verdict.reward, verdict.solved) == expected, words


def test_the_first_lines_on_algorithms_hold():
    (code,) = [code for code in ENGLISH.code("python") if "assert" in code]
    exec(code, {})


@BOTH
def test_every_algorithm_is_named(page):
    listed = next(line for line in page.prose.splitlines() if line.startswith("`reinforce`"))
    assert re.findall(r"`(\w+)`", listed) == list(named.GROUPS)


@BOTH
def test_the_files_to_read_are_as_long_as_told_to_the_next_ten_lines(page):
    (table,) = tables(page.text)
    for cell, lines, _ in table[:-1]:
        name, place = re.findall(r"`([^`]+)`\]\(([^)]+)\)", cell)[0]
        text = (ROOT / place).read_text(encoding="utf-8")
        if name == "Trainer.step":
            text = inspect.getsource(Trainer.step)
        actual = len(text.splitlines())
        assert abs(actual - int(lines)) <= 5, f"{name} has {actual} lines"
    assert plain(table[-1])[1] == ""


@BOTH
def test_every_line_that_the_demo_left_out_is_marked(page):
    (output,) = re.findall(r"<!-- demo-output -->\n(.*?)<!-- /demo-output -->", page.text, re.S)
    lines = [line.strip() for line in output.splitlines()]
    steps = [i for i, line in enumerate(lines) if re.match(r"\d+/80 ", line)]
    assert len(steps) >= 3
    for before, step in pairwise(steps):
        assert "…" in lines[before + 1 : step], lines[step]


@BOTH
def test_the_words_of_the_output_are_explained(page):
    _, _, behind = page.text.partition("<!-- /demo-output -->")
    said = behind.strip().splitlines()[0]
    assert [word for word in ("`cut`", "`signal`", "reedy") if word not in said] == []


def test_the_same_line_fetches_the_small_torch_everywhere():
    (english, chinese) = (
        re.findall(r"`(make install [^`]+)`", p.text)[0] for p in (ENGLISH, CHINESE)
    )
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert english == chinese and english in pinned


def test_one_file_is_what_the_table_says():
    tree = ast.parse((ROOT / "examples/one_file.py").read_text(encoding="utf-8"))
    assert "GRPO" in (ast.get_docstring(tree) or "")
