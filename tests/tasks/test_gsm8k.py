"""GSM8K."""

import json
import os
from pathlib import Path

import pytest

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
