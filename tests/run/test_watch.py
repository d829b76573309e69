"""Signs of a reward that is paid for something else, and silence where there is none."""

from paceline.run.watch import Watch, repeated_answers
from paceline.types import Round
from tests.conftest import group_of


def lines(rewards, accuracies, evaluations=None, repeated=0.0):
    watch, said = Watch(), []
    for i, (reward, accuracy) in enumerate(zip(rewards, accuracies, strict=True)):
        found = (evaluations or {}).get(i)
        line = {"reward": reward, "accuracy": accuracy, "repeated_answers": repeated,
                "evaluation": found and {"sampled_accuracy": found}}  # fmt: skip
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


def test_answers_are_repeated_across_problems_not_within_one():
    same = [([5], [-1.0], 1.0), ([5], [-1.0], 0.0)]
    apart = Round(0, (group_of([1, 2], same, draw=0),))
    assert repeated_answers(apart) == 0.0
    both = Round(0, (*apart.groups, group_of([3, 4], same, draw=1)))
    assert repeated_answers(both) == 1.0
