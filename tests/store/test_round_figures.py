"""The reasons of a round's verdicts, and mistakes that repeat."""

from collections.abc import Sequence
from dataclasses import replace

from paceline.store.round_figures import reasons, repeated_mistakes
from paceline.types import Group, Round, Verdict
from tests.helpers.rounds import group_of


def test_reasons_are_counted_and_the_most_frequent_comes_first():
    group = group_of([1, 2], [([5], [-1.0], 0.0)] * 4)
    said = ("wrong", "right", "", "right")
    rollouts = tuple(
        replace(r, verdict=Verdict(0.0, reason=reason))
        for r, reason in zip(group.rollouts, said, strict=True)
    )
    counted = reasons(Round(0, (replace(group, rollouts=rollouts),)))
    assert list(counted.items()) == [("right", 2), ("wrong", 1)]


def asking(group: Group, answer: str, texts: Sequence[str] = ()) -> Group:
    """The group of a problem with this answer, with these completions; one text is that of all."""
    problem = replace(group.problem, answer=answer)
    said = texts if len(texts) > 1 else list(texts or [""]) * len(group.rollouts)
    rollouts = tuple(
        replace(r, problem=problem, completion=replace(r.completion, text=text))
        for r, text in zip(group.rollouts, said, strict=True)
    )
    return replace(group, problem=problem, rollouts=rollouts)


def test_answers_are_repeated_across_problems_not_within_one():
    same = [([5], [-1.0], 1.0), ([5], [-1.0], 0.0)]
    apart = Round(0, (group_of([1, 2], same, draw=0),))
    assert repeated_mistakes(apart) == 0.0
    other = group_of([3, 4], same, draw=1)
    both = Round(0, (*apart.groups, asking(other, "2")))
    assert repeated_mistakes(both) == 0.5  # of the two in a group one is right


def test_equal_answers_may_be_said_in_equal_words():
    same = [([5], [-1.0], 0.0), ([5], [-1.0], 0.0)]
    groups = [group_of([1, 2], same, draw=draw) for draw in (0, 1)]
    for answers, share in ((("7", "7"), 0.0), (("7", "8"), 1.0)):
        asked = [asking(g, a) for g, a in zip(groups, answers, strict=True)]
        assert repeated_mistakes(Round(0, tuple(asked))) == share


def test_right_answers_repeat_nothing_where_answers_are_few():
    # 32 problems whose answers are letters, ten completions of each, nine of them right.
    groups = []
    for draw in range(32):
        right, wrong = "ABCD"[draw % 4], "ABCD"[(draw + 1) % 4]
        rows = [([5], [-1.0], 1.0)] * 9 + [([6], [-1.0], 0.0)]
        groups.append(asking(group_of([1, 2], rows, draw=draw), right, [right] * 9 + [wrong]))
    assert repeated_mistakes(Round(0, tuple(groups))) == 0.1
    # One letter for all of them is right in a quarter.
    stuck = [
        asking(group_of([1, 2], [([5], [-1.0], float(i % 4 == 0))] * 4, draw=i), "ABCD"[i % 4], "A")
        for i in range(32)
    ]
    assert repeated_mistakes(Round(0, tuple(stuck))) == 0.75


def test_spaces_and_lines_make_no_other_text_and_a_problem_without_an_answer_is_its_own():
    wrong = [([5], [-1.0], 0.0)]
    groups = [group_of([1, 2], wrong, draw=draw) for draw in (0, 1)]
    said = [asking(g, "", [text]) for g, text in zip(groups, ("a  b\n", "a b"), strict=True)]
    assert repeated_mistakes(Round(0, tuple(said))) == 1.0
    same = tuple(replace(g, rollouts=said[0].rollouts) for g in said)
    assert repeated_mistakes(Round(0, same)) == 0.0, "one problem, twice in a round"
