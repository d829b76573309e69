"""Findings of an audit in words, from records made by hand."""

from dataclasses import replace

import pytest

from paceline import recipes
from paceline.analysis.audit.conclusions import Finding, findings, verdict
from paceline.analysis.audit.model import Overlap
from tests.helpers.audits import a_probe, a_sample, contains, rewarded, task_of

APART = Overlap(10, 0, 0)
TASK = task_of(contains)


def found(reward, overlap=APART, sampled=None, task=TASK):
    return findings(recipes.demo(), task, reward, overlap, sampled)


def test_nothing_is_said_of_a_sound_reward():
    assert found(rewarded(a_probe())) == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"name": "gold", "wanted": "full marks", "full": 37, "unanswered": 1, "good": False,
             "reason": "too long", "why": "right answers are refused"},
            "2 of 40 gold answers miss full marks (too long): right answers are refused.",
        ),
        (
            {"right": 3, "good": False, "why": "the answer of another problem is paid"},
            "'wrong' counts as right in 3 of 40 cases: the answer of another problem is paid.",
        ),
        (
            {"wanted": "anything", "unanswered": 2, "good": False},
            "'wrong' got no verdict in 2 of 40 cases: a run would lose such groups.",
        ),
        (
            {"reward": 1.3, "ahead": 1.05, "good": False},
            "'wrong' earns 1.30 in the mean, no less than right answers to the same problems "
            "(0.25): a policy learns to write it.",
        ),
    ],
)  # fmt: skip
def test_a_probe_that_misses_its_wish_is_a_reason_not_to_train(changes, sentence):
    assert Finding(sentence, bad=True) in found(rewarded(a_probe(**changes)))


def test_a_probe_without_verdicts_is_told_once_where_that_is_all():
    (one,) = found(rewarded(a_probe(unanswered=40, good=False)))
    assert "got no verdict in 40 of 40 cases" in one.sentence


def test_errors_and_changes_of_mind_are_reasons_not_to_train():
    error, mind = found(rewarded(errors=("It raised.",), differing=4))
    assert error == Finding("The reward fails: It raised.", bad=True)
    assert mind.bad and mind.sentence.startswith("4 calls gave another reward on repetition;")
    (mind,) = found(rewarded(differing=1))
    assert mind.sentence.startswith("1 call gave another reward on repetition;")


def test_a_slow_reward_is_told_what_helps():
    (slow,) = found(rewarded(milliseconds=201.0))
    assert not slow.bad and slow.sentence.startswith("A call takes 201 ms; with rewards.workers=N")
    assert found(rewarded(milliseconds=200.0)) == ()


def test_a_form_that_was_guessed_is_told_and_so_is_that_there_is_none():
    without = replace(TASK, gold=None)
    (one,) = found(rewarded(form="<answer>\n{}\n</answer>"), task=without)
    assert one == Finding(
        "The task does not say how a right completion looks, so the audit took '<answer> ANSWER "
        "</answer>' with the expected answer in ANSWER's place: the reward pays for it."
    )
    (none,) = found(rewarded(), task=without)
    assert not none.bad and "the reward pays for no usual form of the expected" in none.sentence


@pytest.mark.parametrize(("same", "bad"), [(1, False), (2, False), (3, True)])
def test_problems_on_both_sides_are_bad_where_they_are_more_than_two_in_a_hundred(same, bad):
    (one,) = found(rewarded(), Overlap(100, same, same))
    assert one.bad == bad
    assert one.sentence.startswith(f"{same} of 100 held-out problems have the words of a training")


def test_a_task_without_held_out_problems_is_told_so():
    (one,) = found(rewarded(), Overlap(0, 0, 0))
    assert one == Finding("Nothing is held out, so no accuracy will be measured.")


@pytest.mark.parametrize(
    ("changes", "sentence", "bad"),
    [
        ({"cut": 0.8, "max_tokens": 64}, "rollouts.max_tokens=64", False),
        # Rule of three: 300 / (8 problems · 8 completions) = 4.7 %.
        ({"rates": (0.0, 0.0), "with_signal": 0.0}, "fewer than 4.7 % are", False),
        ({"rates": (0.0,) * 2, "with_signal": 0.0, "problems": 200}, "was right", True),
        ({"rates": (0.0,) * 2, "with_signal": 0.1, "problems": 200}, "was right", False),
        ({"rates": (1.0, 1.0)}, "solves every problem already", True),
        (
            {"predicted": {4: 0.1, 8: 0.2, 16: 0.4, 32: 0.6}, "group_size": 32},
            "groups of 32 promise 60 %",
            False,
        ),
        ({"lenient": 0.6}, "35 points of a later gain would be form", False),
        ({"max_tokens": 8}, "would end runaway ones sooner", False),
    ],
)
def test_the_models_start_is_put_into_words(changes, sentence, bad):
    said = found(rewarded(a_probe()), sampled=a_sample(**changes))
    (matching,) = [f for f in said if sentence in f.sentence]
    assert matching.bad == bad


def test_nothing_is_said_of_a_model_with_a_good_start():
    assert found(rewarded(a_probe()), sampled=a_sample()) == ()


def test_bad_findings_stand_first():
    said = found(rewarded(differing=1), Overlap(0, 0, 0), a_sample(rates=(1.0, 1.0)))
    assert [f.bad for f in said] == [True, True, False]


def test_the_verdict_counts_the_bad_findings():
    fine, bad = Finding("Fine."), Finding("Bad.", bad=True)
    assert verdict([fine]) == "Verdict: nothing speaks against training with this."
    assert verdict([bad, fine]).startswith("Verdict: fix one thing first; the model would learn")
    assert verdict([bad, bad, fine]).startswith("Verdict: fix 2 things first;")
