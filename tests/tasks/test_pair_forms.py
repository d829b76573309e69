"""Forms of preferences: pairs, dialogues, rankings, labelled completions."""

from typing import Any

import pytest

from paceline.tasks.faults import Fault
from paceline.tasks.pair_forms import PREFERENCES, in_pairs, labelled_pairs, pair
from paceline.tasks.row_forms import DEMONSTRATIONS, ReadRow, form_of
from paceline.types import Given, Message


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def said(text: str) -> Message:
    return {"role": "assistant", "content": text}


def recognised(row: dict[str, Any]) -> str:
    return form_of(row, PREFERENCES, DEMONSTRATIONS, "auto").name


def read(row: dict[str, Any]) -> ReadRow:
    return form_of(row, PREFERENCES, DEMONSTRATIONS, "auto").read(row)


def fault_of(row: dict[str, Any]) -> str:
    with pytest.raises(Fault) as refused:
        read(row)
    return refused.value.reason


SYSTEM = {"role": "system", "content": "s"}
AB = (Given((said("a"),), 1.0), Given((said("b"),), 0.0))
TEXTS = {"prompt": "q", "chosen": "a", "rejected": "b"}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (TEXTS, "preference"),
        ({"chosen": [user("q"), said("a")], "rejected": [user("q"), said("b")]}, "preference"),
        (
            {**TEXTS, "messages": [user("q"), said("a")], "label": True},
            "preference",
        ),  # UltraFeedback
        ({"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q"}, "hh"),
        ({"prompt": "q", "completions": ["a", "b"], "scores": [1, 2]}, "ranking"),
        ({"prompt": "q", "completion": "a", "label": False}, "kto"),
        ({"conversations": [user("q"), said("a")], "kto_tag": True}, "kto"),
    ],
)
def test_a_form_is_recognised_from_what_is_there(row: dict[str, Any], name: str) -> None:
    assert recognised(row) == name


def test_a_completion_without_a_label_is_none_of_them() -> None:
    for row in ({"prompt": "q", "completion": "a"}, {"prompt": "q", "chosen": "a"}):
        with pytest.raises(Fault, match="none of the forms that are read"):
            recognised(row)
    with pytest.raises(Fault, match="the columns fit 2 forms, preference and ranking; say which"):
        recognised({**TEXTS, "completions": ["a", "b"], "scores": [1, 2]})


# Pairs ----------------------------------------------------------------------------------------


def test_answers_to_a_prompt() -> None:
    assert read(TEXTS) == ReadRow("q", AB)
    assert read({**TEXTS, "prompt": [SYSTEM, user("q")]}) == ReadRow((SYSTEM, user("q")), AB)
    turns = {"prompt": [user("q")], "chosen": [said("a")], "rejected": [said("b")]}
    assert read(turns) == ReadRow((user("q"),), AB)
    alpaca = {"instruction": "q", "input": "i", "chosen": "a", "rejected": "b", "system": "s"}
    assert read(alpaca) == ReadRow((SYSTEM, user("q\ni")), AB)
    sharegpt = {
        "conversations": [{"from": "human", "value": "q"}],
        "chosen": {"from": "gpt", "value": "a"},
        "rejected": {"from": "gpt", "value": "b"},
    }
    assert read(sharegpt) == ReadRow((user("q"),), AB)


def test_without_a_prompt_it_is_what_both_begin_with() -> None:
    begun = [SYSTEM, user("q"), said("x"), user("r")]
    row = {"chosen": [*begun, said("a")], "rejected": [*begun, said("b")]}
    assert read(row) == ReadRow(tuple(begun), AB)
    # UltraFeedback has the question once more, and the preferred conversation too.
    assert read({**row, "prompt": "q", "messages": row["chosen"]}) == ReadRow(tuple(begun), AB)
    # They part at an earlier answer, and go on: all answers from there on are compared.
    longer = {
        "chosen": [user("q"), said("a"), user("r"), said("c")],
        "rejected": [user("q"), said("b")],
    }
    assert read(longer).given[0].turns == (said("a"), user("r"), said("c"))


def test_a_margin_is_that_of_the_preferred_one() -> None:
    for value, margin in ((0.5, 0.5), ("2", 2.0), (None, 0.0), (0, 0.0)):
        given = read({**TEXTS, "margin": value}).given
        assert [one.margin for one in given] == [margin, 0.0]
    assert pair([said("a")], [said("b")], 0.5) == (
        Given((said("a"),), 1.0, 0.5), Given((said("b"),), 0.0, 0.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**TEXTS, "rejected": " a\n"}, "chosen and rejected are equal"),
        ({**TEXTS, "chosen": " "}, "an answer is empty"),
        ({**TEXTS, "prompt": ""}, "the prompt is empty"),
        (
            {"chosen": "a", "rejected": "b"},
            "there is no prompt to the answers; add a column prompt",
        ),
        ({**TEXTS, "margin": -0.5}, "the margin is not a finite number of 0 or more"),
        ({**TEXTS, "margin": "inf"}, "the margin is not a finite number of 0 or more"),
        ({**TEXTS, "margin": 10**400}, "the margin is not a finite number of 0 or more"),
        ({**TEXTS, "margin": True}, "the margin is not a finite number of 0 or more"),
        ({**TEXTS, "margin": float("nan")}, "the margin is not a finite number of 0 or more"),
        ({**TEXTS, "chosen": 5}, "column 'chosen' is no list of turns"),
        (
            {"chosen": [user("q"), said("a")], "rejected": [user("q"), said("a")]},
            "chosen and rejected are equal",
        ),
        (
            {"chosen": [user("q"), said("a")], "rejected": [user("p"), said("b")]},
            "chosen and rejected ask different things",
        ),
        (
            {"chosen": [user("q"), said("a")], "rejected": [user("q"), said("a"), user("r")]},
            "one of chosen and rejected is the beginning of the other",
        ),
        (
            {"chosen": [user("q"), said("a"), user("r")], "rejected": [user("q"), said("b")]},
            "the answer does not end with the assistant's turn",
        ),
        (
            {"chosen": [SYSTEM, said("a")], "rejected": [SYSTEM, said("b")]},
            "the conversations begin with the assistant's turn, so nothing is asked",
        ),
        (
            {"prompt": "p", "chosen": [user("q"), said("a")], "rejected": [user("q"), said("b")]},
            "the prompt is none of the turns that chosen and rejected begin with",
        ),
        (
            {**TEXTS, "prompt": None, "messages": [user("q"), said("a")]},
            "the prompt ends with the assistant's turn, so nothing is left to answer",
        ),
    ],
)
def test_faults_of_a_pair(row: dict[str, Any], reason: str) -> None:
    assert fault_of(row) == reason


