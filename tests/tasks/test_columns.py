"""From rows to problems."""

from typing import Any

import pytest

from paceline.errors import DataError, RewardError
from paceline.tasks import Columns, content_id
from paceline.tasks.row import cell
from paceline.types import Problem

PLAIN = Columns("prompt", "answer")
NUMBERS = Columns("prompt", "answer", answer_is="number")
USER = {"role": "user", "content": "hi"}


def row(prompt: Any = "one?", answer: Any = "1", **others: Any) -> dict[str, Any]:
    return {"prompt": prompt, "answer": answer, **others}


def test_a_row_becomes_a_problem_with_its_other_columns() -> None:
    found = PLAIN.problems([row(answer=103, level=[1, 2])], "'x'")
    name, data = content_id("one?", "103"), {"answer": 103, "level": [1, 2]}
    assert found.problems == [Problem(name, "one?", "103", data, raw_answer=103)]
    assert (found.problems[0].row, found.notes, found.filled) == ("row 1", [], False)


def test_messages_are_kept() -> None:
    turns = [{"role": "system", "content": "s"}, {**USER, "name": "dropped"}]
    (problem,) = PLAIN.problems([row(turns)], "'x'").problems
    assert problem.prompt == ({"role": "system", "content": "s"}, USER)


def test_a_column_inside_a_column_is_reached_with_a_dot() -> None:
    columns = Columns("prompt", "reward_model.ground_truth")
    rows = [{"prompt": "?", "reward_model": {"ground_truth": 5}}]
    (problem,) = columns.problems(rows, "'x'").problems
    assert (problem.answer, problem.raw_answer) == ("5", 5)
    assert problem.data == {"reward_model": {"ground_truth": 5}}
    assert cell({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert cell({"a": 1}, "a.b") is None


def test_the_answer_may_stand_behind_a_mark() -> None:
    columns = Columns("prompt", "answer", answer_after="####", answer_is="number")
    (problem,) = columns.problems([row(answer="a #### b\n#### 1,234 ")], "'x'").problems
    assert problem.answer == "1,234"
    with pytest.raises(DataError, match=r"Row 2 of 'x' \('1'\): the answer has no ####"):
        columns.problems([row(answer="#### 1"), row(answer="1")], "'x'")


def test_a_mark_is_advised_to_those_who_gave_none() -> None:
    advised = "task.answer_after=MARK for a number after a mark, or a reward"
    with pytest.raises(DataError) as refused:
        NUMBERS.problems([row(), row(answer="four")], "'x'")
    assert str(refused.value).startswith("Row 2 of 'x' ('four'): the answer is not a plain number")
    assert advised in str(refused.value)
    after = Columns("prompt", "answer", answer_after="####", answer_is="number")
    with pytest.raises(DataError, match=r"exact for texts, or a reward of your own\. Fix"):
        after.problems([row(answer="#### 1"), row(answer="#### four")], "'x'")


def test_rows_that_repeat_an_earlier_one_are_left_out_and_numbered() -> None:
    rows = [row("a", n=1), row("b", n=2), row("a", n=3), row("a", "2", n=4), row("b", n=5)]
    found = PLAIN.problems(rows, "'x'")
    assert [(p.prompt, p.answer) for p in found.problems] == [("a", "1"), ("b", "1"), ("a", "2")]
    assert [p.row for p in found.problems] == ["row 1", "row 2", "row 4"]
    assert found.notes == [
        "1 question of 'x' has several answers (rows 1 and 4: '1' and '2'), and each row pays "
        "only for its own; task.user=\"{prompt}\\n{n}\" asks with column 'n' as well.",
        "Rows 3 and 5 of 'x': left out, the same as an earlier row in prompt and answer, though "
        "not in [n].",
    ]


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
        (row(5), "(the first: 5): the prompt is neither text nor messages"),
        (row(["hi"]), "(the first: 'hi'): the messages are not all {role, content}"),
        (row([{"content": "hi"}]), "the messages are not all {role, content}"),
        (row([{"role": "user", "content": [1]}]), "a message's role or content is not text"),
        (row([USER, {"role": "assistant", "content": "yes"}]), "end with the assistant's turn"),
        (row("a\0b"), "(the first: 'a\\x00b'): the prompt has a NUL character"),
        (row([{"role": "user", "content": "a\0b"}]), "the prompt has a NUL character"),
        (row("\ud800"), "the prompt is not valid Unicode"),
        (row("a" * 1_000_001), "the prompt is longer than 1,000,000 characters"),
        (row(answer=None), "there is no answer in column 'answer'"),
        (row(answer=" "), "there is no answer in column 'answer'"),
        ({"prompt": "one?"}, "there is no answer in column 'answer'"),
        (row(answer=["1"]), "the answer in column 'answer' is neither text nor a number"),
        (
            row(answer="five"),
            "(the first: 'five'): the answer is not a plain number, and the reward",
        ),
        (row(float("nan")), "there is no prompt in column 'prompt'"),
        (row(answer=float("nan")), "there is no answer in column 'answer'"),
        (row(answer=float("-inf")), "there is no answer in column 'answer'"),
    ],
)
def test_faults_are_named_with_their_rows(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        NUMBERS.problems([row(), wrong, row("two?"), wrong], "'x'")
    assert str(refused.value).startswith("Rows 2 and 4 of 'x'")
    assert message in str(refused.value)


def test_a_reward_of_ones_own_may_do_without_answers_or_take_any() -> None:
    rows = [row("a", None), row("b", ["x", "y"]), row("c", float("nan"))]
    problems = PLAIN.problems(rows, "'x'").problems
    assert [p.answer for p in problems] == ["", '["x", "y"]', ""]
    assert [p.raw_answer for p in problems] == [None, ["x", "y"], None]
    (problem,) = Columns("prompt", None).problems([{"prompt": "q"}], "'x'").problems
    assert problem.answer == ""


def test_no_rows_are_an_error() -> None:
    with pytest.raises(DataError, match="'x' has no rows"):
        PLAIN.problems([], "'x'")


def test_faults_may_be_left_out_with_a_note() -> None:
    rows = [row(), row("two?", "five"), row("three?", "3"), row("four?", None)]
    with pytest.raises(DataError, match=r"Fix them, or leave them out with task\.on_error=drop\.$"):
        NUMBERS.problems(rows, "'x'")
    found = Columns("prompt", "answer", answer_is="number", drop=True).problems(rows, "'x'")
    assert [(p.prompt, p.row) for p in found.problems] == [("one?", "row 1"), ("three?", "row 3")]
    assert found.notes[0].startswith("Left out: row 2 of 'x' ('five'): the answer is not a plain")
    assert found.notes[1] == "Left out: row 4 of 'x': there is no answer in column 'answer'."
    with pytest.raises(DataError, match="Row 1 of 'x': there is no answer"):
        Columns("prompt", "answer", answer_is="text", drop=True).problems([row("a", "")], "'x'")


def test_whole_floats_are_whole_numbers_and_others_stay() -> None:
    texts = Columns("prompt", "answer", answer_is="text")
    found = texts.problems([row("a", 4.0), row("b", 5.0), row("c", 6)], "'x'")
    assert [p.answer for p in found.problems] == ["4", "5", "6"]
    assert [p.raw_answer for p in found.problems] == [4.0, 5.0, 6]
    (note,) = found.notes
    assert note.endswith("are whole numbers written as floats, such as 4.0; they are read as 4.")
    decimals = texts.problems([row("a", 4.0), row("b", 4.5)], "'x'")
    assert [p.answer for p in decimals.problems] == ["4.0", "4.5"]
    written = texts.problems([row("a", "4.0"), row("b", "-5.00")], "'x'")
    assert [p.answer for p in written.problems] == ["4.0", "-5.00"]
    for found, start in ((decimals, "Row 1 of 'x'"), (written, "Rows 1 and 2 of 'x'")):
        (note,) = found.notes
        assert note.startswith(f"{start}: the answer is written '4.0', and the reward compares")
        assert "so '4' earns nothing" in note
    assert NUMBERS.problems([row("a", "4.0")], "'x'").notes == []


def test_of_a_worked_solution_the_last_box_is_the_answer() -> None:
    worked = "First $\\boxed{9}$ is tried, then $\\frac{2}{3}=\\boxed{\\frac{2}{3}}$."
    expressions = Columns("prompt", "answer", answer_is="expression")
    found = expressions.problems(
        [row("a", worked), row("b", "$x^2$"), row("c", "\\boxed{7}")], "'x'"
    )
    assert [p.answer for p in found.problems] == ["\\frac{2}{3}", "$x^2$", "7"]
    assert found.notes == [
        "Of 1 of 3 rows of 'x' the answer is a worked solution; what its last \\boxed{…} holds is "
        "the expected answer."
    ]
    (problem,) = NUMBERS.problems([row("a", "So it is \\boxed{18}.")], "'x'").problems
    assert problem.answer == "18"
    texts = Columns("prompt", "answer", answer_is="text")
    assert texts.problems([row("a", "\\boxed{7}")], "'x'").problems[0].answer == "\\boxed{7}"
    behind = Columns("prompt", "answer", "\\boxed{", "expression")
    (problem,) = behind.problems([row("a", worked)], "'x'").problems
    assert problem.answer == "\\frac{2}{3}"


def test_columns_in_the_users_turn_make_the_question() -> None:
    columns = Columns("ask", "answer", user="{prompt}\nInput: {given}\n{more.n}, {{given}}")
    rows = [
        {"ask": "Add.", "given": "2 and 3", "more": {"n": 1.0}, "answer": "5"},
        {"ask": "Add.", "given": "3 and 2", "more": {"n": 2}, "answer": "5"},
        {"ask": "Say {given}.", "given": None, "more": {}, "answer": "5"},
    ]
    found = columns.problems(rows, "'x'")
    assert [p.prompt for p in found.problems] == [
        "Add.\nInput: 2 and 3\n1, {given}",
        "Add.\nInput: 3 and 2\n2, {given}",
        "Say {given}.\nInput: \n, {given}",
    ]
    assert found.filled and len({p.id for p in found.problems}) == 3


def test_one_question_for_all_rows_is_refused() -> None:
    rows = [{"prompt": "Add.", "input": f"{i} and 1", "answer": i + 1} for i in range(3)]
    with pytest.raises(DataError) as refused:
        PLAIN.problems(rows, "'x'")
    assert str(refused.value) == (
        "All rows of 'x' ask one question and have several answers (rows 1, 2 and 3: '1' and '2', "
        "…); task.user=\"{prompt}\\n{input}\" asks with column 'input' as well."
    )


def test_questions_with_several_answers_are_counted() -> None:
    rows = [row(q, a) for q in ("a?", "b?") for a in ("1", "2")] + [row("c?", "3"), row("c?", "3")]
    several, repeated = PLAIN.problems(rows, "'x'").notes
    assert several == (
        "2 questions of 'x' have several answers each (first rows 1 and 2: '1' and '2'), and each "
        "row pays only for its own; keep the right one."
    )
    assert repeated == "Row 6 of 'x': left out, the same as an earlier row."


def test_what_a_verifier_cannot_judge_is_named_with_its_rows() -> None:
    def odd(problem: Problem) -> None:
        if problem.answer == "x":
            raise RewardError(f"Problem {problem.name} is odd.")

    name = content_id("b", "x")
    with pytest.raises(DataError) as refused:
        PLAIN.problems([row("a"), row("b", "x"), row("c", "x")], "'x'", odd)
    assert str(refused.value) == (
        f"Rows 2 and 3 of 'x': no answer could be judged. For the first of them: Problem {name} "
        "(row 2) is odd. Fix them, or leave them out with task.on_error=drop."
    )
