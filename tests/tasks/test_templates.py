"""The template of a task's rows."""

import pytest

from paceline.errors import ConfigError
from paceline.tasks import Template
from paceline.tasks.templates import template_of
from paceline.types import Problem

TEXT = Problem("a", "one?")
TURNS = Problem("b", ({"role": "user", "content": "two?"},))
OWN = Problem("c", ({"role": "system", "content": "s"}, {"role": "user", "content": "three?"}))


def test_options_make_it() -> None:
    assert template_of([TEXT], "Be brief.", "Q: {prompt}") == (
        Template("Be brief.", "Q: {prompt}"),
        [],
    )
    assert template_of([TEXT], None, "Q: {prompt} {n}", filled=True)[0] == Template()


def test_prompts_that_an_option_leaves_as_they_are_are_counted() -> None:
    template, notes = template_of([TEXT, TURNS, OWN], "Be brief.", "Q: {prompt}")
    assert template == Template("Be brief.", "Q: {prompt}")
    assert notes == [
        "task.user leaves 2 of 3 prompts as they are: they are messages already.",
        "task.system leaves 1 of 3 prompts as they are: they bring a system message of their own.",
    ]


def test_an_option_that_would_change_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"task\.user would change nothing: all prompts are mess"):
        template_of([TURNS, OWN], None, "Q: {prompt}")
    with pytest.raises(ConfigError, match=r"task\.system would change nothing: all prompts bring"):
        template_of([OWN], "Be brief.")
