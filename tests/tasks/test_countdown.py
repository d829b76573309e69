"""Countdown: made-up problems have solutions, and equations are read exactly."""

from collections import Counter
from fractions import Fraction

import pytest

from paceline.errors import ConfigError, DataError, RewardError
from paceline.tasks import Countdown
from paceline.types import Completion, Problem
from paceline.verify import judge
from paceline.verify.answers.countdown import Equation, value_of


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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 / 2", Fraction(7, 2)), ("3 − 5", -2),
        ("6 ÷ 3 × 2", 4), ("1/0", None), ("2 ** 3", None), ("2^3", None), ("x + 1", None),
        ("__import__('os')", None), ("", None), ("1 +", None), ("-3", None), ("1_0 + 2", None),
        ("(" * 90, None), ("1" * 201, None), ("9//2", None), ("1.5 + 1", None), ("0x10", None),
    ],
)  # fmt: skip
def test_expressions_are_read_and_nothing_else_is(text, value):
    found = value_of(text)
    assert (found[0] if found else None) == value


def test_the_numbers_are_counted():
    assert value_of("3 + 3 * 7") == (24, Counter({3: 2, 7: 1}))


def judged(answer, nums=(3, 7, 25), target=46):
    problem = Problem("p", "?", str(target), {"nums": list(nums), "target": target})
    text = f"<think>so</think><answer>{answer}</answer>"
    return Equation()(problem, Completion((), (), text, "stop"))


def test_what_pays_and_what_does_not():
    assert judged("25 + 7 * 3").reward == 1.0
    assert judged("25 + 3 * 7 = 46").reward == 1.0
    for wrong, reason in (
        ("25 + 7 * 3 = 45", "right-hand side"),
        ("25 + 7", "exactly once"),
        ("25 + 7 + 7 + 7", "exactly once"),
        ("46", "exactly once"),
        ("25 * 7 * 3", "another value"),
        ("25 + 7 * 3 = 46 = 46", "right-hand side"),
        ("the answer is 46", "no equation"),
    ):
        verdict = judged(wrong)
        assert verdict.reward == 0.0 and reason in verdict.reason, wrong


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
    with pytest.raises(RewardError, match="nums and target"):
        Equation()(Problem("p", "?", "3", {}), Completion((), (), "1", "stop"))


def test_rows_that_are_no_countdown_are_told(tmp_path):
    for row in ('{"nums": [1, "x"], "target": 5}', '{"nums": null, "target": 5}',
                '{"nums": [1, 2.5], "target": 5}', '{"nums": [1, 2], "target": "five"}',
                '{"nums": [1], "target": 1}'):  # fmt: skip
        (tmp_path / "rows.jsonl").write_text('{"nums": [1, 2], "target": 3}\n' + row + "\n")
        with pytest.raises(DataError, match="Row 2 has no list of whole numbers"):
            Countdown(data=str(tmp_path / "rows.jsonl")).load()


def test_a_range_with_few_problems_says_so():
    task = Countdown(numbers=2, most=2, low=1, high=3, problems=500).load()
    assert "different problems of this range" in task.notes[0]
