"""Commands, run one after the other as a user would."""

import contextlib
import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from paceline.cli import main
from tests.helpers.commands import failing

SMALL = ["steps=2", "rollouts.problems=2", "rollouts.completions=2", "rollouts.max_tokens=4"]


def test_train_then_eval_sample_and_report(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "tiny", "--out", "r", "--seed", "3", "--objective", "rloo", *SMALL]) == 0
    capsys.readouterr()
    config = json.loads(Path("r/config.json").read_text())
    assert config["config"]["seed"] == 3 and config["config"]["steps"] == 2
    assert "LeaveOneOut" in config["objective"]

    assert main(["eval", "r", "--json", "evaluation.problems=3"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {
        "task", "n", "greedy_accuracy", "sampled_accuracy", "pass_at", "intervals", "cut",
        "seconds", "lost",
    }  # fmt: skip
    assert figures["task"] == "arithmetic" and figures["n"] == 3

    assert main(["sample", "r", "What is 1 + 2?", "-n", "3"]) == 0
    once = capsys.readouterr().out
    assert once.count("\n---\n") == 2
    main(["sample", "r", "What is 1 + 2?", "-n", "3"])
    assert capsys.readouterr().out == once

    Path("r/report.html").unlink()
    assert main(["report", "r"]) == 0 and Path("r/report.html").is_file()

    assert main(["train", "r/config.json", "--out", "again", "--quiet"]) == 0
    assert Path("again/summary.json").is_file()


def test_eval_takes_a_model_folder_and_a_task_by_name(tmp_path, capsys):
    main(["train", "tiny", "--out", str(tmp_path / "r"), "--quiet", *SMALL])
    words = ["eval", str(tmp_path / "r" / "model"), "--task", "arithmetic", "--json"]
    assert main([*words, "task.high=12", "evaluation.problems=2", "rollouts.max_tokens=3"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] <= 2


def test_a_run_directory_is_not_overwritten(tmp_path, capsys):
    out = str(tmp_path / "r")
    assert main(["train", "tiny", "--out", out, "--quiet", *SMALL]) == 0
    before = (tmp_path / "r" / "metrics.jsonl").read_bytes()
    code, error = failing(capsys, "train", "tiny", "--out", out)
    assert code == 2 and "--out" in error and "resume" in error
    assert (tmp_path / "r" / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["recipes"], ["tasks"], ["show", "--objectives"], ["show", "demo", "--keys"], ["--help"],
        ["train", "--help"], ["train", "tiny", "gradient_accumulation_steps=8"],
        ["check", "tiny"], ["audit", "tiny", "--no-model", "--page", "page"],
        ["train", "tiny", *SMALL], ["train", "tiny", "--out", "runs/tiny"],
        ["resume", "runs/tiny", "steps=3"],
        ["eval", "runs/tiny"], ["replay", "runs/tiny", "--step", "1"],
        ["compare", "tiny", "--objectives", "grpo,'gspo(low=1e-3)'", "--seeds", "1", *SMALL],
        ["tasks", "check", "arithmetic"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_line_fits_into_eighty_columns(words, folder_with_a_run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with contextlib.suppress(SystemExit):
        main(words)
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    assert lines and [line for line in lines if cell_len(line) > 80] == []


@pytest.fixture
def folder_with_a_run(tmp_path, monkeypatch, capsys):
    """A working directory with a run of two steps in runs/tiny."""
    monkeypatch.chdir(tmp_path)
    main(["train", "tiny", "--quiet", "--out", "runs/tiny", *SMALL])
    capsys.readouterr()


def test_lists_are_whole_sentences(capsys):
    for words in (["recipes"], ["tasks"], ["show", "--objectives"]):
        main(words)
        for line in capsys.readouterr().out.splitlines():
            assert line.endswith((".", "…")), line


def test_show_prints_every_key_and_the_objective(capsys):
    assert main(["show", "demo", "optimizer.lr=3e-6", "--objective", "gspo"]) == 0
    text = capsys.readouterr().out
    assert "optimizer.lr = 3e-06" in text and "SequenceRatio()" in text
    main(["show", "tiny", "--keys"])
    assert "one of constant, linear, cosine" in capsys.readouterr().out
    main(["show", "--objectives"])
    assert len(capsys.readouterr().out.splitlines()) >= 12
    main(["recipes"])
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {
        "demo", "tiny", "program", "gsm8k", "gsm8k_lora", "gsm8k_zh_coder", "tldr_length",
        "sft", "ppo", "reward_model", "dpo", "distil", "line", "gsm8k_line",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["train", "check", "audit", "compare"])
@pytest.mark.parametrize("words", [[], ["--steps", "3"], ["steps=3"]])
def test_a_command_without_a_recipe_asks_for_one(command, words, capsys):
    code, error = failing(capsys, command, *words)
    assert code == 2 and error.startswith(
        f"paceline: Which recipe? For example `paceline {command} demo`; there are demo, "
    )
