"""Words that make another answer of the number behind them."""

import pytest

from paceline.verify.answers.text.sentences import changes_what_follows


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
