"""The reward tried on a few answers before the model is loaded."""

import time
from dataclasses import replace

import pytest

from paceline.errors import RewardError
from paceline.model import load_tokenizer, resolve
from paceline.model.reward_model import RewardModel
from paceline.preflight.reward import JUNK_ANSWER, Rewards, RewardTrial, try_reward
from paceline.types import Verdict
from paceline.verify.calling.reward_config import RewardConfig
from paceline.verify.shaping.compose import Weighted
from tests.helpers.made_tasks import Made

HERE = RewardConfig(workers=0)
"""Calls in this process."""
DROP = RewardConfig(workers=0, on_error="drop")


def tried(made: Made, rewards: RewardConfig = HERE) -> RewardTrial:
    return try_reward(made.load(), rewards, load_tokenizer(resolve("tiny")))


def test_gold_answers_an_empty_one_and_junk_are_tried():
    asked = []

    def mine(problem, completion):
        asked.append((problem.id, completion.text, completion.finish))
        return float(completion.text == problem.answer)

    found = tried(Made(verifier=mine))
    assert asked == [
        ("p0", "1", "stop"), ("p1", "2", "stop"), ("p2", "3", "stop"), ("p0", "", "stop"),
        ("p2", JUNK_ANSWER, "stop"),
    ]  # fmt: skip
    assert found.paid == (
        Rewards("gold", (1.0, 1.0, 1.0)), Rewards("empty", (0.0,)), Rewards("junk", (0.0,)),
    )  # fmt: skip
    assert found.notes == () and found.milliseconds > 0


def test_a_completion_ends_with_the_stop_token_as_an_engines_would():
    seen = []
    tried(Made(verifier=lambda problem, completion: seen.append(completion) or 1.0))
    tokenizer = load_tokenizer(resolve("tiny"))
    assert {c.token_ids[-1] for c in seen} == {tokenizer.eos_token_id}
    assert all(len(c.token_ids) == len(c.logprobs) for c in seen)
    assert seen[3].token_ids == (tokenizer.eos_token_id,)  # the empty one


def test_a_task_without_gold_answers_is_tried_on_the_others():
    task = replace(Made().load(), gold=lambda problem: None if problem.id == "p1" else "2")
    some = try_reward(task, HERE, load_tokenizer(resolve("tiny")))
    assert [(one.kind, len(one.rewards)) for one in some.paid] == [
        ("gold", 2), ("empty", 1), ("junk", 1),
    ]  # fmt: skip
    none = try_reward(replace(task, gold=None), HERE, load_tokenizer(resolve("tiny")))
    assert [one.kind for one in none.paid] == ["empty", "junk"]


def test_a_gold_answer_below_full_marks_is_a_note():
    found = tried(Made(right=False))
    (note,) = found.notes
    assert note.startswith("the gold answer of problem p0 earned 0 of 1 (")
    assert note.endswith("); `paceline audit` looks at more of them.")
    assert found.paid[0] == Rewards("gold", (0.0, 0.0, 0.0))


def never(problem, completion):
    raise KeyError("nothing")


def sometimes(problem, completion):
    return 1.0 / len(completion.text)


def test_what_raises_stops_the_start_unless_it_shall_be_dropped():
    with pytest.raises(RewardError, match="raised ZeroDivisionError"):
        tried(Made(verifier=sometimes))
    found = tried(Made(verifier=sometimes), DROP)
    (note,) = found.notes
    assert "raised ZeroDivisionError" in note
    assert note.endswith("Such groups will be dropped (rewards.on_error is drop).")
    assert found.paid[1] == Rewards("empty", ())


def test_what_always_raises_stops_it_in_any_case():
    with pytest.raises(RewardError, match="raised KeyError"):
        tried(Made(verifier=never), DROP)


def hangs(problem, completion):
    time.sleep(600)


def test_what_takes_too_long_is_named_with_its_problem_though_errors_shall_be_dropped():
    rewards = RewardConfig(workers=1, seconds=0.05, on_error="drop")
    task = replace(Made(verifier=hangs).load(), gold=None)
    with pytest.raises(RewardError, match=r"for problem p0, an empty answer; make it faster, or"):
        try_reward(task, rewards, load_tokenizer(resolve("tiny")))


@pytest.mark.parametrize("answer", [float("nan"), "much", None])
def test_what_is_no_finite_number_is_refused(answer):
    with pytest.raises(RewardError, match="The reward "):
        tried(Made(verifier=lambda problem, completion: answer))


class Many:
    """A verifier that takes many completions at once, and keeps how many."""

    def __init__(self):
        self.sizes = []

    def batch(self, problems, completions):
        self.sizes.append(len(problems))
        return [1.0] * len(problems)


def test_a_verifier_of_many_completions_gets_them_all_at_once():
    many = Many()
    assert tried(Made(verifier=many)).paid[0] == Rewards("gold", (1.0, 1.0, 1.0))
    assert many.sizes == [5]


def test_of_a_reward_with_a_model_the_other_parts_are_tried_one_by_one(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    asked = []

    def mine(problem, completion):
        asked.append(completion.text)
        return Verdict(1.0)

    model = RewardModel(str(tmp_path), device="cpu")
    found = tried(Made(verifier=Weighted((("mine", mine, 1.0), ("judge", model, 0.1)))))
    assert found.paid == () and found.milliseconds == 0.0 and len(asked) == 5
    assert found.notes == (
        "the reward asks a model, which is loaded later, so it was not tried as a whole.",
    )
    with pytest.raises(RewardError, match="raised KeyError"):
        tried(Made(verifier=Weighted((("mine", never, 1.0), ("judge", model, 0.1)))))
