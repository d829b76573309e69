"""The recipe of GSM8K, with rows of its form and with its own."""

import json
import os
from pathlib import Path

import pytest

import paceline
from paceline import recipes
from paceline.cli import main
from paceline.config import to_json
from paceline.errors import DataError
from paceline.model import tiny
from paceline.objective import named
from paceline.store.history import flat
from paceline.types import Completion
from paceline.verify import judge

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


# Adapters -----------------------------------------------------------------------------------------


def test_adapters_are_gsm8k_but_for_what_they_take():
    whole, adapted = (flat(to_json(c)) for c in (recipes.gsm8k(), recipes.gsm8k_lora()))
    changed = {key for key in whole if whole[key] != adapted[key]}
    assert changed == {"name", "model.path", "lora.rank", "optimizer.lr", "tokens_per_forward"}
    assert (adapted["lora.rank"], adapted["lora.alpha"], adapted["lora.layers"]) == (16, 32, "all")
    assert adapted["optimizer.lr"] == pytest.approx(10 * whole["optimizer.lr"])
    recipe = recipes.gsm8k_lora("some/model", "some/folder")
    assert (recipe.model.path, recipe.task.data) == ("some/model", "some/folder")


def test_adapters_for_two_steps(tmp_path):
    recipe = recipes.gsm8k_lora("tiny", str(gsm8k_rows(tmp_path)))
    run = paceline.train(recipe.with_(out=str(tmp_path / "r"), **SIZE), quiet=True)
    assert len(list(run.metrics())) == 2 and run.summary["after"]["n"] == 9
    written = json.loads((run.path / "adapter" / "adapter_config.json").read_text())
    assert (written["r"], written["lora_alpha"]) == (16, 32)


