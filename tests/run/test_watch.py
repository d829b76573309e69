"""Signs of a reward that is paid for something else, and silence where there is none."""

from dataclasses import replace

from paceline.run.watch import Watch, repeated_answers
from paceline.types import Round
from tests.conftest import group_of


def lines(rewards, accuracies, evaluations=None, repeated=0.0, parts=1):
    watch, said = Watch(), []
    for i, (reward, accuracy) in enumerate(zip(rewards, accuracies, strict=True)):
        found = (evaluations or {}).get(i)
        line = {"reward": reward, "accuracy": accuracy, "repeated_answers": repeated,
                "part": i % parts, "evaluation": found and {"sampled_accuracy": found}}  # fmt: skip
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
