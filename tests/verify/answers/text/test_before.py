"""What stands before a box; tests/verify/answers/examined.jsonl has hundreds more."""

import pytest

from paceline.verify.answers.text.before import is_part


@pytest.mark.parametrize(
    "text",
    [
        "(4, ", "$(4, ", "$4$, $", "4: ", "$4 : ", "$-(", "-(", "$2 \\cdot (", "$\\pm$ $",
        "$x = -$ ", "x = -\n\n$$", "4 or $", "$4$ and $", "twice $", "the square root of ",
        "it cannot be $", "She has $5. The change is not $", "It is $4 or $", "三分之$", "第",
        "负的", "$\\log_2$ $", "in base $",
    ],
)  # fmt: skip
def test_what_makes_a_part(text):
    assert is_part(text)


@pytest.mark.parametrize(
    "text",
    [
        "**Final Answer**\n", "*So*\n", "### **Answer**\n\n", "* * *\n\n", "~~~\n",
        "At $x = 2$: ", "Since 2 + 3 = 5, ", "So $x = 5$,\n\\[ ", "There is no doubt that it is ",
        "It costs \\$", "Some text.\n\n---\n\n$",
        "Step 4: $", "**Step 4:** ", "x =\n\n$$", "$x =$ $", "We have $x = 4$. $", "- ", "(", "$(",
        "the average of $4$ and $6$ is $", "a minimum of $", "base $",
        "A total of $4$ is paid, so ",
    ],
)  # fmt: skip
def test_what_does_not(text):
    assert not is_part(text)


def test_a_long_text():
    assert not is_part("$x$ " * 100_000 + "is ")
