"""The rendering, before training, of every prompt that the chat template or the tokenizer may
refuse."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import ConfigError, DataError
from ..model.control import controls_of
from ..model.template import render
from ..tasks import Task
from ..types import Problem

MOST_SPELLING_PROMPTS = 2000
"""Most prompts that spell control tokens and are rendered; in some tasks every row does."""


def check_prompts(tokenizer: Any, task: Task) -> None:
    """Render a prompt of every order of roles, and the prompts whose row spells a control token.

    Raises: DataError, naming the problem, if one is refused; ConfigError if the template refuses
        the first, and so most likely all.
    """
    for side, problems in (("training", task.train), ("held-out", task.heldout)):
        for number, problem, spells in _to_render(tokenizer, task, problems):
            try:
                render(tokenizer, task.messages(problem))
            except ConfigError as error:
                if problem is task.train[0] and not spells:
                    raise
                raise DataError(
                    f"Problem {number} of the {side} problems of task '{task.name}', "
                    f"{problem.name}, cannot be asked. {error}"
                ) from error


def _to_render(
    tokenizer: Any, task: Task, problems: Sequence[Problem]
) -> Iterator[tuple[int, Problem, bool]]:
    """(the problem's number, the problem, True if it spells a control token) for each prompt to
    render."""
    controls = controls_of(tokenizer)
    seen, spelling = set[tuple[str, ...]](), 0
    for number, problem in enumerate(problems, 1):
        roles = tuple(turn["role"] for turn in task.messages(problem))
        text = problem.prompt
        if not isinstance(text, str):
            text = "".join(turn["content"] for turn in text)
        spells = spelling < MOST_SPELLING_PROMPTS and controls.spelled_in(text)
        spelling += spells
        if spells or roles not in seen:
            yield number, problem, spells
        seen.add(roles)
