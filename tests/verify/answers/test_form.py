"""The form of a completion."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.errors import ConfigError
from paceline.types import Completion, Problem
from paceline.verify import LastNumber, NumberIn, Tags, answer_in, answer_text, judge
from paceline.verify.answers.form import opened_in
from paceline.verify.shaping.partial_credit import TagCount
from paceline.verify.shaping.presets import r1_zero

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
    ("prompt", "opened"),
    [
        ("2 + 2?<|im_end|>\n<|im_start|>assistant\n<think>\n", "<think>\n"),
        ("<｜Assistant｜><think>\n", "<think>\n"),
        ("[INST]2 + 2?[/INST]<think>", "<think>"),
        ("User: 2 + 2?\nAssistant: <think>", "<think>"),
        ("2 + 2?\n<reasoning> <think>", "<reasoning> <think>"),
        ("<think>", "<think>"),
        # Nothing was opened, or it was closed again.
        ("<|im_start|>assistant\n", ""),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("2 + 2? Answer in <answer>", ""),
        ("2 + 2?\n<think> Well", ""),
        ("", ""),
        # A role's own tag is no part of the turn.
        ("<user>2 + 2?</user>\n<assistant>\n", ""),
        ("<user>2 + 2?</user>\n<assistant>\n<think>\n", "<think>\n"),
    ],
)
def test_what_a_prompt_opened(prompt: str, opened: str) -> None:
    assert opened_in(prompt) == opened


def behind(verifier: Any, opened: str, text: str) -> float:
    completion = Completion((), (), text, "stop", opened=opened)
    return judge(verifier, Problem("p", "?", "4"), completion).reward


def test_the_form_is_judged_with_what_the_prompt_opened() -> None:
    text = "2 and 2 make 4\n</think>\n<answer>4</answer>"
    for verifier, full, less in ((Tags(strict=True), 1, 0), (Tags(), 1, 0), (r1_zero(), 1.2, 1)):
        assert behind(verifier, "<think>\n", text) == pytest.approx(full)
        # The same text behind another prompt lacks its beginning.
        assert behind(verifier, "", text) == pytest.approx(less)
        assert behind(verifier, "", f"<think>\n{text}") == pytest.approx(full)
    # Behind a prompt that is not known it may have been opened there, and only there.
    assert score(Tags(strict=True), text) == (1, "in the form asked for")
    assert score(Tags(strict=True), f"well {text}</think>")[0] == 0
    # Opened twice, opened as something else, empty.
    assert behind(Tags(strict=True), "<think>\n", f"<think>\n{text}") == 0
    assert behind(Tags(strict=True), "<plan>\n", text) == 0
    assert behind(Tags(strict=True), "<think>\n", "</think><answer>4</answer>") == 0
    assert behind(TagCount(("think", "answer")), "<think>\n", text) == 1
    assert behind(NumberIn("tag"), "<answer>", "4</answer>") == 1


@pytest.mark.parametrize("verifier", [LastNumber(), NumberIn("boxed"), NumberIn("text")])
def test_reasoning_that_the_prompt_opened_has_to_be_closed(verifier: Any) -> None:
    answer = {"boxed": "\\boxed{4}"}.get(getattr(verifier, "form", ""), "4")
    assert behind(verifier, "", answer) == 1
    assert behind(verifier, "<think>\n", answer) == 0
    assert behind(verifier, "<think>\n", f"2 and 2\n</think>\n{answer}") == 1
