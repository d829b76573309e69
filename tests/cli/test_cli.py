"""Exit codes, and one sentence for each mistake."""

import errno
from pathlib import Path

import pytest

from paceline.cli import main
from tests.helpers.commands import failing


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["train", "tinny"], 2, "Did you mean 'tiny'"),
        (["train", "tiny", "optimizer.lrr=1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "--optimizer.lrr", "1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "--lr", "1"], 2, "Did you mean 'optimizer.lr'"),
        (["check", "tiny", "optimizer.lrr=1"], 2, "'optimizer.lr'"),
        (["train", "tiny", "extra"], 2, "not a key with a value"),
        (["train", "tiny", "--model", "./nowhere"], 2, "There is no folder './nowhere'"),
        (["train", "tiny", "--model", "no-such-name"], 2, "no folder"),
        (["train", "tiny", "--model", "package:no_such_package"], 2, "pip install"),
        (["train", "tiny", "--model", "gone.gguf"], 2, "There is no file 'gone.gguf'"),
        (["train", "tiny", "model.device=tpu9"], 2, "not a device"),
        (
            ["train", "tiny", "--task", "rows", "task.path=gone.jsonl"],
            3,
            "There is no file or folder 'gone.jsonl'",
        ),
        (["train", "tiny", "--objective", "gone.py:x"], 2, "There is no file 'gone.py'"),
        (["train", "gone.toml"], 2, "There is no file 'gone.toml'"),
        (["report", "nowhere"], 2, "There is no folder 'nowhere'"),
        (["resume", "nowhere"], 2, "There is no folder 'nowhere'; give one that training wrote"),
        (["report", "."], 2, "'.' is not a run directory"),
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


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 8, "Memory ran out"),
        (OSError(errno.ENOSPC, "No space left", "runs/a"), 5, "'runs/a' cannot be written"),
        (OSError(errno.ENOSPC, "No space left"), 5, "The output cannot be written"),
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
