"""Faults that are found at the start: one sentence, an exit code, and nothing left on the disk.

Wrong keys, models and directories are in tests/cli/test_cli.py, what a file of rows may lack in
tests/tasks; here is what takes the whole start to be seen.
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from paceline.cli import main
from paceline.model import load_policy, tiny
from paceline.preflight import preflight, resources

Usage = namedtuple("Usage", "total used free")
Virtual = namedtuple("Virtual", "available total")
TINY = ("train", "tiny", "evaluation.problems=0")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder; a model that is loaded in it is a failure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("paceline.run.build.load_policy", lambda *_, **__: pytest.fail("loaded"))
    return tmp_path


def refused(capsys, code: int, *words: str) -> str:
    """The sentence; all that `train` leaves is what was there."""
    before = sorted(Path().rglob("*"))
    assert main(list(words)) == code
    error = capsys.readouterr().err.strip().splitlines()
    assert sorted(p for p in Path().rglob("*") if "__pycache__" not in p.parts) == before
    assert error[-1].startswith("paceline: ") and error[-1].endswith((".", "?"))
    return "\n".join(error)


def rows(*given: dict, name: str = "rows.jsonl") -> tuple[str, ...]:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return ("--task", "rows", f"task.path={name}")


def sums(count: int, **more: object) -> list[dict]:
    return [{"prompt": f"{i} + 1?", "answer": str(i + 1), **more} for i in range(count)]


# The data.


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            [{"question": "1 + 1?", "answer": "2"}],
            "have columns [question, answer], but the prompt column is 'prompt'; set "
            "task.prompt=question.",
        ),
        (
            [*sums(2), {"prompt": " ", "answer": "2"}],
            "Row 3 of 'rows.jsonl': the prompt in column ",
        ),
        (
            [{"prompt": "1\0+ 1?", "answer": "2"}],
            "Row 1 of 'rows.jsonl' ('1\\x00+ 1?'): the prompt has a NUL",
        ),
        (
            [*sums(1), {"prompt": "x" * 1_000_001, "answer": "2"}],
            f"Row 2 of 'rows.jsonl' ('{'x' * 55}…'): the prompt is longer than 1,000,000",
        ),
        ([], "'rows.jsonl' has no rows."),
        (
            sums(4),
            "Task 'rows' has 4 training problems, but a round needs 8; add more rows, or set "
            "rollouts.problems=4 or lower.",
        ),
        (
            [{"prompt": "x" * 600 + str(i), "answer": "2"} for i in range(9)],
            "No problem of task 'rows' fits into the model's context of 512 tokens beside answers "
            "of 4 (the shortest of 9 prompts has ",
        ),
    ],
    ids=["wrong column", "empty prompt", "NUL", "huge", "no rows", "too few", "too long"],
)
def test_rows_that_cannot_be_trained_on(given, sentence, capsys):
    assert sentence in refused(capsys, 3, *TINY, *rows(*given), "task.heldout=0")


def test_repeated_rows_are_left_out_with_a_note(capsys):
    where = rows(*sums(9), *sums(2))
    assert main(["check", "tiny", *where, "task.heldout=0", "evaluation.problems=0"]) == 0
    text = capsys.readouterr().out
    assert "9 problems, 0 held out" in text
    assert "note: Rows 10 and 11 of 'rows.jsonl': left out, the same as an earlier row." in text


# The model and its tokenizer.


def folder_of(tokenizer, name: str = "model") -> tuple[str, str]:
    tiny.model().config.save_pretrained(name)  # no weights: they must not be read
    tokenizer.save_pretrained(name)
    return "--model", name


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("chat_template", "has no chat template; set model.chat_template=plain for a base model"),
        ("eos_token", "has no stop token, so no answer could ever end; set eos_token"),
    ],
)
def test_a_tokenizer_that_lacks_something(field, sentence, capsys):
    tokenizer = tiny.tokenizer()
    setattr(tokenizer, field, None)
    assert sentence in refused(capsys, 2, *TINY, *folder_of(tokenizer))


def test_a_tokenizer_without_a_pad_token_is_as_good(capsys):
    tokenizer = tiny.tokenizer()
    tokenizer.pad_token = None
    assert main(["check", "tiny", *folder_of(tokenizer), "model.dtype=fp32"]) == 0
    assert "sound: " in capsys.readouterr().out


def test_a_config_that_is_no_models(capsys):
    where = folder_of(tiny.tokenizer())
    Path("model/config.json").write_text('{"model_type": "t5"}')
    said = refused(capsys, 2, *TINY, *where)
    assert "The configuration of 'model' could not be loaded" in said


def test_a_hub_that_does_not_answer(here):
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(here / "home")}
    env.pop("HF_HUB_OFFLINE", None)
    # How often a connection is tried: its own client tries again for 50 seconds and more.
    code = (
        "import socket, sys\n"
        "from paceline.cli import main\n"
        "connect, tried = socket.create_connection, []\n"
        "socket.create_connection = lambda *w, **o: tried.append(w) or connect(*w, **o)\n"
        "code = main(['train', 'tiny', '--model', 'nobody/nothing'])\n"
        "print(len(tried))\n"
        "sys.exit(code)\n"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    (said,) = done.stderr.strip().splitlines()
    assert done.returncode == 2 and "'nobody/nothing' could not be loaded" in said
    assert done.stdout.splitlines()[-1] == "1"
    assert "check the name, your connection or HF_ENDPOINT" in said
    assert not Path("runs").exists()


# The reward.

REWARDS = """
import math
def helper(text):
    return float(text)
