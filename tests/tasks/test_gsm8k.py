"""GSM8K."""

import json
import os
from pathlib import Path

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks import Gsm8k
from paceline.types import Completion
from paceline.verify import judge

PLACE = Path(
    os.environ.get("PACELINE_GSM8K")
    or Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k"
)


def test_rows_of_its_form_become_a_task(tmp_path: Path) -> None:
    for name, count in (("train", 3), ("test", 2)):
        rows = [
            {"question": f"{name} {i}?", "answer": f"so\n#### {i + 1},234"} for i in range(count)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = Gsm8k(str(tmp_path), limit=2).load()
    assert (task.name, len(task.train), len(task.heldout)) == ("gsm8k", 2, 2)
    problem = task.train[0]
    assert (problem.prompt, problem.answer) == ("train 0?", "1234")
    assert problem.data == {"answer": "so\n#### 1,234"}
    (turn,) = task.messages(problem)
    assert turn["content"].startswith("train 0?\n\nReason step by step.")
    for text, reward in (("so\n#### $1,234", 1), ("#### 1235", 0), ("It is 1234", 0)):
        assert judge(task.verifier, problem, Completion((), (), text, "stop")).reward == reward


def folder_of(tmp_path: Path, rows: list[dict[str, str]]) -> str:
    for name in ("train", "test"):
        made = [
            {k: f"{v}" if k.startswith("a") else f"{name} {v}" for k, v in r.items()} for r in rows
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, made)))
    return str(tmp_path)


@pytest.mark.parametrize("style", ["hashes", "tags", "program"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_style_asks_for_its_form_and_pays_it(tmp_path: Path, language, style) -> None:
    numbers = (2, 3, 4)
    if language == "en":
        rows = [{"question": f"{i}?", "answer": f"6*{i}=<<6*{i}={6 * i}>>{6 * i}\n#### {6 * i}"}
                for i in numbers]  # fmt: skip
    else:
        rows = [{"question_zh-cn": f"{i}?", "answer_only": str(6 * i)} for i in numbers]
    task = Gsm8k(folder_of(tmp_path, rows), language=language, style=style).load()
    assert task.name == ("gsm8k" if language == "en" else "gsm8k_zh")
    asked = task.messages(task.train[0])[-1]["content"]
    wanted = {"hashes": "####", "tags": "<answer>", "program": "Python"}[style]
    assert wanted in asked and ("Reason" in asked) == (language == "en")
    for problem in task.train + task.heldout:
        gold = task.gold(problem)
        if style == "program" and language == "en":
            assert f"value = 6*{int(problem.answer) // 6}" in gold
        right = judge(task.verifier, problem, Completion((), (), gold, "stop"))
        assert right.reward == pytest.approx(task.full) and right.correct
        text = gold.replace("6*", "7*").replace(problem.answer, "999")
        wrong = judge(task.verifier, problem, Completion((), (), text, "stop"))
        assert wrong.reward <= 0.2 + 1e-9 and not wrong.correct


def test_styles_and_languages_that_there_are_not() -> None:
    with pytest.raises(ConfigError, match=r"task\.style is 'xml'"):
        Gsm8k("x", style="xml").load()  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "other"), [("en", "zh"), ("zh", "en")])
def test_rows_in_the_columns_of_the_other_language_are_told_so(tmp_path, language, other) -> None:
    rows = {"en": {"question": "q", "answer": "#### 1"},
            "zh": {"question_zh-cn": "q", "answer_only": "1"}}  # fmt: skip
    folder = folder_of(tmp_path, [rows[other]])
    with pytest.raises(
        DataError, match=f"task.language={other} for rows with {' and '.join(rows[other])}"
    ):
        Gsm8k(folder, language=language).load()
    assert Gsm8k(folder, language=other).load().train


@pytest.mark.gsm8k
@pytest.mark.skipif(not (PLACE / "test.jsonl").is_file(), reason="the GSM8K rows are not here")
def test_every_gold_solution_scores_full_marks() -> None:
    task = Gsm8k(str(PLACE)).load()
    assert (len(task.train), len(task.heldout), task.notes) == (7473, 1319, ())
    for problem in task.train + task.heldout:
        assert problem.answer.removeprefix("-").isdigit()
        gold = Completion((), (), problem.data["answer"], "stop")
        assert judge(task.verifier, problem, gold).reward == 1, problem
        wrong = Completion((), (), problem.data["answer"] + "0", "stop")
        assert judge(task.verifier, problem, wrong).reward == (problem.answer == "0"), problem
    tags = Gsm8k(str(PLACE), style="tags").load()
    for problem in tags.train + tags.heldout:
        gold = Completion((), (), tags.gold(problem), "stop")
        assert judge(tags.verifier, problem, gold).reward == pytest.approx(tags.full), problem
