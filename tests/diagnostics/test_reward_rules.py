"""Rules about the reward: each is told at the step at which it begins to hold, and not before."""

import pytest

from tests.helpers.quiet_runs import a_run, after, measured, only, told

# Groups without signal


@pytest.mark.parametrize(("right", "name"), [(0.2, "advantage collapse"), (0.96, "nothing left")])
def test_ten_rounds_without_signal_after_some_that_had_it(right, name):
    # From round 11 on 8 of 8 are silent: rounds 9 to 18 have (2 + 2 + 8·8) / 80 = 85 %, rounds 10
    # to 19 have 92.5 %.
    lines = a_run(40, groups_without_signal=after(10, 8, 2), accuracy=right, reward=right)
    ((step, said),) = told(lines)
    assert step == 19 and said.startswith(name)
    assert told(lines[:18]) == []
    found = only(lines)
    assert "in the last 10 rounds 92 % of the groups had no signal" in found.finding
    assert "in the last 10 rounds 100 % of the groups" in found.lately and found.last == 40


def test_just_below_nine_of_ten_groups_is_no_collapse():
    assert told(a_run(60, groups=10, groups_without_signal=after(10, 9, 2))) == [
        (20, "advantage collapse")
    ]
    assert told(a_run(60, groups=100, groups_without_signal=after(10, 89, 2))) == []


def test_a_start_without_signal_is_given_time():
    first = a_run(29, groups=80, groups_without_signal=79, accuracy=0.01)
    assert told(first) == []
    assert told(a_run(30, groups=80, groups_without_signal=79, accuracy=0.01)) == [
        (30, "advantage collapse")
    ]
    assert told(a_run(9, groups_without_signal=8, accuracy=0.0)) == []
    assert told(a_run(30, groups_without_signal=8, accuracy=0.0)) == [(10, "advantage collapse")]


def test_with_several_updates_a_round_its_figures_count_once():
    # Round 19 begins at step 4 · 18 + 1 = 73.
    lines = a_run(160, 4, groups_without_signal=after(10, 8, 2))
    assert told(lines) == [(73, "advantage collapse")]
    assert only(lines).last == 160


def test_refused_groups_count_with_their_answers():
    # (3 + 60) / 68 = 93 % have no signal; (8 · 0.74 + 60 · 0.98) / 68 = 95 % of the answers are
    # right, and with 10 % of those that were refused 17.5 %.
    refused = {"groups": 8, "groups_without_signal": 3, "groups_refused": 60, "accuracy": 0.74}
    assert told(a_run(40, **refused, accuracy_refused=0.98)) == [(30, "nothing left to learn")]
    hard = a_run(40, **refused, accuracy_refused=0.1)
    assert told(hard) == [(30, "advantage collapse")]
    assert only(hard).finding == (
        "in the last 30 rounds 93 % of the groups had no signal, with 18 % of the answers right"
    )
    # Lines of older versions do not say how refused groups answered.
    assert told(a_run(40, **refused)) == []
    few = refused | {"groups_without_signal": 8, "groups_refused": 2}
    assert told(a_run(40, **few)) == [(10, "advantage collapse")]


# The reward


def test_form_without_answers_is_told():
    # Round r pays r / 50: ten rounds gain 0.2 over the ten before, seven times the standard error.
    lines = a_run(30, reward=lambda r: 0.1 + r / 50, accuracy=0.2)
    assert told(lines) == [(20, "reward ahead of the answers")]
    assert only(lines).finding == (
        "the mean reward rose to 0.41 in the last 10 rounds, from 0.21 in the 10 before, while the "
        "share of right answers went from 20 % to 20 %"
    )
    assert told(a_run(30, reward=lambda r: 0.1 + r / 50, accuracy=lambda r: 0.2 + r / 1000)) == []
    assert told(a_run(40, reward=after(20, 0.6, 0.5))) == [(30, "reward ahead of the answers")]
    assert told(a_run(40, reward=after(20, 0.59, 0.5))) == []
    # Round 20 begins at step 77.
    assert told(a_run(120, 4, reward=lambda r: 0.1 + r / 50, accuracy=0.2))[0][0] == 77


