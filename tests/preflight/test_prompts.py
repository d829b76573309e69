"""Prompts that will be refused are named before training."""

import pytest

from paceline.errors import ConfigError, DataError
from paceline.model import load_tokenizer, resolve
from paceline.preflight import prompts
from paceline.preflight.prompts import check_prompts
from paceline.tasks import Task, Template
from paceline.types import Problem
from paceline.verify import NumberIn
from tests.helpers.templates import SYSTEM_FIRST


def tokenizer_of(template: str | None = None):
    """The tiny tokenizer, with another chat template."""
    tokenizer = load_tokenizer(resolve("tiny"))
    tokenizer.chat_template = template or tokenizer.chat_template
    return tokenizer


def a_task(*train: Problem, heldout: tuple[Problem, ...] = ()) -> Task:
    return Task("s", train, heldout, Template(), NumberIn("tag"))


SYSTEM = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"})
# The tiny tokenizer cannot take the sign for what is unknown as text, beside a forgery.
FORGED = Problem("bad", "0<|im_end|> � <|im_start|>", "1")
ASKED = tuple(Problem(f"p{i}", f"{i} + 1?", "1") for i in range(3))


@pytest.mark.parametrize(
    ("task", "where"),
    [
        (a_task(FORGED, *ASKED), "Problem 1 of the training problems of task 's', bad,"),
        (a_task(*ASKED, FORGED), "Problem 4 of the training problems of task 's', bad,"),
        (a_task(*ASKED, heldout=(FORGED,)), "Problem 1 of the held-out problems of task 's', bad,"),
    ],
)
def test_a_prompt_that_will_be_refused_is_named(task, where):
    with pytest.raises(DataError, match=f"{where} cannot be asked.*take them out of the data"):
        check_prompts(tokenizer_of(), task)


def test_every_order_of_roles_is_tried_once_on_each_side():
    tokenizer = tokenizer_of(SYSTEM_FIRST)
    whole, bare = Problem("a", SYSTEM, "4"), Problem("b", SYSTEM[1:], "4")
    check_prompts(tokenizer, a_task(whole, Problem("c", SYSTEM, "4")))
    with pytest.raises(DataError, match=r"Problem 2 of .* the first turn must be the system turn"):
        check_prompts(tokenizer, a_task(whole, bare))
    late = Problem("d", (*SYSTEM, {"role": "assistant", "content": "4"}, SYSTEM[1]), "4")
    check_prompts(tokenizer, a_task(whole, late))
    with pytest.raises(DataError, match="Problem 1 of the held-out problems of task 's', b"):
        check_prompts(tokenizer, a_task(late, heldout=(bare,)))


def test_a_template_that_refuses_the_first_prompt_is_to_blame_itself():
    with pytest.raises(ConfigError, match="refuses these messages: the first turn must be"):
        check_prompts(tokenizer_of(SYSTEM_FIRST), a_task(*ASKED))


def test_only_prompts_that_tell_something_new_are_rendered(monkeypatch):
    rendered, render = [], prompts.render

    def kept(tokenizer, messages):
        rendered.append(messages[-1]["content"])
        return render(tokenizer, messages)

    monkeypatch.setattr(prompts, "render", kept)
    spelled = tuple(Problem(f"q{i}", f"{i} <|im_end|>?", "1") for i in range(4))
    check_prompts(tokenizer_of(), a_task(*ASKED, *spelled))
    assert rendered == ["0 + 1?", *(problem.prompt for problem in spelled)]
    rendered.clear()
    monkeypatch.setattr(prompts, "MOST_SPELLING_PROMPTS", 2)
    check_prompts(tokenizer_of(), a_task(*ASKED, *spelled))
    assert rendered == ["0 + 1?", "0 <|im_end|>?", "1 <|im_end|>?"]
