"""The reward sets that people know, worked out by hand."""

import pytest

from paceline.types import Completion, Problem
from paceline.verify import judge
from paceline.verify.shaping.presets import (
    exact_and_numeric,
    near_fifty,
    program_of_thought,
    r1_zero,
    soft_format,
    strict_format,
)
from tests.helpers.verdicts import judged

THINK = "<think>so</think>"
REASON = "<reasoning>so</reasoning>"
RIGHT, WRONG, EMPTY = "<answer>42</answer>", "<answer>41</answer>", "<answer></answer>"


@pytest.mark.parametrize(
    ("reward", "text", "worth", "solved"),
    [
        (r1_zero(), THINK + RIGHT, 1.2, True),
        (r1_zero(), THINK + WRONG, 0.2, False),
        (r1_zero(), RIGHT, 1.0, True),
        (r1_zero(), "42", 0.0, False),
        (exact_and_numeric(), REASON + RIGHT, 2.4, True),
        (exact_and_numeric(), REASON + "<answer>42.0</answer>", 1.9, True),
        (exact_and_numeric(), REASON + WRONG, 0.4, False),
        (exact_and_numeric(), REASON + EMPTY, 0.2, False),
        (exact_and_numeric(), RIGHT, 2.2, True),
        (strict_format(), REASON + WRONG, 1.0, True),
        (strict_format(), "Well: " + REASON + RIGHT, 0.0, False),
        (soft_format(), "Well: " + REASON + RIGHT, 1.0, True),
        (soft_format(), REASON + "42", 0.5, False),
        (near_fifty(), "a" * 44, -6.0, False),
        (near_fifty(), "a" * 50, 0.0, True),
        (program_of_thought("tag"), REASON + "<answer>print(6 * 7)</answer>", 1.2, True),
        (program_of_thought("tag"), REASON + "<answer>print(6)</answer>", 0.2, False),
        (program_of_thought("tag"), "<answer>1 / 0</answer>", -0.05, False),
        (program_of_thought("tag"), "nothing", 0.0, False),
    ],
)
def test_worth(reward, text, worth, solved):
    verdict = judge(reward, Problem("p", "?", "42"), Completion((), (), text, "stop"))
    assert (verdict.reward, verdict.solved) == (pytest.approx(worth), solved)


def test_what_was_cut_earns_nothing_unless_it_is_allowed_to():
    cut = Completion((), (), REASON + RIGHT, "length")
    for make, worth in ((exact_and_numeric, 2.4), (strict_format, 1.0), (soft_format, 1.0)):
        allowed = judge(make(allow_cut=True), Problem("p", "?", "42"), cut).reward
        assert allowed == pytest.approx(worth)
        assert judge(make(), Problem("p", "?", "42"), cut).reward <= 0.4


def test_the_reward_set_for_programs():
    text = "<reasoning>six times seven</reasoning><answer>print(6 * 7)</answer>"
    best = judged(program_of_thought(), text)
    assert best.reward == pytest.approx(1.2) and best.correct
    wrong = judged(program_of_thought(), text.replace("7)", "8)"))
    assert wrong.reward == pytest.approx(0.2) and not wrong.correct
    broken = judged(program_of_thought(), text.replace("6 * 7", "1 / 0"))
    assert broken.reward == pytest.approx(0.0)