def test_check_finds_adapters_and_program_sound(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["rollouts.problems=4", "rollouts.max_tokens=30"]
    for name, rows, told in (
        ("gsm8k_lora", gsm8k_rows, "adapters of rank 16 on 14 layers"),
        ("gsm8k_zh_coder", chinese_rows, "a gold answer earns 1.2, an empty one 0"),
    ):
        (folder := tmp_path / name).mkdir()
        words = ["check", name, "--model", "tiny", "--data", str(rows(folder)), *small]
        assert main(words) == 0
        assert told in capsys.readouterr().out


# Programs, in Chinese -----------------------------------------------------------------------------


def chinese_rows(folder: Path) -> Path:
    """Rows in the columns of swulling/gsm8k_chinese, made up here."""
    for name, first in (("train", 0), ("test", 100)):
        rows = [
            {
                "question_zh-cn": f"小明有 {i} 个苹果，又买了 2 个，一共有几个？",
                "answer_only": f"{i + 2}",
            }
            for i in range(first, first + 9)
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_the_program_is_asked_for_in_chinese(tmp_path):
    task = recipes.gsm8k_zh_coder(data=str(chinese_rows(tmp_path))).task.load()
    assert (len(task.train), len(task.heldout)) == (9, 9)
    system, user = task.messages(task.train[0])
    assert system == {"role": "system", "content": "你擅长编写 Python 程序来解数学应用题。"}
    assert user["content"].startswith(
        "小明有 0 个苹果，又买了 2 个，一共有几个？\n\n请先在 <reasoning>"
    )
    for asked in ("用中文简要分析", "</answer>", "Python 程序", "只打印一行", "不带单位"):
        assert asked in user["content"]


def test_english_rows_are_asked_in_chinese_too(tmp_path):
    data = str(gsm8k_rows(tmp_path))
    task = recipes.gsm8k_zh_coder(data=data).with_(**{"task.language": "en"}).task.load()
    system, user = task.messages(task.train[0])
    assert "Python" in system["content"]
    assert user["content"].startswith("Tom has 0 apples and buys 2.\n\n请先在 <reasoning>")
    with pytest.raises(DataError, match=r"but the prompt column .* set task\.language=en for rows"):
        recipes.gsm8k_zh_coder(data=data).task.load()


TURN = "<reasoning>先有一些，再加 2 个。</reasoning>\n<answer>\n{}\n</answer>"


@pytest.mark.parametrize(
    ("program", "reward", "right"),
    [
        # 1 for the answer, 0.1 for a number, 0.1 for whole tags.
        ("苹果 = 0\nprint(苹果 + 2)  # 一共", 1.2, True),
        ("```python\ndef total(n):\n    return n + 2\n\nprint(total(0))\n```", 1.2, True),
        ("print(4 / 2)", 1.2, True),
        ("print(0 + 3)", 0.2, False),
        ("2", 0.1, False),  # a number that nobody prints
        ("print(2, '个')", 0.1, False),
        ("for i in range(9):\n    print(i)", 0.2, False),  # the right one among others
        ("print(1 / 0)", 0.0, False),  # whole tags, and a program that fails
        ("答案是 2", 0.0, False),
    ],
)
def test_the_sandbox_runs_the_program_and_its_number_is_paid(tmp_path, program, reward, right):
    task = recipes.gsm8k_zh_coder(data=str(chinese_rows(tmp_path))).task.load()
    (problem,) = (p for p in task.train if p.answer == "2")
    text = TURN.format(program)
    verdict = judge(task.verifier, problem, Completion((), (), text, "stop"))
    assert verdict.reward == pytest.approx(reward) and verdict.correct is right, verdict
    cut = judge(task.verifier, problem, Completion((), (), text, "length"))
    assert cut.reward <= 0.1 + 1e-9 and not cut.correct


@pytest.mark.parametrize(
    "text", ["", "答案是 2。", "print(2)", "<answer></answer>", "\0 <answer> 2"]
)
def test_without_a_program_in_its_tags_nothing_is_paid(tmp_path, text):
    task = recipes.gsm8k_zh_coder(data=str(chinese_rows(tmp_path))).task.load()
    (problem,) = (p for p in task.train if p.answer == "2")
    verdict = judge(task.verifier, problem, Completion((), (), text, "stop"))
    assert (verdict.reward, verdict.correct) == (0, False)


def test_every_gold_program_scores_full_marks(tmp_path):
    task = recipes.gsm8k_zh_coder(data=str(chinese_rows(tmp_path))).task.load()
    for problem in task.train[:2] + task.heldout[:2]:
        gold = judge(task.verifier, problem, Completion((), (), task.gold(problem), "stop"))
        assert gold.reward == pytest.approx(task.full) and gold.correct


def test_programs_for_two_steps(tmp_path):
    recipe = recipes.gsm8k_zh_coder("tiny", str(chinese_rows(tmp_path)))
    run = paceline.train(recipe.with_(out=str(tmp_path / "r"), **SIZE), quiet=True)
    assert len(list(run.metrics())) == 2 and run.summary["after"]["n"] == 9
    assert "请先在" in run.config["config"]["task"]["user"] and (run.path / "adapter").is_dir()


def test_rows_that_are_missing_are_one_sentence(tmp_path):
    gsm8k_rows(tmp_path)
    (tmp_path / "test.jsonl").unlink()
    for recipe in (recipes.gsm8k_lora, recipes.gsm8k_zh_coder):
        with pytest.raises(DataError, match="There is no file or folder"):
            recipe(data=str(tmp_path / "none.jsonl")).task.load()
    with pytest.raises(DataError, match=r"it has no test\.jsonl"):
        recipes.gsm8k_lora(data=str(tmp_path)).task.load()


# The rows themselves ------------------------------------------------------------------------------


@pytest.mark.gsm8k
@pytest.mark.skipif(not (GSM8K / "train.jsonl").is_file(), reason="the GSM8K rows are not here")
def test_real_gsm8k_rows_go_through(tmp_path):
    recipe = recipes.gsm8k(model="tiny", data=str(GSM8K))
    small = {**SIZE, "steps": 1, "evaluation": {"problems": 0}}
    run = paceline.train(recipe.with_(out=str(tmp_path / "r"), **small), quiet=True)
    assert [line["groups"] for line in run.metrics()] == [2]
