"""The result of a run in the sandbox."""

from typing import get_args

import pytest

from paceline.verify.programs.sandbox.result import Outcome, Result


@pytest.mark.parametrize(
    ("stdout", "text"),
    [(b"", ""), ("größer 中文\n".encode(), "größer 中文\n"), (b"a\xffb\xc3", "a\ufffdb\ufffd")],
)
def test_the_output_is_text_with_a_mark_for_what_is_none(stdout, text):
    assert Result("ok", stdout, b"\xff", 0, "", 0.1).text == text


def test_a_sandbox_that_did_not_work_is_an_outcome_of_its_own():
    assert get_args(Outcome) == ("ok", "limit", "failed", "infrastructure")
