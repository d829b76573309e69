"""Forms of demonstrations: recognised from the columns of a row, and read."""

from typing import Any

import pytest

from paceline.tasks.faults import Fault
from paceline.tasks.pair_forms import PREFERENCES
from paceline.tasks.row_forms import (
    ALPACA,
    COMPLETION,
    DEMONSTRATIONS,
    MESSAGES,
    TEXT_FORM,
    ReadRow,
    described,
    form_of,
    label_of,
    question_of,
    refuse_bad,
)
from paceline.types import Given, Message


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def said(text: str) -> Message:
    return {"role": "assistant", "content": text}


def recognised(row: dict[str, Any], named: str = "auto") -> str:
    return form_of(row, DEMONSTRATIONS, PREFERENCES, named).name


def read(row: dict[str, Any]) -> ReadRow:
    return form_of(row, DEMONSTRATIONS, PREFERENCES, "auto").read(row)


def fault_of(row: dict[str, Any]) -> str:
    with pytest.raises(Fault) as refused:
        read(row)
    return refused.value.reason


SYSTEM = {"role": "system", "content": "s"}
CHAT = [user("q"), said("a"), user("r"), said("b")]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": CHAT}, "messages"),
        ({"conversations": CHAT, "text": None}, "messages"),
        ({"prompt": "q", "prompt_id": 1, "messages": CHAT}, "messages"),
        ({"prompt": "q", "completion": ""}, "completion"),
        ({"instruction": "q", "input": "", "output": "a"}, "alpaca"),
        ({"text": "a", "prompt": float("nan"), "completion": None}, "text"),
    ],
)
def test_a_form_is_recognised_from_what_is_there(row: dict[str, Any], name: str) -> None:
    assert recognised(row) == name == recognised(row, named=name)


def test_a_row_that_fits_two_forms_or_none_is_a_fault() -> None:
    with pytest.raises(Fault) as two:
        recognised({"instruction": "q", "output": "a", "text": "q a"})
    assert two.value.reason == (
        "the columns fit 2 forms, alpaca and text; say which with task.form"
    )
    assert recognised({"instruction": "q", "output": "a", "text": "q a"}, "alpaca") == "alpaca"
    with pytest.raises(Fault) as none:
        recognised({"question": "q", "answer": "a", "text": None})
    assert none.value.reason == (
        "the columns fit none of the forms that are read (messages or conversations; prompt and "
        "completion; instruction and output; text); rename columns of other names"
    )
    assert none.value.value == "['question', 'answer']"


def test_rows_of_the_other_kind_are_sent_to_its_task() -> None:
    with pytest.raises(Fault) as refused:
        recognised({"prompt": "q", "chosen": "a", "rejected": "b"})
    assert refused.value.reason.endswith("task=preferences reads prompt, chosen and rejected")
    with pytest.raises(Fault) as refused:
        form_of({"text": "a"}, PREFERENCES, DEMONSTRATIONS, "auto")
    assert refused.value.reason.endswith("task=demonstrations reads text")


def test_a_named_form_needs_its_columns() -> None:
    with pytest.raises(Fault) as refused:
        recognised({"text": "a"}, named="messages")
    assert (
        refused.value.reason == "task.form is messages, whose rows have messages or conversations"
    )
    assert refused.value.value == "['text']"


# Messages -------------------------------------------------------------------------------------


def test_every_answer_of_a_conversation_trains() -> None:
    made = ReadRow((SYSTEM, user("q")), (Given((said("a"), user("r"), said("b"))),))
    assert read({"messages": [SYSTEM, *CHAT]}) == made
    sharegpt = [
        {"from": "system", "value": "s"}, {"from": "human", "value": "q"},
        {"from": "gpt", "value": "a"}, {"from": "human", "value": "r"},
        {"from": "gpt", "value": "b"},
    ]  # fmt: skip
    assert read({"conversations": sharegpt}) == made
    assert read({"conversations": sharegpt[1:], "system": "s"}) == made


def test_turns_that_nobody_answers_are_left_out() -> None:
    made = read({"messages": [*CHAT, user("t")]})
    assert made == ReadRow((user("q"),), (Given((said("a"), user("r"), said("b"))),), True)


def test_two_conversations_in_one_row_are_a_fault() -> None:
    assert fault_of({"messages": CHAT, "conversations": CHAT}) == (
        "there are two conversations, messages and conversations; take one of them out"
    )
    assert fault_of({"messages": [user("q")]}) == "there is no turn of the assistant"


# Prompt and completion ------------------------------------------------------------------------


