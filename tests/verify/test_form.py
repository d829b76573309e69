"""The form of a completion."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.errors import ConfigError
from paceline.types import Completion, Problem
from paceline.verify import Tags, answer_in, answer_text, judge

GOOD = "<think>47 + 56 is 103</think>\n<answer>103</answer>"


def score(verifier: Any, text: str, finish: Any = "stop") -> tuple[float, str]:
    verdict = judge(verifier, Problem("p", "?"), Completion((), (), text, finish))
    return verdict.reward, verdict.reason


@pytest.mark.parametrize(
    ("text", "strict", "lenient", "reason"),
    [
        (GOOD, 1, 1, "in the form asked for"),
        (f"\n {GOOD}\n", 1, 1, "in the form asked for"),
        (f"Well: {GOOD}", 0, 1, "text before <think>"),
        (f"{GOOD} I am sure.", 0, 1, "text after </answer>"),
        ("<think>so</think> hm <answer>1</answer>", 0, 1, "text before <answer>"),
        ("<think></think><answer>103</answer>", 0, 0, "<think> is empty"),
        ("<think> \n...</think><answer>103</answer>", 0, 0, "<think> is empty"),
        ("<think>so</think><answer></answer>", 0, 0.5, "<answer> is empty"),
        ("<think>so <answer>103</answer></think>", 0, 0.5, "<answer> is out of order"),
        ("<answer>103</answer><think>so</think>", 0, 0.5, "<answer> is out of order"),
        ("<answer>103</answer>", 0, 0, "not exactly one <think>…</think>"),
        ("<think>so", 0, 0, "not exactly one <think>…</think>"),
        (GOOD + GOOD, 0, 0, "not exactly one <think>…</think>"),
        ("</think>so<think><answer>1</answer>", 0, 0, "<think> is out of order"),
        (
            "<think>so</think>" + "<answer>1</answer>" * 2, 0, 0.5,
            "not exactly one <answer>…</answer>",
        ),
        ("", 0, 0, "not exactly one <think>…</think>"),
    ],
)  # fmt: skip
def test_tags(text: str, strict: float, lenient: float, reason: str) -> None:
    paid, why = score(Tags(), text)
    assert paid == lenient
    assert score(Tags(strict=True), text)[0] == strict
    # Text around the pairs is a fault of the strict form only.
    assert (score(Tags(strict=True), text)[1] if reason.startswith("text ") else why) == reason


def test_a_cut_completion_keeps_to_no_form_unless_allowed() -> None:
    assert score(Tags(), GOOD, "length") == (0.0, "cut before it finished")
    assert score(Tags(allow_cut=True), GOOD, "length")[0] == 1


def test_other_tags_can_be_asked_for() -> None:
    verifier = Tags(("plan", "code", "test"))
    assert score(verifier, "<plan>a</plan><code>b</code>")[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("names", [(), ("think", "think")])
def test_tags_need_different_names(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="one name or more, all different"):
        Tags(names)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "a", " "])))
def test_any_mixture_of_tags_scores(pieces: list[str]) -> None:
    text = "".join(pieces)
    lenient, strict = score(Tags(), text)[0], score(Tags(strict=True), text)[0]
    assert lenient in (0, 0.5, 1)
    assert strict <= lenient  # What is in the strict form is in the lenient one.


def test_the_answer_text_stands_behind_the_reasoning() -> None:
    assert answer_text("5") == "5"
    assert answer_text("<think>1</think>2") == "2"
    assert answer_text("1</think>2</think>3") == "3"
    assert answer_text("<think>1</think>2<think>3") is None


def test_answers_keep_inner_braces_and_lose_escaped_units() -> None:
    assert answer_in(r"\boxed{\frac{1}{2}}", "boxed") == (r"\frac{1}{2}", "")
    assert answer_in(r"\boxed{\$18}", "boxed") == ("$18", "")
    assert answer_in("<x>a b</x>", "tag", "x") == ("a b", "")


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{5}", r"so $\boxed{5}$.", r"$x = \boxed{5}$", r"**\boxed{5}**", "- \\boxed{5}",
        r"Answer: \boxed{5}。", r"Step 1 $\boxed{5}$", r"\therefore \boxed{5}",
        "\\[\n\\boxed{5}\n\\]",
        r"\boxed{4}, no: \boxed{5}", r"\boxed{5} and again \boxed{5}", r"答案是\boxed{5}",
    ],
)  # fmt: skip
def test_a_box_that_is_the_answer(text: str) -> None:
    assert answer_in(text, "boxed") == ("5", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r"-\boxed{5}", "the box is a part of something larger"),
        (r"$2\boxed{5}$", "the box is a part of something larger"),
        (r"$3 + \boxed{5}$", "the box is a part of something larger"),
        (r"$\sqrt\boxed{5}$", "the box is a part of something larger"),
        (r"$x \neq \boxed{5}$", "the box is a part of something larger"),
        (r"it is not \boxed{5}", "the box is a part of something larger"),
        (r"\boxed{4} or \boxed{5}", "more than one answer"),
        (r"\boxed{4}\boxed{5}", "more than one answer"),
        (r"\boxed{3}, no \boxed{4}, no \boxed{5}", "more than one answer"),
        (r"\boxed{5} or 6", "text after the answer"),
    ],
)
def test_a_box_that_is_a_part_or_one_of_several(text: str, reason: str) -> None:
    assert answer_in(text, "boxed") == (None, reason)