# Dialogues ------------------------------------------------------------------------------------


def test_dialogues_are_read_as_turns() -> None:
    begun = "\n\nHuman: Hello.\n\nHow are you?\n\nAssistant: Well.\n\nHuman: And now?"
    row = {"chosen": f"{begun}\n\nAssistant: a", "rejected": f"{begun}\n\nAssistant: b\n"}
    prompt = (user("Hello.\n\nHow are you?"), said("Well."), user("And now?"))
    assert read(row) == ReadRow(prompt, AB)
    assert fault_of({**row, "rejected": f"{begun}\n\nAssistant:"}) == "an answer is empty"
    assert fault_of({**row, "rejected": begun}) == (
        "one of chosen and rejected is the beginning of the other"
    )
    assert fault_of({**row, "rejected": row["chosen"]}) == "chosen and rejected are equal"
    assert fault_of({**row, "rejected": "\n\nHuman: x\n\nAssistant: b"}) == (
        "chosen and rejected ask different things"
    )


# Rankings -------------------------------------------------------------------------------------


def test_a_ranking_keeps_its_scores() -> None:
    row = {"prompt": "q", "completions": ["a", [said("b")], "c"], "scores": [2, "0.5", 2]}
    given = tuple(
        Given((said(text),), score) for text, score in (("a", 2.0), ("b", 0.5), ("c", 2.0))
    )
    assert read(row) == ReadRow("q", given)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scores": [1]}, "there are not as many scores as completions"),
        ({"scores": [1, 1.0]}, "there are no two different scores, so nothing is preferred"),
        ({"scores": [1, float("inf")]}, "a score is not a finite number"),
        ({"scores": [1, None]}, "a score is not a finite number"),
        ({"scores": 1}, "completions or scores is no list"),
        (
            {"completions": [], "scores": []},
            "there are no two different scores, so nothing is pref",
        ),
        ({"completions": ["a", "a "]}, "one completion has two scores"),
        ({"completions": ["a", ""]}, "an answer is empty"),
        ({"prompt": None}, "there is no prompt to the answers; add a column prompt"),
    ],
)
def test_faults_of_a_ranking(changes: dict[str, Any], reason: str) -> None:
    row = {"prompt": "q", "completions": ["a", "b"], "scores": [1, 2], **changes}
    assert fault_of(row).startswith(reason)


# Labelled completions -------------------------------------------------------------------------


def labelled(text: str, label: bool, prompt: Any = "q") -> dict[str, Any]:
    return {"prompt": prompt, "completion": text, "label": label}


def test_a_label_is_about_the_last_answer() -> None:
    assert read(labelled("a", True)) == ReadRow("q", (Given((said("a"),), 1.0),))
    chat = [user("q"), said("x"), user("r"), said("b")]
    made = ReadRow((user("q"), said("x"), user("r")), (Given((said("b"),), 0.0),))
    assert read({"messages": chat, "label": "false"}) == made
    history = {"instruction": "r", "output": "b", "history": [["q", "x"]], "kto_tag": False}
    assert read(history) == made


def test_rows_of_one_prompt_with_both_labels_are_pairs() -> None:
    rows = [
        labelled("a", True), labelled("alone", True, "p"), labelled("b", False, [user(" q")]),
        labelled("c", False),
    ]  # fmt: skip
    pairs, alone = labelled_pairs([(i, read(row)) for i, row in enumerate(rows, 1)])
    assert [one.rows for one in pairs] == [(1, 3), (1, 4)] and alone == [2]
    assert pairs[0].read == ReadRow("q", AB)
    assert pairs[1].read.given[1] == Given((said("c"),), 0.0)
    same = [labelled("a", True), labelled("a", False)]
    assert labelled_pairs([(i, read(row)) for i, row in enumerate(same, 1)]) == ([], [1, 2])


def test_each_of_one_side_meets_one_of_the_other() -> None:
    assert in_pairs("ab", "xyz") == [("a", "x"), ("b", "y"), ("a", "z")]
    assert in_pairs("abc", "x") == [("a", "x"), ("b", "x"), ("c", "x")]
    assert in_pairs("", "x") == [] == in_pairs("a", "")
