"""Rollouts of the same problem side by side."""

import pyarrow.parquet as pq
import pytest

from paceline.analysis.compare import rollouts
from paceline.analysis.compare.rollouts import MOST_CHARACTERS, AnswerData, SideData, side_by_side
from paceline.run import Run
from paceline.store.rollout_row import table_of
from tests.helpers.rollout_rows import row_with


def a_run(folder, *rounds, updates=2):
    """A run with these rounds; each is a list of (draw, completion, reward)."""
    run = Run(folder)
    run.rollouts.mkdir(parents=True)
    for index, rows in enumerate(rounds):
        table = table_of([
            row_with(
                step=updates * index + 1, draw=draw, prompt=f"say {draw}", answer=str(draw),
                completion=text, reward=reward, correct=reward == 1,
                finish="length" if text == "cut" else "stop",
            )
            for draw, text, reward in rows
        ])  # fmt: skip
        pq.write_table(table, run.rollouts_of(index))
    return run


ONE = [(0, "0", 1.0), (0, "cut", 0.0), (1, "2", 0.5)]
OTHER = [(0, "so 0", 1.0), (0, "0!", 1.0), (1, "1", float("nan"))]


def test_the_answers_of_each_label_to_a_problem_stand_side_by_side(tmp_path):
    made = side_by_side(
        {"a": {0: a_run(tmp_path / "a", ONE)}, "b": {0: a_run(tmp_path / "b", OTHER)}}
    )
    assert made.seed == 0
    (only,) = made.rounds
    assert (only.round, only.step) == (0, 1)
    first, second = only.problems
    assert (first.prompt, first.answer) == ("say 0", "0")
    a, b = first.answers["a"], first.answers["b"]
    assert (a.right, a.of, b.right, b.of) == (1, 2, 2, 2)
    assert a.rows == [AnswerData("0", 1.0, True, False), AnswerData("cut", 0.0, False, True)]
    # A reward that is no number is none.
    assert second.answers["b"].rows == [AnswerData("1", None, False, False)]


def test_the_first_common_seed_is_shown(tmp_path):
    runs = {
        "a": {seed: a_run(tmp_path / f"a{seed}", ONE) for seed in (0, 1, 2)},
        "b": {seed: a_run(tmp_path / f"b{seed}", ONE) for seed in (2, 1)},
    }
    assert side_by_side(runs).seed == 1
    del runs["a"][1], runs["a"][2]
    assert side_by_side(runs) == SideData(None, ())


def test_a_round_at_other_steps_of_the_runs_has_no_step(tmp_path):
    runs = {
        "a": {0: a_run(tmp_path / "a", ONE, ONE)},
        "b": {0: a_run(tmp_path / "b", ONE, ONE, ONE, updates=4)},
    }
    # Only the rounds that all runs have: the first begins at step 1 in both.
    assert [(r.round, r.step) for r in side_by_side(runs).rounds] == [(0, 1), (1, None)]


def test_problems_that_not_all_met_and_rounds_that_cannot_be_read_are_left_out(tmp_path):
    a = a_run(tmp_path / "a", ONE, ONE, ONE)
    b = a_run(tmp_path / "b", ONE[2:], ONE, [(7, "7", 1.0)])
    b.rollouts_of(1).write_bytes(b"PAR1 half")
    (only,) = side_by_side({"a": {0: a}, "b": {0: b}}).rounds
    assert only.round == 0 and [problem.prompt for problem in only.problems] == ["say 1"]


def test_rounds_problems_and_answers_are_spread_evenly_where_there_are_many(tmp_path, monkeypatch):
    for name, most in (("MOST_ROUNDS", 3), ("MOST_PROBLEMS", 2), ("MOST_ROWS", 1)):
        monkeypatch.setattr(rollouts, name, most)
    many = [(draw, "?", 0.0) for draw in range(5) for _ in range(2)]
    runs = {label: {0: a_run(tmp_path / label, *[many] * 5)} for label in ("a", "b")}
    made = side_by_side(runs)
    assert [r.round for r in made.rounds] == [0, 2, 4]
    assert [problem.prompt for problem in made.rounds[0].problems] == ["say 0", "say 4"]
    answers = made.rounds[0].problems[0].answers["a"]
    assert (len(answers.rows), answers.of) == (1, 2)


@pytest.mark.parametrize(("more", "left_out"), [(0, False), (1, True)])
def test_the_middle_of_a_long_answer_is_left_out(tmp_path, more, left_out):
    text = "a" * (MOST_CHARACTERS // 2 + more) + "b" * (MOST_CHARACTERS // 2)
    runs = {label: {0: a_run(tmp_path / label, [(0, text, 0.0)])} for label in ("a", "b")}
    shown = side_by_side(runs).rounds[0].problems[0].answers["a"].rows[0].text
    assert ("[… 1 characters left out …]" in shown) == left_out
    assert shown.startswith("a" * 600) and shown.endswith("b" * 600)