def test_either_side_is_text_or_messages() -> None:
    answered = (Given((said("a"),)),)
    assert read({"prompt": "q", "completion": "a"}) == ReadRow("q", answered)
    assert read({"prompt": "q", "completion": [said("a")]}) == ReadRow("q", answered)
    assert read({"prompt": [user("q")], "completion": "a"}) == ReadRow((user("q"),), answered)
    more = read({"prompt": [SYSTEM, user("q")], "completion": CHAT[1:]})
    assert more == ReadRow((SYSTEM, user("q")), (Given(tuple(CHAT[1:])),))
    behind = read({"prompt": "q", "completion": "a", "system": "s"})
    assert behind.prompt == (SYSTEM, user("q"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "q", "completion": " \n"}, "an answer is empty"),
        ({"prompt": " ", "completion": "a"}, "the prompt is empty"),
        ({"prompt": [SYSTEM], "completion": "a"}, "the prompt is empty"),
        ({"prompt": CHAT, "completion": "a"}, "the prompt ends with the assistant's turn, so noth"),
        ({"prompt": "q", "completion": CHAT}, "the answer does not begin with the assistant's"),
        ({"prompt": "q", "completion": CHAT[1:3]}, "the answer does not end with the assistant's"),
        ({"prompt": "q", "completion": 5}, "column 'completion' is no list of turns"),
        ({"prompt": 5, "completion": "a"}, "column 'prompt' is no list of turns"),
        ({"prompt": "q\0", "completion": "a"}, "the prompt has a NUL character"),
        ({"prompt": "q", "completion": "\ud800"}, "the answer is not valid Unicode"),
        ({"prompt": "q", "completion": "a" * 1_000_001}, "the answer is longer than 1,000,000 cha"),
    ],
)
def test_faults_of_a_prompt_or_a_completion(row: dict[str, Any], reason: str) -> None:
    assert fault_of(row).startswith(reason)


# Alpaca ---------------------------------------------------------------------------------------


def test_an_instruction_is_joined_with_its_input() -> None:
    row = {"instruction": "Add.", "input": "2 and 3", "output": "5"}
    assert read(row) == ReadRow("Add.\n2 and 3", (Given((said("5"),)),))
    for none in ("", " ", None):
        assert read({**row, "input": none}).prompt == "Add."
    assert read({**row, "system": "s"}).prompt == (SYSTEM, user("Add.\n2 and 3"))


def test_the_answers_of_a_history_train_too() -> None:
    row = {
        "instruction": "And 3?", "input": "", "output": "6", "system": "s",
        "history": [["2 and 2?", "4"], ["And 1?", "5"]],
    }  # fmt: skip
    turns = (said("4"), user("And 1?"), said("5"), user("And 3?"), said("6"))
    assert read(row) == ReadRow((SYSTEM, user("2 and 2?")), (Given(turns),))
    for none in ([], None, ""):
        assert read({**row, "history": none, "system": ""}).prompt == "And 3?"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"output": ""}, "an answer is empty"),
        ({"output": 5}, "output is not text"),
        ({"input": 5}, "instruction or input is not text"),
        ({"instruction": " "}, "the prompt is empty"),
        ({"history": [["a"]]}, "history is no list of pairs, each a question and its answer"),
        ({"history": ["ab"]}, "history is no list of pairs"),
        ({"history": [["q", ""]]}, "an answer is empty"),
        ({"history": "q a"}, "history is no list of pairs"),
        ({"output": "a\0"}, "the answer has a NUL character"),
    ],
)
def test_faults_of_an_alpaca_row(changes: dict[str, Any], reason: str) -> None:
    assert fault_of({"instruction": "q", "output": "a", **changes}).startswith(reason)


# Text, labels and words -----------------------------------------------------------------------


def test_of_a_text_all_trains() -> None:
    text = "Once upon a time."
    assert read({"text": text}) == ReadRow(text, (Given(({"role": "text", "content": text},)),))
    assert fault_of({"text": 5}) == "text is not text"
    assert fault_of({"text": " "}) == "the text is empty"
    assert fault_of({"text": "a\0"}) == "the text has a NUL character"


def test_a_row_that_calls_itself_bad_is_no_demonstration() -> None:
    for label, good in ((True, True), (False, False), ("True", True), ("false", False)):
        assert label_of({"label": label}) is good
        assert label_of({"kto_tag": label}) is good
    assert label_of({"label": 0}) is None and label_of({"label": "bad"}) is None
    refuse_bad({"label": True}, COMPLETION)
    refuse_bad({"label": 0}, COMPLETION)
    refuse_bad({"label": False}, TEXT_FORM)
    with pytest.raises(Fault, match="a bad one, and demonstrations are imitated; task=preferences"):
        refuse_bad({"kto_tag": False}, COMPLETION)


def test_a_prompt_is_found_in_the_column_that_is_there() -> None:
    assert question_of({"prompt": "q", "messages": CHAT}) == "q"
    assert question_of({"instruction": "q", "input": "i"}) == "q\ni"
    assert question_of({"conversations": [user("q")]}) == (user("q"),)
    with pytest.raises(Fault, match="there is no prompt to the answers; add a column prompt"):
        question_of({"chosen": "a"})


def test_forms_are_told_in_words() -> None:
    assert described({"messages": 960, "text": 1}, DEMONSTRATIONS) == (
        "960 rows of messages and 1 row of text"
    )
    assert described({"alpaca": 52002}, DEMONSTRATIONS) == "52,002 rows of instruction and output"
    assert [form.name for form in (MESSAGES, COMPLETION, ALPACA, TEXT_FORM)] == [
        "messages", "completion", "alpaca", "text",
    ]  # fmt: skip
