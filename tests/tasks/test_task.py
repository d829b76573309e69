"""Templates and the task record."""

from dataclasses import replace
from typing import Any

import pytest

from paceline.errors import ConfigError, DataError
from paceline.tasks import Task, TaskSource, Template, every_source
from paceline.types import Given, Problem
from paceline.verify import LastNumber

ONE, TWO = Problem("a", "one?", "1"), Problem("b", "two?", "2")


def task(train: Any, heldout: Any = ()) -> Task:
    return Task("sums", tuple(train), tuple(heldout), Template(), LastNumber())


def test_text_becomes_one_user_turn() -> None:
    assert Template().messages(ONE) == ({"role": "user", "content": "one?"},)
    template = Template("Be brief.", "Q: {prompt}\nAnswer in \\boxed{}, {not} {{this}}.")
    assert template.messages(Problem("a", "what is {x}?")) == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Q: what is {x}?\nAnswer in \\boxed{}, {not} {this}."},
    )


def test_messages_are_kept_and_a_system_message_is_put_before_them_if_there_is_none() -> None:
    user, system = {"role": "user", "content": "hi"}, {"role": "system", "content": "own"}
    template = Template("Be brief.", "Q: {prompt}")
    assert template.messages(Problem("a", (user,))) == (
        {"role": "system", "content": "Be brief."},
        user,
    )
    assert template.messages(Problem("a", (system, user))) == (system, user)
    assert Template().messages(Problem("a", (user,))) == (user,)


def test_a_template_must_ask_the_problem() -> None:
    for user in ("What?", "{{prompt}}"):
        with pytest.raises(ConfigError, match=r" has no \{prompt\}"):
            Template(user=user)


def test_a_task_has_nothing_but_the_prompt_to_fill_in() -> None:
    template = Template(user="{prompt} {imput}")
    with pytest.raises(ConfigError) as refused:
        Task("sums", (ONE,), (TWO,), template, LastNumber())
    assert str(refused.value) == (
        "task.user has {imput}, and only {prompt} is there to fill in. Or, if these letters "
        "themselves are meant, write {{imput}}."
    )
    Task("sums", (ONE,), (TWO,), Template(user="{prompt} \\boxed{answer} {{imput}}"), LastNumber())


def test_a_row_is_named_beside_the_id() -> None:
    again = Problem("a", "one?", row="row 17")
    assert (again.name, ONE.name, again) == ("a (row 17)", "a", Problem("a", "one?"))
    with pytest.raises(DataError, match=r"same id, a \(row 17\)\."):
        task([ONE, again])
    with pytest.raises(DataError, match=r", a \(row 17\), is also held out"):
        task([again], [ONE])


def test_a_task_asks_by_its_template() -> None:
    assert task([ONE], [TWO]).messages(TWO) == ({"role": "user", "content": "two?"},)


@pytest.mark.parametrize(
    ("train", "heldout", "message"),
    [
        ((), (ONE,), r"Task 'sums' has no training problems \(1 are held out\)"),
        ((ONE, Problem("b", " \n")), (), "Problem 2 of the training .*, b, has an empty"),
        ((ONE, Problem("b", ())), (), "Problem 2 of the training .* has an empty prompt"),
        ((ONE,), (Problem("b", ""),), "Problem 1 of the held-out .* has an empty prompt"),
        ((ONE, TWO, ONE), (), "Problems 1 and 3 of the training .* have the same id, a"),
        ((ONE, TWO), (TWO,), "Problem 2 of the training .*, b, is also held out"),
        ((ONE, TWO), (Problem("c", " two? "),), r"Problem 2 of the training .* also held out"),
    ],
)
def test_mistakes_are_named_with_their_place(train: Any, heldout: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        task(train, heldout)
    assert refused.value.exit_code == 3


def test_a_system_message_alone_asks_nothing() -> None:
    with pytest.raises(DataError, match="empty prompt"):
        task([Problem("a", ({"role": "system", "content": "Be brief."},))])


def test_without_rows_that_bring_something_it_is_the_gold_answer() -> None:
    assert task([ONE], [TWO]).brought(ONE) == ()
    gold = Task("s", (ONE,), (TWO,), Template(), LastNumber(), gold=lambda p: p.answer or None)
    assert gold.brought(TWO) == (Given(({"role": "assistant", "content": "2"},)),)
    assert gold.brought(Problem("c", "three?")) == ()
    own = (Given(({"role": "assistant", "content": "own"},)),)
    given = replace(gold, given=lambda p: own if p is ONE else ())
    assert given.brought(ONE) == own and given.brought(TWO) == ()
    assert given.judged and given.forms == ""


def test_every_source_is_a_task_source() -> None:
    assert all(isinstance(source(), TaskSource) for source in every_source().values())
