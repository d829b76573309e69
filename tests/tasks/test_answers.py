"""A row's expected answer as text."""

import math
from typing import Any

import pytest

from paceline.tasks.answers import (
    are_whole_floats,
    as_text,
    is_bare_box,
    is_missing,
    last_box,
    text_after,
)


def test_null_and_what_floats_have_for_it_are_missing() -> None:
    assert all(map(is_missing, (None, math.nan, math.inf, -math.inf)))
    assert not any(map(is_missing, (0, 0.0, "", "nan", False, [])))


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ([4.0, 5.0], True),
        ([4.0, 5, None, math.nan], True),
        ([4, 5], False),
        ([4.0, 4.5], False),
        ([4.0, "5"], False),
        ([1e300], False),
        ([None], False),
        ([], False),
    ],
)
def test_whole_floats(values: list[Any], right: bool) -> None:
    assert are_whole_floats(values) is right


def test_cells_as_text() -> None:
    cells = (4, 4.0, 4.5, "4", None, math.nan, [1, "ä"], {"a": 1}, True)
    texts = ["4", "4.0", "4.5", "4", "", "", '[1, "ä"]', '{"a": 1}', "True"]
    assert list(map(as_text, cells)) == texts
    assert as_text(4.0, whole_floats=True) == "4"


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("so $\\frac12=\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("\\boxed{1} and \\boxed{2}", "2"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("\\boxed{\\left\\{1 \\right.}!", "\\left\\{1 \\right."),
        ("\\boxed{a \\\\}b", "a \\\\"),
        ("\\fbox{3} miles", "3"),
        ("is \\boxed 2$ then", "2"),
        ("is $\\boxed{2$", None),
        ("no box", None),
    ],
)
def test_the_last_box(text: str, inside: str | None) -> None:
    assert last_box(text) == inside


def test_a_bare_box_is_no_worked_solution() -> None:
    for text in ("\\boxed{7}", " $\\boxed{7}$. ", "\\boxed{\\frac{1}{2}}"):
        assert is_bare_box(text), text
    for text in ("so \\boxed{7}", "\\boxed{7} is it", "\\boxed{1} or \\boxed{2}", "7"):
        assert not is_bare_box(text), text


def test_behind_a_mark() -> None:
    assert text_after("a #### 1 #### 2", "####") == " 2"
    assert text_after("so \\boxed{\\frac{1}{2}}.", "\\boxed{") == "\\frac{1}{2}"
    assert text_after("\\boxed{1", "\\boxed{") is None
    assert text_after("1", "####") is None
