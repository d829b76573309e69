"""From rows to problems."""

from typing import Any

import pytest

from paceline.errors import DataError
from paceline.tasks import Columns, content_id
from paceline.tasks.columns import cell, in_words
from paceline.types import Problem

PLAIN = Columns("prompt", "answer")
NUMBERS = Columns("prompt", "answer", answer_is="number")
USER = {"role": "user", "content": "hi"}


def row(prompt: Any = "one?", answer: Any = "1", **others: Any) -> dict[str, Any]:
    return {"prompt": prompt, "answer": answer, **others}


def test_a_row_becomes_a_problem_with_its_other_columns() -> None:
    problems, repeated = PLAIN.problems([row(answer=103, level=[1, 2])], "'x'")
    name = content_id("one?", "103")
    assert problems == [Problem(name, "one?", "103", {"answer": 103, "level": [1, 2]})]
    assert repeated == []


def test_messages_are_kept() -> None:
    turns = [{"role": "system", "content": "s"}, {**USER, "name": "dropped"}]
    (problem,), _ = PLAIN.problems([row(turns)], "'x'")
    assert problem.prompt == ({"role": "system", "content": "s"}, USER)


def test_a_column_inside_a_column_is_reached_with_a_dot() -> None:
    columns = Columns("prompt", "reward_model.ground_truth")
    (problem,), _ = columns.problems([{"prompt": "?", "reward_model": {"ground_truth": 5}}], "'x'")
    assert problem.answer == "5"
    assert problem.data == {"reward_model": {"ground_truth": 5}}
    assert cell({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert cell({"a": 1}, "a.b") is None


def test_the_answer_may_stand_behind_a_mark() -> None:
    columns = Columns("prompt", "answer", answer_after="####", answer_is="number")
    (problem,), _ = columns.problems([row(answer="a #### b\n#### 1,234 ")], "'x'")
    assert problem.answer == "1,234"
    with pytest.raises(DataError, match="Row 2 of 'x': the answer has no ####"):
        columns.problems([row(answer="#### 1"), row(answer="1")], "'x'")


def test_rows_that_repeat_an_earlier_one_are_left_out_and_numbered() -> None:
    rows = [row("a", n=1), row("b", n=2), row("a", n=3), row("a", "2", n=4), row("b", n=5)]
    problems, repeated = PLAIN.problems(rows, "'x'")
    assert [(p.prompt, p.answer) for p in problems] == [("a", "1"), ("b", "1"), ("a", "2")]
    assert [p.data["n"] for p in problems] == [1, 2, 4]
    assert repeated == [3, 5]


def test_a_wrongly_named_column_brings_the_right_one() -> None:
    rows = [{"question": "q", "solution": "s", "id": 3}]
    with pytest.raises(DataError) as refused:
        PLAIN.problems(rows, "'x'")
    assert str(refused.value) == (
        "The rows of 'x' have columns [question, solution, id], but the prompt column is 'prompt'; "
        "set task.prompt=question."
    )
    with pytest.raises(DataError, match=r"the answer column is 'answer'; set task.answer=solution"):
        Columns("question", "answer").problems(rows, "'x'")
    with pytest.raises(DataError, match=r"set task.prompt to one of them"):
        Columns("prompt", None).problems([{"text": "q"}], "'x'")
    with pytest.raises(DataError, match=r"but no 'levle'\. Did you mean 'level'"):
        Columns("prompt", None, others=("levle",)).problems([{"prompt": "q", "level": 1}], "'x'")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"answer": "1"}, "there is no prompt in column 'prompt'"),
        (row(None), "there is no prompt in column 'prompt'"),
        (row(" \n"), "the prompt in column 'prompt' is empty"),
        (row([]), "the prompt in column 'prompt' is empty"),
        (row([{"role": "system", "content": "s"}]), "the prompt in column 'prompt' is empty"),
        (row(5), "the prompt is neither text nor messages (the first is 5)"),
        (row(["hi"]), "the messages are not all {role, content} (the first is 'hi')"),
        (row([{"content": "hi"}]), "the messages are not all {role, content}"),
        (row([{"role": "user", "content": [1]}]), "a message's role or content is no text"),
        (row([USER, {"role": "assistant", "content": "yes"}]), "end with the assistant's turn"),
        (row("a\0b"), "the prompt has a NUL character (the first is 'a\\x00b')"),
        (row([{"role": "user", "content": "a\0b"}]), "the prompt has a NUL character"),
        (row("\ud800"), "the prompt is not valid Unicode"),
        (row("a" * 1_000_001), "the prompt is longer than 1,000,000 characters"),
        (row(answer=None), "there is no answer in column 'answer'"),
        (row(answer=" "), "there is no answer in column 'answer'"),
        ({"prompt": "one?"}, "there is no answer in column 'answer'"),
        (row(answer=["1"]), "the answer in column 'answer' is no text or number"),
        (row(answer="five"), "the answer is no plain number, and the reward compares numbers"),
        (row(answer=float("nan")), "the answer is no plain number"),
    ],
)
def test_faults_are_named_with_their_rows(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        NUMBERS.problems([row(), wrong, row("two?"), wrong], "'x'")
    assert str(refused.value).startswith("Rows 2 and 4 of 'x': ")
    assert message in str(refused.value)


def test_a_reward_of_ones_own_may_do_without_answers_or_take_any() -> None:
    problems, _ = PLAIN.problems([row("a", None), row("b", ["x", "y"])], "'x'")
    assert [p.answer for p in problems] == ["", '["x", "y"]']
    (problem,), _ = Columns("prompt", None).problems([{"prompt": "q"}], "'x'")
    assert problem.answer == ""


def test_no_rows_are_an_error() -> None:
    with pytest.raises(DataError, match="'x' has no rows"):
        PLAIN.problems([], "'x'")


def test_row_numbers_in_words() -> None:
    assert in_words([3]) == "Row 3"
    assert in_words([3, 9]) == "Rows 3 and 9"
    assert in_words([1, 2, 3, 4, 5]) == "Rows 1, 2, 3, 4 and 5"
    assert in_words([1, 2, 3, 4, 5, 6, 7]) == "Rows 1, 2, 3, 4, 5 and 2 more"
