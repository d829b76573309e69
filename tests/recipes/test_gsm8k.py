"""The recipe of GSM8K, with rows of its form and with its own."""

import json
import os
from pathlib import Path

import pytest

import paceline
from paceline import recipes
from paceline.cli import main
from paceline.model import tiny
from paceline.objective import named

SIZE = {"steps": 2, "rollouts": {"problems": 2, "completions": 3, "max_tokens": 8}}
GSM8K = Path(os.environ.get("PACELINE_GSM8K", Path(__file__).parents[3] / "shared/data/gsm8k"))


def test_model_and_rows_are_its_arguments():
    recipe = recipes.gsm8k("some/model", "some/folder")
    assert (recipe.model.path, recipe.task.data) == ("some/model", "some/folder")
    assert recipes.gsm8k().task.data is None and recipe.objective == named.dr_grpo()


def gsm8k_rows(folder: Path) -> Path:
    """Rows of the data set's own form, made up here."""
    for name, first in (("train", 0), ("test", 100)):
        rows = [
            {
                "question": f"Tom has {i} apples and buys 2.",
                "answer": f"{i}+2={i + 2}\n#### {i + 2}",
            }
            for i in range(first, first + 9)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def tiny_folder(folder: Path) -> Path:
    tiny.model().save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


def test_gsm8k_from_python_with_another_objective(tmp_path):
    data, model = gsm8k_rows(tmp_path), tiny_folder(tmp_path / "model")
    recipe = paceline.recipes.gsm8k(model=str(model), data=str(data))
    run = paceline.train(
        recipe.with_(objective=paceline.gspo(), out=str(tmp_path / "r"), **SIZE), quiet=True
    )
    assert len(list(run.metrics())) == 2 and run.summary["after"]["n"] == 9
    assert "SequenceRatio" in run.config["objective"]


def test_gsm8k_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data, model = gsm8k_rows(tmp_path), tiny_folder(tmp_path / "model")
    words = ["train", "gsm8k", "--model", str(model), "--data", str(data), "--steps", "1"]
    small = ["rollouts.problems=2", "rollouts.completions=2", "rollouts.max_tokens=4"]
    assert main([*words, *small]) == 0
    text = capsys.readouterr().out
    assert "9 problems, 9 held out" in text and "Tom has" in text
    assert Path("runs/gsm8k/summary.json").is_file()


@pytest.mark.gsm8k
@pytest.mark.skipif(not (GSM8K / "train.jsonl").is_file(), reason="the GSM8K rows are not here")
def test_real_gsm8k_rows_go_through(tmp_path):
    recipe = recipes.gsm8k(model="tiny", data=str(GSM8K))
    small = {**SIZE, "steps": 1, "evaluation": {"problems": 0}}
    run = paceline.train(recipe.with_(out=str(tmp_path / "r"), **small), quiet=True)
    assert [line["groups"] for line in run.metrics()] == [2]
