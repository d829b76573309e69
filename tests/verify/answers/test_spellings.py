"""Words that make another answer of the number behind them."""

import pytest

from paceline.verify.answers.spellings import FULL_WIDTH, changes_what_follows, denies


@pytest.mark.parametrize(
    "text",
    [
        "it is not ", "is not equal to the ", "isn't ", "isn’t ", "can't be ", "cannot be",
        "more than ", "at most ", "twice ", "the square root of ", "half of the ", "neg. ", "负数",
        "不是", "大于", "三分之",
    ],
)  # fmt: skip
def test_words_that_change_what_follows(text):
    assert changes_what_follows(text)


@pytest.mark.parametrize(
    "text",
    [
        "it is ",
        "nothing else, so ",
        "not 4 but ",
        "a total of ",
        "the number of ",
        "答案是",
        "共",
    ],
)
def test_words_that_do_not(text):
    assert not changes_what_follows(text)


def test_a_name_that_denies():
    assert denies("not") and denies("Not ") and not denies("Area")


def test_wide_letters_have_plain_ones():
    assert "１２，Ａ（ｂ）。\u3000x".translate(FULL_WIDTH) == "12,A(b). x"
