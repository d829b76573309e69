"""Notes on rows that loaded, each a sentence that names the rows."""

import pytest

from paceline.errors import DataError
from paceline.tasks.notes import (
    notes_on_boxes,
    notes_on_decimals,
    notes_on_repetitions,
    notes_on_several_answers,
)
from paceline.tasks.row import Row
from paceline.types import Problem


def numbered(*pairs: tuple[str, str]) -> list[tuple[int, Problem]]:
    """Problems of rows 1, 2, …: (prompt, answer); equal ones have one id."""
    return [(i, Problem(f"{q}{a}", q, a)) for i, (q, a) in enumerate(pairs, 1)]


def rows(*values: tuple[str, str], **more: list) -> list[Row]:
    return [
        {"prompt": q, "answer": a, **{name: column[i] for name, column in more.items()}}
        for i, (q, a) in enumerate(values)
    ]


def test_worked_solutions_are_counted():
    made = rows(("a", r"so \boxed{3}"), ("b", r"\boxed{4}"), ("c", "5"))
    (note,) = notes_on_boxes(made, "answer", "'x'")
    assert note == (
        "Of 1 of 3 rows of 'x' the answer is a worked solution; what its last \\boxed{…} holds is "
        "the expected answer."
    )
    assert list(notes_on_boxes(made[1:], "answer", "'x'")) == []


def test_decimals_that_are_whole_are_told():
    found = notes_on_decimals(numbered(("a", "4.0"), ("b", "2.5"), ("c", "-3.00")), "'x'")
    assert list(found) == [
        "Rows 1 and 3 of 'x': the answer is written '4.0', and the reward compares texts, so '4' "
        "earns nothing; take task.reward=last_number or tag to compare numbers."
    ]
    assert list(notes_on_decimals(numbered(("a", "4"), ("b", "4.05"), ("c", "4.0 m")), "'x'")) == []


COLUMNS = ("prompt", "answer")


def several(*pairs: tuple[str, str], **more: list) -> list[str]:
    return list(notes_on_several_answers(rows(*pairs, **more), numbered(*pairs), COLUMNS, "'x'"))


def test_a_question_with_several_answers_is_told_once():
    assert several(("a?", "1"), ("b?", "2"), ("a?", "3")) == [
        "1 question of 'x' has several answers (rows 1 and 3: '1' and '3'), and each row pays only "
        "for its own; keep the right one."
    ]
    # Spaces make no other question; equal answers are one.
    assert len(several(("a  ?", "1"), ("b?", "2"), ("a ?", "3"))) == 1
    assert several(("a?", "1"), ("b?", "2"), ("a?", "1")) == []


def test_a_column_that_tells_them_apart_is_offered():
    (note,) = several(("a?", "1"), ("a?", "2"), ("b?", "2"), ("b?", "3"), level=[1, 2, 1, 2])
    assert note.startswith("2 questions of 'x' have several answers each (first rows 1 and 2: '1'")
    assert note.endswith(r"""task.user="{prompt}\n{level}" asks with column 'level' as well.""")


def test_one_question_for_all_rows_is_refused():
    with pytest.raises(DataError) as refused:
        several(("a?", "1"), ("a?", "2"), ("a?", "3"))
    assert str(refused.value) == (
        "All rows of 'x' ask one question and have several answers (rows 1, 2 and 3: '1' and '2', "
        "…); keep the right one."
    )


def repeated(*pairs: tuple[str, str], **more: list) -> list[str]:
    return list(notes_on_repetitions(rows(*pairs, **more), numbered(*pairs), COLUMNS, "'x'"))


def test_rows_that_repeat_another_are_numbered():
    assert repeated(("a", "1"), ("b", "2"), ("a", "1"), ("a", "1")) == [
        "Rows 3 and 4 of 'x': left out, the same as an earlier row."
    ]
    assert repeated(("a", "1"), ("a", "2")) == []
    assert repeated(("a", "1"), ("a", "1"), level=[1, 2]) == [
        "Row 2 of 'x': left out, the same as an earlier row in prompt and answer, though not in "
        "[level]."
    ]
