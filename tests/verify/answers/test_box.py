"""The answer in a box, and what stands around it."""

import pytest

from paceline.verify.answers.box import PART_OF_LARGER, SEVERAL_ANSWERS, TEXT_BEHIND, boxed


@pytest.mark.parametrize("piece", ["$", "$ ", ".", "\\) ", "\\end{a}", "*", "\\quad", ")"])
def test_what_stands_behind_a_box_is_read_once(piece):
    # A pattern that could take it in two ways would take 2^10000 of them.
    assert boxed("\\boxed{5}" + piece * 10_000 + "x") == (None, TEXT_BEHIND)


@pytest.mark.parametrize(
    "before",
    [
        "-", "$-", "2", "$2", "10 ", "$3 + ", r"$\sqrt", r"$x \neq ", "not ", r"\text{-}",
        r"\text{not }",
        r"$\text{minus }", "¬", "负", "至少", "at least ", "0.", "$1,", "f(", "x=-$",
    ],
)  # fmt: skip
def test_a_box_behind_a_sign_or_an_operand_is_a_part(before):
    assert boxed(before + r"\boxed{5}") == (None, PART_OF_LARGER)


@pytest.mark.parametrize(
    "before",
    [
        "", "= ", "$x = ", "so ", "Answer: ", "**Answer:** ", "- ", "1. ", "Step 2: ", "答案是",
        "**", "$$",
        r"\[ ", r"$\therefore ", r"\text{so }", r"$x \in ", "(", "Then 5 apples, so $",
    ],
)  # fmt: skip
def test_a_box_behind_words_or_an_equals_sign_is_the_answer(before):
    assert boxed(before + r"\boxed{5}") == ("5", "")


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{5}", r"so $\boxed{5}$.", r"$x = \boxed{5}$", r"**\boxed{5}**", "- \\boxed{5}",
        r"Answer: \boxed{5}。", r"Step 1 $\boxed{5}$", r"\therefore \boxed{5}",
        "\\[\n\\boxed{5}\n\\]",
        r"\boxed{4}, no: \boxed{5}", r"\boxed{5} and again \boxed{5}", r"答案是\boxed{5}",
    ],
)  # fmt: skip
def test_a_box_that_is_the_answer(text):
    assert boxed(text) == ("5", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r"-\boxed{5}", PART_OF_LARGER),
        (r"$2\boxed{5}$", PART_OF_LARGER),
        (r"$3 + \boxed{5}$", PART_OF_LARGER),
        (r"$\sqrt\boxed{5}$", PART_OF_LARGER),
        (r"$x \neq \boxed{5}$", PART_OF_LARGER),
        (r"it is not \boxed{5}", PART_OF_LARGER),
        (r"\boxed{4} or \boxed{5}", SEVERAL_ANSWERS),
        (r"\boxed{4}\boxed{5}", SEVERAL_ANSWERS),
        (r"\boxed{3}, no \boxed{4}, no \boxed{5}", SEVERAL_ANSWERS),
        (r"\boxed{5} or 6", TEXT_BEHIND),
    ],
)
def test_a_box_that_is_a_part_or_one_of_several(text, reason):
    assert boxed(text) == (None, reason)
