"""Multiple choice from rows of several layouts."""

import json

import pytest

from paceline.errors import DataError
from paceline.tasks import MultipleChoice
from paceline.types import Completion
from paceline.verify import judge


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def task_of(tmp_path, rows, **options):
    return MultipleChoice(path=write(tmp_path / "rows.jsonl", rows), **options).load()


def test_lists_with_letters_or_places(tmp_path):
    rows = [{"question": f"Which is {n}?", "choices": ["one", "two", "six"], "answer": a}
            for n, a in enumerate(["B", 1, 0, "c", "(A)"] * 6)]  # fmt: skip
    task = task_of(tmp_path, rows)
    problems = (*task.train, *task.heldout)
    assert len(problems) == 30 and {p.answer for p in problems} == {"A", "B", "C"}
    assert problems[0].prompt.endswith("A. one\nB. two\nC. six")
    for problem in problems:
        right = judge(task.verifier, problem, Completion((), (), task.gold(problem), "stop"))
        assert right.reward == pytest.approx(task.full)
        other = "A" if problem.answer != "A" else "B"
        text = task.gold(problem).replace(f"<answer>{problem.answer}", f"<answer>{other}")
        wrong = judge(task.verifier, problem, Completion((), (), text, "stop"))
        assert wrong.reward == pytest.approx(0.1) and not wrong.correct


def test_arcs_layout_with_labels(tmp_path):
    rows = [{"question": f"q{i}", "choices": {"text": ["x", "y"], "label": ["1", "2"]},
             "answerKey": "2"} for i in range(20)]  # fmt: skip
    task = task_of(tmp_path, rows, answer="answerKey")
    assert {p.answer for p in task.train} == {"B"}


def test_rows_are_numbered_and_what_they_repeat_is_told(tmp_path):
    rows = [{"question": f"q{i}", "choices": ["x", "y"], "answer": "A"} for i in range(5)]
    task = task_of(tmp_path, [*rows, rows[0], {**rows[1], "answer": "B"}])
    assert {p.row for p in (*task.train, *task.heldout)} == {f"row {i}" for i in (1, 2, 3, 4, 5, 7)}
    several, repeated = task.notes
    assert "1 question of" in several and "(rows 2 and 7: 'A' and 'B')" in several
    assert repeated.startswith("Row 6 of ") and repeated.endswith("the same as an earlier row.")


def test_rows_that_cannot_be_read_are_named(tmp_path):
    rows = [{"question": f"q{i}", "choices": ["x", "y"], "answer": "A"} for i in range(5)]
    rows[2]["answer"] = "E"
    rows[4]["choices"] = ["x"]
    with pytest.raises(DataError, match="Rows 3 and 5"):
        task_of(tmp_path, rows)
    with pytest.raises(DataError, match="no 'options'"):
        task_of(tmp_path, rows, options="options")
