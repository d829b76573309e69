"""Multiple choice."""

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem
from paceline.verify.answers.choice import Choice, as_letter, letter

OPTIONS = {"choices": ["a red fox", "a blue whale", "an owl."]}


def judged(text, expected="B", data=None, **changes):
    problem = Problem("p", "?", expected, OPTIONS if data is None else data)
    return Choice(**changes)(problem, Completion((), (), f"<answer>{text}</answer>", "stop"))


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "(B)",
        "B.",
        "b",
        "b)",
        " B ",
        "B. a blue whale",
        "(B) A blue whale.",
        "B: a blue  whale",
    ],
)
def test_the_right_letter_in_any_dress(text):
    assert judged(text).reward == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "A or B",
        "AB",
        "B, because it swims",
        "B. a red fox",
        "a blue whale",
        "ABC",
        "",
        "BB",
        "β",
    ],
)
def test_anything_else_is_wrong(text):
    assert judged(text).reward == 0.0


def test_letters_of_rows():
    assert letter("(c)") == "C" and letter("CD") is None
    assert as_letter(1, 4) == "B" and as_letter("d", 4) == "D"
    for wrong in (4, -1, "e", "", None, 1.0):
        with pytest.raises(ConfigError):
            as_letter(wrong, 4)
    with pytest.raises(RewardError, match="is not a letter"):
        judged("B", expected="blue whale")


def test_without_options_the_letter_stands_alone():
    assert judged("B", data={}).reward == 1.0 and judged("B. a blue whale", data={}).reward == 0.0
