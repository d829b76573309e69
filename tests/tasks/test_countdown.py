"""Countdown: made-up problems have solutions, and rows are read."""

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks import Countdown
from paceline.types import Completion
from paceline.verify import judge


def test_every_made_up_problem_has_a_solution_that_scores():
    task = Countdown(problems=500).load()
    problems = (*task.train, *task.heldout)
    assert len(problems) == 500 and len(task.heldout) > 5
    for problem in problems:
        verdict = judge(task.verifier, problem, Completion((), (), task.gold(problem), "stop"))
        assert verdict.reward == pytest.approx(task.full) and verdict.correct, problem
        assert 3 <= len(problem.data["nums"]) <= 4
        assert problem.data["target"] not in problem.data["nums"]
    assert "create an equation that equals" in task.messages(problems[0])[0]["content"]


def test_the_seed_decides_the_problems():
    ids = [[p.id for p in Countdown(problems=50, seed=s).load().train] for s in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_rows_of_ones_own(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(f'{{"nums": [{i}, 2, 3], "target": {i + 5}}}' for i in range(9, 60)))
    task = Countdown(data=str(path)).load()
    assert len(task.train) + len(task.heldout) == 51 and task.gold(task.train[0]) is None
    assert {p.row for p in (*task.train, *task.heldout)} == {f"row {i}" for i in range(1, 52)}
    path.write_text('{"nums": [9, 2], "target": 7}\n' * 2 + '{"nums": [9, 3], "target": 6}\n')
    (note,) = Countdown(data=str(path)).load().notes
    assert note == f"Row 2 of '{path}': left out, the same as an earlier row."
    path.write_text('{"numbers": [1], "target": 3}\n')
    with pytest.raises(DataError, match="countdown needs nums and target"):
        Countdown(data=str(path)).load()


def test_ranges_have_to_make_sense():
    for wrong in ({"numbers": 1}, {"numbers": 5, "most": 4}, {"low": 0}, {"low": 9, "high": 3}):
        with pytest.raises(ConfigError, match=r"task\.numbers"):
            Countdown(**wrong).load()


def test_rows_that_are_no_countdown_are_told(tmp_path):
    for row in ('{"nums": [1, "x"], "target": 5}', '{"nums": null, "target": 5}',
                '{"nums": [1, 2.5], "target": 5}', '{"nums": [1, 2], "target": "five"}',
                '{"nums": [1], "target": 1}'):  # fmt: skip
        (tmp_path / "rows.jsonl").write_text('{"nums": [1, 2], "target": 3}\n' + row + "\n")
        with pytest.raises(DataError, match="Row 2 needs a list of whole numbers"):
            Countdown(data=str(tmp_path / "rows.jsonl")).load()


def test_a_range_with_few_problems_says_so():
    task = Countdown(numbers=2, most=2, low=1, high=3, problems=500).load()
    assert "different problems of this range" in task.notes[0]
