"""Turns as rows spell them."""

from typing import Any

import pytest

from paceline.tasks.faults import Fault
from paceline.tasks.turns import (
    answer_of,
    answers_in,
    as_turns,
    check_answers,
    parted,
    turns_of,
    with_system,
)
from paceline.types import Given, Message


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def said(text: str) -> Message:
    return {"role": "assistant", "content": text}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def fault_of(call: Any, *args: Any) -> str:
    with pytest.raises(Fault) as refused:
        call(*args)
    return refused.value.reason


def test_both_spellings_are_the_same_turns() -> None:
    openai = [system("s"), user("q"), {**said("a"), "name": "dropped"}]
    sharegpt = [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "q"},
        {"from": "gpt", "value": "a"},
    ]
    table = [{**turn, "role": None, "content": None} for turn in sharegpt]  # of a parquet file
    for turns in (openai, sharegpt, table):
        assert turns_of(turns, "x") == (system("s"), user("q"), said("a"))


def test_calls_of_functions_are_the_assistants_and_observations_a_tools() -> None:
    turns = [{"from": "function_call", "value": "{}"}, {"from": "observation", "value": "4"}]
    assert turns_of(turns, "x") == (said("{}"), {"role": "tool", "content": "4"})


def test_one_turn_needs_no_list_and_a_system_turn_without_text_is_none() -> None:
    assert turns_of({"from": "gpt", "value": "a"}, "x") == (said("a"),)
    assert turns_of([system(" "), user("q")], "x") == (user("q"),)
    assert answer_of("a", "x") == (said("a"),)
    assert answer_of([said("a")], "x") == (said("a"),)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "column 'x' is no list of turns"),
        ([], "column 'x' is no list of turns"),
        (["text"], "a turn is neither {role, content} nor {from, value}"),
        ([{"role": "user"}], "a turn is neither {role, content} nor {from, value}"),
        ([{"role": "user", "content": None}], "a turn's role or content is not text"),
        ([{"role": "user", "content": [{"type": "text"}]}], "a turn's role or content is not text"),
        ([{"role": "narrator", "content": "a"}], "a turn's role is none of system, user, assistan"),
        (
            [{**said("a"), "tool_calls": [{}]}],
            "a turn has tool_calls, which are not read; write th",
        ),
        ([{**said("a"), "weight": 0}], "a turn has weight 0, and here every answer trains; take t"),
        ([user("a\0")], "the turn has a NUL character"),
        ([user("\ud800")], "the turn is not valid Unicode"),
        ([user("a" * 1_000_001)], "the turn is longer than 1,000,000 characters"),
    ],
)
def test_what_is_no_turn(value: Any, reason: str) -> None:
    assert fault_of(turns_of, value, "x").startswith(reason)


def test_a_conversation_is_parted_before_its_first_answer() -> None:
    turns = [system("s"), user("q"), said("a"), user("r"), said("b")]
    assert parted(turns) == ((system("s"), user("q")), (said("a"), user("r"), said("b")))
    # Nobody answers what stands behind the last answer.
    assert parted([*turns, user("t")]) == parted(turns)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([user("q")], "there is no turn of the assistant"),
        (
            [said("a"), user("q"), said("b")],
            "the conversation begins with the assistant's turn, so",
        ),
        ([system("s"), said("a")], "the conversation begins with the assistant's turn, so nothing"),
        ([user("q"), said(" \n")], "an answer is empty"),
        ([user("q"), said(""), user("r"), said("b")], "an answer is empty"),
    ],
)
def test_conversations_that_nothing_is_learned_from(turns: Any, reason: str) -> None:
    assert fault_of(parted, turns).startswith(reason)


def test_answers_begin_and_end_with_the_assistant() -> None:
    check_answers([said("a"), user("q"), said("b")])
    assert fault_of(check_answers, [user("q"), said("b")]).endswith(
        "begin with the assistant's turn"
    )
    assert fault_of(check_answers, ()).endswith("begin with the assistant's turn")
    assert fault_of(check_answers, [said("a"), user("q")]).endswith("end with the assistant's turn")


def test_a_system_message_stands_in_front_unless_the_prompt_brings_its_own() -> None:
    assert with_system("q", "s") == (system("s"), user("q"))
    assert with_system((user("q"),), "s") == (system("s"), user("q"))
    assert with_system((system("own"), user("q")), "s") == (system("own"), user("q"))
    for none in (None, "", " ", float("nan")):
        assert with_system("q", none) == "q"
    assert fault_of(with_system, "q", 5) == "the system message in column 'system' is not text"


def test_turns_are_counted_by_who_trains() -> None:
    assert as_turns("q") == (user("q"),)
    assert answers_in(Given((said("a"), user("q"), said("b")))) == 2
    assert answers_in(Given(({"role": "text", "content": "a"},))) == 1