def test_held_out_accuracy_that_stays_behind_is_told():
    paid = {"reward": after(10, 0.5, 0.2), "accuracy": after(10, 0.5, 0.2)}
    lines = a_run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}))
    assert told(lines) == [(20, "reward ahead of held-out accuracy")]
    assert "held-out accuracy is 35.0 % (40.0 % after step 10), while" in only(lines).finding
    assert told(a_run(20, **paid, evaluation=measured({10: 0.40, 20: 0.40}))) != []
    assert told(a_run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}, n=200))) != []
    assert told(a_run(20, **paid, evaluation=measured({10: 0.40, 20: 0.41}))) == []
    assert told(a_run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}, n=199))) == []


def test_one_round_is_no_start_to_compare_with():
    # A run that stands still at 0.5 ± 0.15, with a low first round and the best measurement after
    # it: the first three have a mean of 0.417, the ten to step 10 one of 0.475, with an error of
    # 0.05: more than five of it above the first alone.
    swing = [0.20, 0.40, 0.65, 0.35, 0.65, 0.35, 0.65, 0.35, 0.65, 0.50]
    places = {1: 0.42} | dict.fromkeys(range(2, 11), 0.40)
    noisy = {"reward": lambda r: swing[r - 1], "accuracy": lambda r: swing[r - 1]}
    assert told(a_run(10, **noisy, evaluation=measured(places))) == []
    # The same from 0.1 to 0.5 is a rise, whether the best is before the first round or behind it.
    risen = {"reward": after(3, 0.5, 0.1), "accuracy": after(3, 0.5, 0.1)}
    assert told(a_run(13, **risen, evaluation=measured({1: 0.42, 13: 0.40}))) == [
        (13, "reward ahead of held-out accuracy")
    ]


def test_what_is_asked_at_every_evaluation_needs_five_standard_errors():
    # ±0.1 in turn: variances of ten are 0.0111, so that the error is 0.0471; five of it 0.236.
    def swinging(rise: float):
        return {
            key: lambda r: (0.4 if r % 2 else 0.2) + (rise if r > 10 else 0)
            for key in ("reward", "accuracy")
        }

    places = measured({10: 0.40, 20: 0.38})
    assert told(a_run(20, **swinging(0.23), evaluation=places)) == []
    assert told(a_run(20, **swinging(0.24), evaluation=places)) != []


def test_it_is_compared_with_the_best_so_far_and_ends_where_that_is_passed():
    # 0.005 a round: from 10 to 20 the reward gains 0.05, from 10 to 30 it gains 0.1.
    slow = {"reward": lambda r: r / 200, "accuracy": lambda r: r / 200}
    places = {10: 0.40, 20: 0.39, 30: 0.38, 40: 0.41, 50: 0.42}
    lines = a_run(60, **slow, evaluation=measured(places))
    found = only(lines)
    assert (found.first, found.last, found.over) == (30, 30, True)


# One answer for all


def test_one_answer_for_all_is_told_after_five_rounds():
    repeated = a_run(20, repeated_mistakes=after(3, 0.51, 0.25))
    assert told(repeated) == [(8, "one answer fits all")]
    assert only(repeated).finding == (
        "in the last 5 rounds 51 % of the completions were wrong and repeated an answer given to "
        "another problem (25 % in the first round)"
    )
    assert told(a_run(20, repeated_mistakes=after(3, 0.50, 0.0))) == []
    assert told(a_run(20, repeated_mistakes=0.9)) == []  # so from the start: the answers are few
    # Round 8 begins at step 29.
    assert told(a_run(60, 4, repeated_mistakes=after(3, 0.9, 0.0))) == [(29, "one answer fits all")]
