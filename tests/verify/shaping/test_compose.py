"""Weighted sums of verifiers."""

import math
import pickle
from typing import Any

import pytest

from paceline.errors import ConfigError, RewardError
from paceline.types import Completion, Problem, Verdict
from paceline.verify import LastNumber, NumberIn, Overlong, Tags, Weighted, judge
from paceline.verify.shaping.compose import Gate, Product
from tests.helpers.rewards import PROBLEM, RIGHT, later, turned_about

PARTS = (("answer", NumberIn("tag"), 1.0), ("format", Tags(), 0.2), ("length", Overlong(4, 2), 0.5))


def score(verifier: Any, text: str, tokens: int = 1) -> Verdict:
    return judge(verifier, Problem("p", "?", "103"), Completion((7,) * tokens, (), text, "stop"))


def test_the_reward_is_the_weighted_sum_and_the_parts_are_not_weighted() -> None:
    # A right answer without reasoning, one token into the buffer: 1 + 0.2 * 0 + 0.5 * -0.5 = 0.75.
    verdict = score(Weighted(PARTS), "<answer>103</answer>", tokens=3)
    assert verdict == Verdict(
        0.75,
        {"answer": 1.0, "format": 0.0, "length": -0.5},
        "answer: the answer is the expected one; format: not exactly one <think>…</think>; "
        "length: in the buffer before the limit",
        True,
    )
    assert verdict.solved  # Though the reward is below 1.


def test_a_well_formed_wrong_answer_is_wrong_whatever_it_earns() -> None:
    verdict = score(Weighted((("answer", NumberIn("tag"), 1.0), ("format", Tags(), 2.0))),
                    "<think>so</think><answer>5</answer>")  # fmt: skip
    assert (verdict.reward, verdict.solved) == (2.0, False)


def test_the_answer_part_itself_says_whether_it_was_right() -> None:
    def partly(problem: Problem, completion: Completion) -> Verdict:
        return Verdict(0.5, reason="half of it", correct=completion.text == "half")

    verifier = Weighted((("answer", partly, 4.0),))
    assert [score(verifier, text).solved for text in ("half", "other")] == [True, False]


def test_another_part_may_be_the_answer() -> None:
    parts = (("format", Tags(), 0.2), ("answer", NumberIn("tag"), 1.0))
    assert not score(Weighted(parts), "<answer>103</answer>").solved
    assert score(Weighted(parts, answer="answer"), "<answer>103</answer>").solved


def test_parts_may_be_any_verifier_and_broken_ones_are_named() -> None:
    def bonus(problem: Problem, completion: Completion) -> float:
        return 0.5

    def broken(problem: Problem, completion: Completion) -> Any:
        return None

    assert score(Weighted((("a", LastNumber(), 1.0), ("b", bonus, 2.0))), "103").reward == 2.0
    with pytest.raises(RewardError, match=r"'broken' \(test_compose.py\) returned None"):
        score(Weighted((("a", LastNumber(), 1.0), ("b", broken, 2.0))), "103")


@pytest.mark.parametrize(
    ("parts", "answer", "message"),
    [
        ((), None, "one part or more"),
        ((PARTS[0], PARTS[0]), None, "different names"),
        ((("a", LastNumber(), math.nan),), None, "weight of part 'a' is nan"),
        (PARTS, "anwser", "no part 'anwser'. Did you mean 'answer'"),
    ],
)
def test_mistakes_are_refused(parts: Any, answer: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Weighted(parts, answer)


def test_a_sum_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(Weighted(PARTS))) == Weighted(PARTS)
    assert repr(Weighted((("a", LastNumber(), 1.0),))) == (
        "Weighted(parts=(('a', LastNumber(allow_cut=False), 1.0),), answer=None)"
    )


def test_a_product_pays_only_where_all_do() -> None:
    both = Product((("answer", NumberIn("tag")), ("form", Tags(("think", "answer"), strict=True))))
    assert score(both, "<think>so</think><answer>103</answer>").reward == 1.0
    half = score(both, "<answer>103</answer>")
    assert (half.reward, half.solved, half.parts) == (0.0, False, {"answer": 1.0, "form": 0.0})


def test_two_punishments_make_no_reward() -> None:
    both = Product((("length", Overlong(4, 2)), ("again", Overlong(4, 2))))
    assert score(both, "103", tokens=9).reward == 0.0


def test_a_gate_in_a_gate_keeps_both_parts() -> None:
    verdict = score(Overlong(9, 2) & (Tags(("answer",)) & LastNumber()), "<answer>103</answer>")
    assert verdict.parts == {"gate": 0.0, "then gate": 1.0, "then": 1.0}
    assert verdict.solved


def test_sums_of_sums() -> None:
    inner = Weighted((("answer", NumberIn("tag"), 2.0), ("form", Tags(("answer",)), 1.0)))
    outer = Weighted((("inner", inner, 0.5), ("last", Tags(("answer",)) & LastNumber(), 1.0)))
    verdict = score(outer, "<answer>103</answer>")
    assert (verdict.reward, verdict.parts) == (2.5, {"inner": 3.0, "last": 1.0})


def columns(completions, level, **rest):
    return [0.25 * level[0] for _ in completions]


def scored(solution_str, ground_truth):
    return {"score": 0.5, "acc": solution_str == ground_truth}


@pytest.mark.parametrize("function", [columns, scored, later, turned_about])
def test_a_part_may_have_any_signature(function):
    assert judge(Weighted((("a", function, 3.0),)), PROBLEM, RIGHT).reward == 1.5
    assert judge(Product((("a", function), ("b", LastNumber()))), PROBLEM, RIGHT).reward == 0.5
    assert judge(LastNumber() & function, PROBLEM, RIGHT).reward == 0.5
    # Only the one that says so is right with half of the marks.
    assert judge(function & LastNumber(), PROBLEM, RIGHT).correct is (function is scored)
    assert judge(Gate(LastNumber(), function), PROBLEM, RIGHT).parts["gate"] == 1.0


def test_a_part_that_cannot_be_called_is_refused_where_it_is_written():
    for make in (
        lambda f: Weighted((("a", f, 1.0),)), lambda f: Product((("a", f),)), lambda f: Tags() & f,
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"takes \(text, label\)"):
            make(lambda text, label: 1.0)
