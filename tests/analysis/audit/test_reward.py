"""A reward under probes: its payments, its consistency, and its errors."""

import math
import time
from dataclasses import replace

import pytest

from paceline.analysis.audit.probes import PROBES
from paceline.analysis.audit.reward import FORM_PROBLEMS, PROBED_PROBLEMS
from paceline.types import Verdict
from paceline.verify import NumberIn
from tests.helpers.audits import contains, probed, tags, task_of


class Sometimes:
    """Another reward at every third call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, problem, completion):
        self.calls += 1
        return NumberIn("tag")(problem, completion).reward * (1 - 0.01 * (self.calls % 3))


def test_a_sound_reward_meets_every_wish():
    found, by_name = probed(task_of(NumberIn("tag")))
    assert [p.name for p in found.probes if not p.good] == []
    assert list(by_name) == [probe.name for probe in PROBES]
    gold = by_name["gold"]
    assert (gold.asked, gold.right, gold.full, gold.reward, gold.why) == (40, 40, 40, 1.0, "")
    assert found.differing == 0 and found.errors == () and found.form is None
    # Fifteen probes on forty problems each, all of them twice.
    assert found.calls == 2 * 15 * PROBED_PROBLEMS
    assert 0 < found.milliseconds <= found.worst


@pytest.mark.parametrize(
    ("verifier", "names"),
    [
        (contains, {"all candidates", "the right, then a wrong"}),
        (tags, {"junk in the template", "wrong", "placeholder", "all candidates"}),
    ],
)
def test_answers_that_a_bad_reward_pays_for_miss_the_wish(verifier, names):
    _, by_name = probed(task_of(verifier))
    assert names <= {name for name, p in by_name.items() if not p.good}
    assert by_name["gold"].good and by_name["empty"].good
    assert all(by_name[name].why and by_name[name].right for name in names)


def test_a_reward_that_refuses_right_answers_misses_the_wish_for_full_marks():
    _, by_name = probed(task_of(NumberIn("boxed")))
    gold = by_name["gold"]
    assert (gold.good, gold.full, gold.why) == (False, 0, "right answers are refused")


def test_full_marks_are_those_of_the_task():
    task = task_of(lambda problem, completion: 0.5 * contains(problem, completion))
    assert probed(task)[1]["gold"].full == 0
    assert probed(replace(task, full=0.5))[1]["gold"].full == 40


def test_the_most_frequent_reason_stands_for_all():
    def alternates(problem, completion):
        return Verdict(0.0, reason="\x1b[31meven" if int(problem.answer) % 3 else "third")

    # Of any forty of fifty numbers in a row most are no multiple of 3.
    assert probed(task_of(alternates))[1]["wrong"].reason == "even"


@pytest.mark.parametrize(
    ("verifier", "form"), [(NumberIn("boxed"), "\\boxed{{{}}}"), (contains, "{}")]
)
def test_without_gold_answers_the_first_form_that_is_paid_is_taken_for_theirs(verifier, form):
    found, by_name = probed(replace(task_of(verifier), gold=None))
    assert found.form == form and len(found.probes) == len(PROBES)
    assert by_name["gold"].full == 40
    assert by_name["all candidates"].good == (verifier is not contains)


def test_without_gold_answers_and_a_form_only_answers_that_need_none_are_tried():
    found, by_name = probed(replace(task_of(lambda p, c: 0.0), gold=None))
    assert found.form is None and "gold" not in by_name
    assert {"empty", "praise of itself", "control characters"} <= by_name.keys()
    # The trial of forms is not counted among the calls.
    assert found.calls == 2 * 40 * len(by_name) > FORM_PROBLEMS


def test_calls_whose_repetition_is_paid_otherwise_are_counted():
    found, _ = probed(task_of(Sometimes()))
    # Forty calls are one more than a multiple of three, so each right answer is paid otherwise.
    assert found.differing >= 40


def test_an_error_is_told_once_for_all_problems_and_leaves_its_answers_without_a_verdict():
    def raises(problem, completion):
        return float(completion.text[0] == "a")

    found, by_name = probed(task_of(raises))
    # Every problem is asked twice, and each error names its problem.
    (error,) = found.errors
    assert "raised IndexError on problem p" in error
    assert error.endswith("It happens on 40 problems.")
    empty = by_name["empty"]
    assert (empty.asked, empty.unanswered, empty.reward, empty.good) == (40, 40, 0.0, False)


def test_errors_with_other_words_and_one_of_a_single_problem_are_told_apart():
    begun = []

    def raises(problem, completion):
        if not completion.text:
            begun.append(problem.id)
            raise ValueError("no text" if problem.id == begun[0] else "no text at all")
        return 0.0

    first, second = probed(task_of(raises))[0].errors
    assert f"on problem {begun[0]}: no text" in first and "It happens" not in first
    assert "no text at all" in second and second.endswith("It happens on 39 problems.")


def test_a_reward_that_hangs_is_asked_once_a_probe():
    def hangs(problem, completion):
        if completion.text.startswith("<answer><answer>"):
            time.sleep(600)
        return 0.0

    found, by_name = probed(task_of(hangs), workers=1, seconds=3)
    probe = by_name["tags without end"]
    assert (probe.asked, probe.unanswered, probe.good) == (1, 1, False)
    assert found.errors == ("'hangs' (test_reward.py) took longer than 3 s.",)
    assert found.calls == 2 * 14 * 40 + 1


class Judge(NumberIn):
    """A reward that a model gives, as far as an audit can tell."""

    loads_model = True


def test_a_reward_that_is_a_model_reads_each_long_answer_once():
    _, by_name = probed(task_of(Judge("tag")))
    long = ("tags without end", "brackets without end", "a hundred thousand letters")
    assert {name: p.asked for name, p in by_name.items() if p.asked != 40} == dict.fromkeys(long, 1)


def test_a_score_that_likes_what_is_not_right_more_than_right_answers_misses_the_wish():
    # As a reward model's may: what is right, the task's own reward says.
    def likes_praise(problem, completion):
        score = 3.0 if "full marks" in completion.text else 0.25 + 0.001 * int(problem.id[1:])
        score -= 0.0 if completion.text else 1.0
        return Verdict(score, {}, "", contains(problem, completion) > 0)

    _, by_name = probed(replace(task_of(likes_praise), full=-math.inf))
    praise, empty = by_name["praise of itself"], by_name["empty"]
    assert not praise.good and praise.right == 0
    assert praise.ahead == pytest.approx(3.0 - by_name["gold"].reward)
    # The same problems are compared, whatever the others pay.
    assert empty.good and empty.ahead == pytest.approx(-1.0)
    assert by_name["gold"].ahead == 0.0 and by_name["gold"].good
