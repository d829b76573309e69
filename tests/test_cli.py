"""The command line: exit codes, one sentence for each mistake, help that fits a screen."""

import contextlib
import errno
import json
from argparse import Namespace
from pathlib import Path

import pytest
from rich.cells import cell_len

import paceline
from paceline import recipes
from paceline.cli import main
from paceline.cli.configured import changed, overrides
from paceline.tasks import Rows

SMALL = ["steps=2", "rollouts.problems=2", "rollouts.completions=2", "rollouts.max_tokens=4"]


def failing(capsys, *words: str) -> tuple[int, str]:
    """Exit code and the sentence on stderr; nothing but the sentence may stand there."""
    code = main(list(words))
    error = capsys.readouterr().err.strip()
    assert "Traceback" not in error and len(error.splitlines()) == 1, error
    return code, error


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


def test_a_recipe_from_a_file_and_from_toml(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "import paceline\n"
        "def small():\n"
        "    return paceline.recipes.tiny().with_(steps=1, name='own')\n"
    )
    assert main(["train", "mine.py:small", "--quiet"]) == 0
    assert Path("runs/own/summary.json").is_file()
    Path("mine.toml").write_text('recipe = "tiny"\nname = "toml"\nsteps = 1\n')
    assert main(["train", "mine.toml", "--quiet"]) == 0
    assert Path("runs/toml/summary.json").is_file()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["train", "tinny"], 2, "Did you mean 'tiny'"),
        (["train", "tiny", "optimizer.lrr=1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "--optimizer.lrr", "1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "--lr", "1"], 2, "Did you mean 'optimizer.lr'"),
        (["check", "tiny", "optimizer.lrr=1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "extra"], 2, "no key with a value"),
        (["train", "tiny", "--model", "./nowhere"], 2, "no model folder at './nowhere'"),
        (["train", "tiny", "--model", "no-such-name"], 2, "no model folder"),
        (["train", "tiny", "--model", "package:no_such_package"], 2, "pip install"),
        (["train", "tiny", "--model", "gone.gguf"], 2, "no GGUF file"),
        (["train", "tiny", "model.device=tpu9"], 2, "no device"),
        (["train", "tiny", "--task", "rows", "task.path=gone.jsonl"], 3, "gone.jsonl"),
        (["train", "tiny", "--objective", "gone.py:x"], 2, "gone.py"),
        (["train", "gone.toml"], 2, "no file"),
        (["report", "nowhere"], 2, "no run directory"),
        (["recipes", "steps=3"], 2, "takes no key"),
    ],
)
def test_mistakes_are_one_sentence_and_an_exit_code(
    words, code, sentence, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    got, error = failing(capsys, *words)
    assert (got, sentence in error) == (code, True), error
    assert not Path("runs").exists(), "nothing may be started before everything was checked"


def test_a_run_directory_is_not_overwritten(tmp_path, capsys):
    out = str(tmp_path / "r")
    assert main(["train", "tiny", "--out", out, "--quiet", *SMALL]) == 0
    before = (tmp_path / "r" / "metrics.jsonl").read_bytes()
    code, error = failing(capsys, "train", "tiny", "--out", out)
    assert code == 2 and "--out" in error and "resume" in error
    assert (tmp_path / "r" / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["beta=0.04"], "and in ms-swift: `'grpo(kl=0.04)'`."),
        (["--num_generations", "8"], "here it is `rollouts.completions`."),
        (
            ["--max-completion-length=8"],
            "and `dr_grpo` divides by it there as here.",
        ),
        (["--use_vllm"], "of something that is not here yet."),
        (["actor_rollout_ref.rollout.n=5"], "verl's name; here it is `rollouts.completions`."),
    ],
)
def test_another_trainers_key_is_answered_with_ours(words, sentence, capsys):
    code, error = failing(capsys, "train", "demo", *words)
    assert code == 2 and error.endswith(sentence) and "Did you mean" not in error


@pytest.mark.parametrize("key", ["gamma", "foo", "epochs_total", "task.beta"])
def test_what_is_like_no_key_gets_no_nearest(key, capsys):
    code, error = failing(capsys, "train", "demo", f"{key}=1")
    assert code == 2 and error == (
        f"paceline: There is no key '{key}'. `paceline show RECIPE --keys` lists them."
    )


def test_the_last_word_of_a_key_is_enough_to_be_understood(capsys):
    for word in ("max_tokens", "max_token"):
        _, error = failing(capsys, "show", "demo", f"{word}=8")
        assert "Did you mean 'rollouts.max_tokens' or 'evaluation.max_tokens'?" in error


def test_bare_paceline_prints_the_help_and_version_the_version(capsys):
    assert main([]) == 0
    bare = capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert bare.out == capsys.readouterr().out and stop.value.code == 0 and bare.err == ""
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out == f"paceline {paceline.__version__}\n"


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


def test_help_fits_a_screen(capsys):
    for word in ("", "train", "check", "show", "eval", "sample", "report", "recipes"):
        with pytest.raises(SystemExit) as stop:
            main([*filter(None, [word]), "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0 and len(text.splitlines()) <= 30, word


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
        "demo", "tiny", "program", "gsm8k",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (r"{prompt}\n{input}", "{prompt}\n{input}"),
        (
            r"{prompt}\nAnswer with digits.\n\nBe brief.",
            "{prompt}\nAnswer with digits.\n\nBe brief.",
        ),
        (r"{prompt}\nso say it", "{prompt}\nso say it"),
        (r"{prompt} \neq \nu\nabla \not", r"{prompt} \neq \nu\nabla \not"),
        (r"{prompt}\newest", "{prompt}\newest"),
    ],
)
def test_the_end_of_a_line_can_be_typed(typed, read):
    config = changed(recipes.tiny(), overrides(["task=rows", f"task.user={typed}"], Namespace()))
    assert isinstance(config.task, Rows) and config.task.user == read


def test_rows_are_named_by_their_numbers(tmp_path, capsys):
    rows = [{"prompt": f"{i} + 1?", "answer": str(i + 1), "code": f"print({i})"} for i in range(9)]
    for row in rows:
        row["cases"] = [{"stdin": "", "stdout": row["answer"]}]
        row["code"] = f"print({row['answer']})"
    rows[6]["code"] = "print('?')"
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code = main(["tasks", "check", "code", "--json", f"task.path={tmp_path}/a.jsonl"])
    found = json.loads(capsys.readouterr().out)
    assert code == 3 and [failed["row"] for failed in found["failed"]] == ["row 7"]
    assert main(["tasks", "check", "code", f"task.path={tmp_path}/a.jsonl"]) == 3
    assert f"{found['failed'][0]['id']} (row 7), '" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 8, "Memory ran out"),
        (OSError(errno.ENOSPC, "No space left", "runs/a"), 5, "'runs/a' cannot be written"),
        (OSError(errno.ENOSPC, "No space left"), 5, "What this prints cannot be written"),
        (OSError(errno.EROFS, "Read-only file system", "runs"), 2, "'runs' cannot be read or"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(monkeypatch, capsys, error, code, said):
    def fails(*_):
        raise error

    monkeypatch.setattr("paceline.cli.overrides", fails)
    assert failing(capsys, "show", "tiny")[0] == code
    assert said in failing(capsys, "show", "tiny")[1]


def test_an_error_of_ours_keeps_its_traceback(monkeypatch):
    def fails(*_):
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")

    monkeypatch.setattr("paceline.cli.overrides", fails)
    with pytest.raises(FileNotFoundError):
        main(["show", "tiny"])
