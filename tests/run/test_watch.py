"""Signs of a reward that is paid for something else, and silence where there is none."""

from dataclasses import replace

import pytest

from paceline.errors import ConfigError
from paceline.run.watch import Watch, refuse_hopeless, repeated_answers
from paceline.types import Round
from tests.conftest import group_of


def lines(rewards, accuracies, evaluations=None, repeated=0.0, parts=1, trained=8):
    watch, said = Watch(), []
    for i, (reward, accuracy) in enumerate(zip(rewards, accuracies, strict=True)):
        found = (evaluations or {}).get(i)
        line = {
            "reward": reward,
            "accuracy": accuracy,
            "repeated_answers": repeated,
            "part": i % parts,
            "rows_trained": trained,
            "evaluation": found and {"sampled_accuracy": found},
        }
        said += watch.notices(line)
    return said


def test_a_reward_that_rises_with_the_answers_is_no_news():
    rising = [i / 40 for i in range(40)]
    assert lines(rising, rising, {10: 0.2, 30: 0.7}) == []
    assert lines([0.5] * 60, [0.3] * 60) == []


def test_form_without_answers_is_told():
    said = lines([0.1 + i / 50 for i in range(30)], [0.2] * 30)
    assert said and "the share of right answers did not" in said[0]


def test_held_out_accuracy_that_falls_is_told():
    rewards = [0.2] * 10 + [0.5] * 10
    said = lines(rewards, rewards, {9: 0.40, 19: 0.35})
    assert len(said) == 1 and "fell by 5.0 points" in said[0]
    assert lines(rewards, rewards, {9: 0.40, 19: 0.45}) == []


def test_steps_without_signal_are_told_after_ten_and_once():
    assert lines([0.0] * 9, [0.0] * 9, trained=0) == []
    said = lines([0.0] * 25, [0.0] * 25, trained=0)
    assert len(said) == 1 and "for 10 steps in a row no group had any signal" in said[0]
    assert "easier problems" in said[0]
    assert "harder problems" in lines([1.0] * 10, [1.0] * 10, trained=0)[0]


def test_a_first_round_that_is_cut_and_tells_nothing_apart_is_refused():
    many = [([5], [-1.0], 0.0)] * 20
    cut = [group_of([1, 2], many, draw=draw, cut=range(20)) for draw in (0, 1)]
    with pytest.raises(ConfigError, match=r"All of the first 40 completions were cut at 7 tokens"):
        refuse_hopeless(Round(0, tuple(cut)), 7)
    # With a signal somewhere, or one answer that ends, there may be something to learn from; and of
    # a small round nothing is concluded.
    signal = group_of([3, 4], [*many[1:], ([6], [-1.0], 1.0)], draw=1, cut=range(20))
    refuse_hopeless(Round(0, (cut[0], signal)), 7)
    ends = group_of([3, 4], many, draw=1, cut=range(19))
    refuse_hopeless(Round(0, (cut[0], ends)), 7)
    refuse_hopeless(Round(0, (cut[0],)), 7)


def test_one_answer_for_all_is_told_after_five_rounds_and_once():
    assert lines([0.5] * 4, [0.5] * 4, repeated=0.9) == []
    said = lines([0.5] * 12, [0.5] * 12, repeated=0.9)
    assert len(said) == 1 and "one answer that fits all" in said[0]
    assert lines([0.5] * 12, [0.5] * 12, repeated=0.9, parts=4) == []


def test_answers_are_repeated_across_problems_not_within_one():
    same = [([5], [-1.0], 1.0), ([5], [-1.0], 0.0)]
    apart = Round(0, (group_of([1, 2], same, draw=0),))
    assert repeated_answers(apart) == 0.0
    other = group_of([3, 4], same, draw=1)
    other = replace(other, problem=replace(other.problem, answer="2"))
    both = Round(0, (*apart.groups, other))
    assert repeated_answers(both) == 1.0


def test_equal_answers_may_be_said_in_equal_words():
    same = [([5], [-1.0], 1.0), ([5], [-1.0], 1.0)]
    groups = [group_of([1, 2], same, draw=draw) for draw in (0, 1)]
    for answers, share in ((("7", "7"), 0.0), (("7", "8"), 1.0)):
        asked = [
            replace(g, problem=replace(g.problem, answer=a))
            for g, a in zip(groups, answers, strict=True)
        ]
        assert repeated_answers(Round(0, tuple(asked))) == share