def raises(problem, completion):
    return helper("no number")
def none(problem, completion):
    return None
def text(problem, completion):
    return "1"
def nan(problem, completion):
    return math.nan
def inf(problem, completion):
    return -math.inf
def hangs(problem, completion):
    while True:
        pass
def exits(problem, completion):
    import os
    os._exit(3)
def leaves(problem, completion):
    raise SystemExit(1)
def short(problems, completions):
    return [1.0]
def unknown(completion, answer):
    return 1.0
def lists(completions, **columns):
    return [1.0, 2.0]
"""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("raises", "The reward 'raises' (mine.py) raised ValueError on problem "),
        ("none", "The reward 'none' (mine.py) returned None for problem "),
        ("text", "The reward 'text' (mine.py) returned a value of type str for problem "),
        ("nan", "The reward 'nan' (mine.py) returned nan for problem "),
        ("inf", "The reward 'inf' (mine.py) returned -inf for problem "),
        ("hangs", "The reward 'hangs' (mine.py) took longer than 3 s for problem "),
        ("exits", "The reward 'exits' (mine.py) ended its process."),
        ("leaves", "The reward 'leaves' (mine.py) called sys.exit(1) on problem "),
        ("short", "The reward 'short' (mine.py) answered 1 verdicts for 2 completions."),
        ("lists", "The reward 'lists' (mine.py) must return a list with one number for each "),
    ],
)
def test_a_reward_that_breaks_is_found_before_the_model_is_loaded(name, sentence, capsys):
    Path("mine.py").write_text(REWARDS)
    words = (*TINY, *rows(*sums(9)), f"task.reward=mine.py:{name}", "task.heldout=0")
    words = (*words, f"rewards.seconds={3 if name == 'hangs' else 600}")
    error = refused(capsys, 4, *words)
    assert sentence in error.splitlines()[-1]
    if name not in ("raises", "leaves"):
        assert "Traceback" not in error


def test_a_reward_that_nothing_here_calls_so_is_refused(capsys):
    Path("mine.py").write_text(REWARDS)
    said = refused(capsys, 2, *TINY, *rows(*sums(9)), "task.reward=mine.py:unknown")
    assert "'unknown' (mine.py) takes (completion, answer), and the names decide how" in said


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_reward_raises_is_shown_with_its_own_frames_and_no_others(workers, capsys):
    Path("mine.py").write_text(REWARDS)
    words = (*TINY, *rows(*sums(9)), "task.reward=mine.py:raises", "task.heldout=0")
    told = refused(capsys, 4, *words, f"rewards.workers={workers}").splitlines()
    assert told[0] == "Traceback (most recent call last):"
    assert [line for line in told if line.startswith("  File")] == [
        f'  File "{Path("mine.py").resolve()}", line 6, in raises',
        f'  File "{Path("mine.py").resolve()}", line 4, in helper',
    ]
    assert told[-2] == "ValueError: could not convert string to float: 'no number'"


# The place.


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("train", "tiny", "--out", "file"),
            "'file' is a file, not a directory; choose ",
        ),
        (("check", "tiny", "--out", "file/x"), "'file/x' cannot be made, as '{here}/file' is a fi"),
        (("train", "tiny", "--out", "file/x"), "is a file; choose another with --out."),
        (("train", "tiny", "--out", "/proc/no/x"), "--out"),
        (
            ("compare", "tiny", "--objectives", "grpo,rloo", "--out", "file/x"),
            "another with --out.",
        ),
        (("audit", "tiny", "--no-model", "--page", "file"), "choose another with --page."),
    ],
)
def test_a_place_that_is_no_directory(words, sentence, capsys, here):
    Path("file").touch()
    assert sentence.format(here=here) in refused(capsys, 2, *words)


def test_a_place_that_cannot_be_written(capsys, here, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, how: Path(path) != here)
    for words in (
        ["train", "tiny"], ["check", "tiny"], ["compare", "tiny", "--objectives", "grpo,rloo"],
        ["audit", "tiny", "--no-model"],
    ):  # fmt: skip
        said = refused(capsys, 2, *words)
        flag = "--page" if words[0] == "audit" else "--out"
        assert f"as '{here}' is not writable; choose another directory with {flag}." in (said)


# The machine.


def test_not_enough_disk(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 1000, 1000))
    said = refused(capsys, 2, *TINY, "--out", "runs/r")
    assert "The run may write 5 MB (3 checkpoints of 1.0 MB, model 0.3 MB, rollouts 1 MB)" in said
    assert "0.0 MB are free in" in said and "save_keep" in said


def test_not_enough_memory(capsys, monkeypatch):
    monkeypatch.setattr(resources.psutil, "virtual_memory", lambda: Virtual(10**6, 10**6))
    said = refused(capsys, 2, *TINY)
    assert "'tiny' needs 1 MB of memory for weights, gradients and moments alone" in said
    assert "and there are 1 MB on this machine; take a smaller model, or train adapters" in said


def test_the_fixture_would_see_a_model_that_is_loaded():
    # What `here` forbids is what loads one in `train`.
    from paceline.run import build
    from paceline.run import train as train_function

    assert build.load_policy is not load_policy
    assert inspect.unwrap(train_function).__globals__["check"] is preflight.check
