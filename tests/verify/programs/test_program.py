"""Programs in completions: where they stand, and how they are run."""

import pytest

from paceline.errors import ConfigError, SandboxError
from paceline.types import Completion, Problem
from paceline.verify import judge
from paceline.verify.answers.form import CUT_OFF, EMPTY_ANSWER, NO_ANSWER, SEVERAL_ANSWERS
from paceline.verify.programs.code import PrintedAnswer
from paceline.verify.programs.program import Block, Running, blocks_in, program_in
from paceline.verify.programs.sandbox import Result, Sandbox
from paceline.verify.shaping.presets import program_of_thought
from tests.helpers.verdicts import fenced, judged


def test_where_a_program_stands():
    assert program_in(fenced("x = 1"), "fence") == ("x = 1\n", "")
    assert program_in("<think>```\nno\n```</think>" + fenced("x = 1"), "fence")[0] == "x = 1\n"
    assert program_in("```js\nx\n```", "fence") == (None, NO_ANSWER)
    assert program_in(fenced("1") + fenced("2"), "fence") == (None, SEVERAL_ANSWERS)
    assert program_in("no program", "fence") == (None, NO_ANSWER)
    assert program_in("print(1)", "text") == ("print(1)", "")
    assert program_in("<answer>print(1)</answer>", "tag") == ("print(1)", "")
    assert program_in("<answer>\n```python\nprint(1)\n```\n</answer>", "tag")[0] == "print(1)\n"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("~~~python\nprint(5)\n~~~\n", "print(5)\n"),
        ("~~~~ py\n~~~\n~~~~~", "~~~\n"),
        ("```py3\nprint(5)\n```", "print(5)\n"),
        ("```Python3.12\nprint(5)\n```", "print(5)\n"),
        ("```{.python .numberLines}\nprint(5)\n```", "print(5)\n"),
        ('```python title="a.py"\nprint(5)\n```', "print(5)\n"),
        ("```python:main.py\r\nprint(5)\r\n```", "print(5)\n"),
        # Never closed, at the end of the text or of the list item.
        ("So:\n```python\nprint(5)", "print(5)\n"),
        ("- ```python\n  print(5)\n\nSo it is.", "print(5)\n\n"),
        # In lists, and indented; what stands deeper inside stays deeper.
        ("1. Do:\n\n   ```python\n   if x:\n       y\n   ```\n", "if x:\n    y\n"),
        ("- a\n  - b\n\n    ```python\n    print(5)\n    ```", "print(5)\n"),
        ("1. Do:\n```python\nprint(5)\n```", "print(5)\n"),
        ("    ```python\n    print(5)\n    ```", "print(5)\n"),
        ("```python\n\tif x:\n\t\ty\n```", "\tif x:\n\t\ty\n"),
        # A fence is closed by one of its own kind that is as long.
        ("````python\n# a\n```\n# b\n````", "# a\n```\n# b\n"),
        ("```python\n~~~\n````", "~~~\n"),
        ("```python\nx\n``` y\n```", "x\n``` y\n"),
        ("````markdown\n```python\nprint(5)\n```\n````", None),
        ("```python print(5)```", None),
        ("> ```python\n> print(5)\n> ```", None),
        ("```pycon\n>>> print(5)\n```", None),
        ("<p>\n```python\nprint(5)\n```\n</p>", "print(5)\n"),
    ],
)
def test_fences_are_those_of_commonmark(text, program):
    assert program_in(text, "fence")[0] == program


def test_a_block_that_was_never_closed_counts_unless_the_text_was_cut():
    text = "```python\nprint(42)\n"
    assert blocks_in(text) == [Block("print(42)\n", "python", closed=False, alone=True)]
    assert judged(PrintedAnswer(), text).reward == 1
    assert judged(PrintedAnswer(allow_cut=True), text, finish="length").reason == NO_ANSWER
    assert judged(PrintedAnswer(allow_cut=True), text + "```", finish="length").reward == 1
    # It is a second one, wherever it ends.
    assert program_in(fenced("1") + "\n```\n2", "fence") == (None, SEVERAL_ANSWERS)
    assert program_in("```\n", "fence") == (None, EMPTY_ANSWER)


def test_only_a_block_alone_is_taken_out_of_a_tag():
    alone = "<answer>\n~~~python\nprint(1)\n~~~\n</answer>"
    assert program_in(alone, "tag") == ("print(1)\n", "")
    beside = "<answer>x\n```\ny\n```</answer>"
    assert program_in(beside, "tag") == ("x\n```\ny\n```", "")


def test_a_prompt_that_opened_the_reasoning_has_opened_it():
    text = "Perhaps ```python\nprint(42)\n``` or so.</think>" + fenced("print(42)")
    never_closed = fenced("print(42)")
    problem = Problem("p", "?", "42")
    for said, reward in ((text, 1.0), (never_closed, 0.0)):
        completion = Completion((), (), said, "stop", opened="<think>\n")
        assert judge(PrintedAnswer(), problem, completion).reward == reward


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("class E(Exception): pass\nraise E('x')", "an error that is not one of Python's own"),
        ("raise type('E' * 60_000, (Exception,), {})", "an error that is not one of Python's own"),
        ("import json\njson.loads('')", "an error that is not one of Python's own"),
        ("raise KeyError('E: x')", "KeyError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("assert False, 'no\\nTypeError'", "TypeError"),  # it may lie; the set is the same
    ],
)
def test_reasons_are_of_a_fixed_set(code, reason):
    assert judged(PrintedAnswer(), fenced(code)).reason == f"the program raised {reason}"


def test_a_cut_completion_is_not_run(monkeypatch):
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: pytest.fail("it was run"))
    assert judged(PrintedAnswer(), fenced("print(42)"), finish="length").reason == CUT_OFF


def test_a_sandbox_that_fails_is_no_verdict(monkeypatch):
    broken = Result("infrastructure", b"", b"", None, "it did not stand", 0.0)
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: broken)
    with pytest.raises(SandboxError, match="it did not stand"):
        judged(PrintedAnswer(), fenced("print(43)"))


def test_a_run_is_shared_by_the_parts_of_one_verdict_and_no_further(monkeypatch):
    runs = []
    run = Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: runs.append(1) or run(*a, **k))
    problem, reward = Problem("p", "?", "42"), program_of_thought("fence")
    one, other = (Completion((), (), fenced("print(42)"), "stop") for _ in range(2))
    assert judge(reward, problem, one) == judge(reward, problem, one)
    assert len(runs) == 1
    judge(reward, problem, other)
    judge(reward, problem, one)
    assert len(runs) == 3


def test_parts_of_one_reward_share_a_run(monkeypatch):
    count = []
    run = Sandbox.run
    monkeypatch.setattr(Sandbox, "run", lambda *a, **k: count.append(1) or run(*a, **k))
    judged(program_of_thought(), "<reasoning>a</reasoning><answer>print(987654)</answer>")
    assert len(count) == 1


def test_limits_have_to_make_sense():
    with pytest.raises(ConfigError, match="more than 0 seconds"):
        Running(seconds=0)
    with pytest.raises(ConfigError, match="32 megabytes"):
        Running(megabytes=8)
