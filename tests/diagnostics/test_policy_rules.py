"""Rules about the policy: each is told at the step at which it begins to hold, and not before."""

from dataclasses import replace

from tests.helpers.quiet_runs import Steps, a_run, after, only, told

# Entropy


def test_entropy_below_five_percent_with_few_answers_right():
    # From step 21 on it is 0.01: steps 12 to 21 have a mean of 0.901, steps 21 to 30 of 0.01, steps
    # 20 to 29 of 0.109; a twentieth of the first three is 0.05.
    def fallen(right: float) -> Steps:
        return a_run(60, entropy=after(20, 0.01, 1.0), accuracy=right, reward=right)

    assert told(fallen(0.49)) == [(30, "entropy collapse")]
    assert told(fallen(0.50)) == []
    low = a_run(60, entropy=after(20, 0.05, 1.0), accuracy=0.3)
    assert told(low) == []
    better = a_run(60, entropy=after(20, 0.01, 1.0), accuracy=lambda r: 0.1 + r / 200)
    assert told(better) == []


def test_entropy_below_five_percent_and_answers_that_were_better():
    # From step 41 on 0.65 instead of 0.80: the tenth of them is 15 points below the best ten.
    lines = a_run(80, entropy=after(20, 0.01, 1.0), accuracy=after(40, 0.65, 0.80))
    assert told(lines) == [(50, "entropy collapse")]
    assert only(lines).finding == (
        "the entropy of the last 10 rounds that trained was 0.01 nats a token, which is 1.0 % of "
        "the 1 in the first 3, and 65 % of their answers were right (80 % in the 10 rounds before, "
        "80 % at best)"
    )
    assert told(a_run(80, entropy=after(20, 0.01, 1.0), accuracy=after(40, 0.66, 0.80))) == []


def test_steps_that_trained_nothing_are_skipped():
    # Every other step has none: the 30 that count end at step 59, of them the last twenty are low.
    lines = a_run(
        60, entropy=lambda s: None if s % 2 == 0 else 1.0 if s < 21 else 0.01, accuracy=0.3
    )
    assert told(lines) == [(59, "entropy collapse")]


def test_a_run_that_gets_better_is_left_in_peace_however_many_updates_a_round_serves():
    # From 25 to 45 % in 40 rounds, ±4 points in turn: ten rounds gain 5 points on the ten before,
    # single rounds lose 7.5 on the one before, and with it all windows of fewer than ten rounds.
    for parts in (1, 4, 8, 16):
        lines = a_run(
            40 * parts,
            parts,
            entropy=after(10 * parts, 0.01, 1.0),
            accuracy=lambda r: 0.25 + r / 200 + (0.04 if r % 2 else -0.04),
        )
        assert told(lines) == [], parts


def test_a_rise_within_thirty_rounds_is_no_collapse():
    # 0.35 from round 21 on: rounds 21 to 50 are the first thirty without a rise.
    lines = a_run(80, entropy=after(10, 0.01, 1.0), accuracy=after(20, 0.35, 0.30))
    assert told(lines) == [(50, "entropy collapse")]


def test_a_collapse_is_told_in_rounds_too():
    # Low from round 21 on: rounds 21 to 30 are the first ten that are, and round 30 begins at
    # step 4 · 29 + 1 = 117.
    lines = a_run(160, 4, entropy=after(80, 0.01, 1.0), accuracy=0.3)
    assert told(lines) == [(117, "entropy collapse")]
    assert only(lines).last == 160
    # A round's entropy is the mean of its steps: (0.02 + 3 · 0.07) / 4 = 0.0575, and 0.04.
    first, others = (
        a_run(160, 4, entropy=lambda s, x=x: 1.0 if s < 81 else 0.02 if s % 4 == 1 else x)
        for x in (0.07, 0.0467)
    )
    assert told([replace(step, accuracy=0.3) for step in first]) == []
    # 117 has (9 · 0.04 + 0.02) / 10.
    assert told([replace(step, accuracy=0.3) for step in others]) == [(117, "entropy collapse")]


def test_a_round_whose_first_update_trained_nothing_is_judged_with_the_next():
    lines = a_run(160, 4, accuracy=0.3, entropy=lambda s: None if s % 4 == 1 else 1.0)
    lines[80:] = [replace(one, entropy=one.entropy and 0.01) for one in lines[80:]]
    assert told(lines) == [(118, "entropy collapse")]


# Length


def test_length_that_grows_while_answers_stay():
    # Ten rounds of 150: the last of them is the first with a mean of 150.
    assert told(a_run(60, completion_tokens=after(20, 150.0, 100.0))) == [(30, "length drift")]
    assert told(a_run(60, completion_tokens=after(20, 149.0, 100.0))) == []
    assert told(a_run(60, completion_tokens=after(20, 50.0, 100.0))) == [(30, "length drift")]
    assert told(a_run(60, completion_tokens=after(20, 51.0, 100.0))) == []


def test_a_slow_drift_adds_up():
    # 100 + r: the mean of rounds r − 9 to r is r + 95.5, and the first three have 102: 153 is
    # passed at round 58.
    lines = a_run(80, completion_tokens=lambda r: 100.0 + r)
    assert told(lines) == [(58, "length drift")]
    assert only(lines).finding == (
        "completions grew from 102 to 154 tokens on average since step 3, while the share of right "
        "answers went from 50 % to 50 %"
    )


def test_length_may_go_where_it_likes_while_answers_get_better():
    slow = {"completion_tokens": lambda r: 100.0 + 4 * r, "accuracy": lambda r: 0.1 + r / 100}
    assert told(a_run(80, **slow, reward=lambda r: 0.1 + r / 100)) == []


def test_length_drift_with_several_updates_a_round():
    # Round 30 begins at step 88.
    assert told(a_run(120, 3, completion_tokens=after(20, 150.0, 100.0))) == [(88, "length drift")]


# KL and ratios


def test_kl_that_grows_while_answers_stay():
    # The median of ten is above 1.5 as soon as six of them are, and with five and five between.
    assert told(a_run(60, kl=after(20, 2.0, 0.1))) == [(26, "KL growth")]
    assert told(a_run(60, kl=after(20, 1.49, 0.1))) == []
    assert told(a_run(60, kl=after(20, 2.9, 1.5))) == []  # not twice as far
    assert told(a_run(60, kl=after(20, 3.0, 1.5))) == [(26, "KL growth")]
    spikes = a_run(60, kl=lambda s: 100.0 if s % 3 == 0 else 0.1)
    assert told(spikes) == []
    assert told(a_run(60, kl=None)) == []
    # Round 26 begins at step 101; a spike in every round is no round far away.
    assert told(a_run(160, 4, kl=after(80, 2.0, 0.1))) == [(101, "KL growth")]
    assert told(a_run(160, 4, kl=lambda s: 100.0 if s % 4 == 1 else 0.1)) == []
    paid = {"kl": lambda s: s / 20, "accuracy": lambda r: r / 70, "reward": lambda r: r / 70}
    assert told(a_run(60, **paid)) == []


def test_ratios_far_outside_step_after_step():
    far = {"ratio_max": lambda s: 1.0 if s % 4 == 1 else 10.0, "clip_fraction": 0.2}
    # Updates after a round's first are steps 2 3 4, 6 7: the fifth is step 7.
    assert told(a_run(40, 4, **far)) == [(7, "ratio blow-up")]
    assert told(a_run(40, 4, **far | {"ratio_max": 9.9})) == []
    assert told(a_run(40, 4, **far | {"clip_fraction": 0.19})) == []
    # With two updates a round every even step counts; four of ten are too few.
    four = {"ratio_max": lambda s: 50.0 if s % 20 in (2, 4, 6, 8) else 2.0}
    five = {"ratio_max": lambda s: 50.0 if s % 20 in (2, 4, 6, 8, 18) else 2.0}
    assert told(a_run(80, 2, **far | four)) == []
    assert told(a_run(80, 2, **far | five)) == [(18, "ratio blow-up")]
    assert told(a_run(40, 1, **far | {"ratio_max": 50.0})) == []  # one update a round


def test_ratios_beyond_all_bounds_need_no_clip():
    assert told(a_run(40, 4, ratio_max=1000.0, clip_fraction=None)) == [(7, "ratio blow-up")]
    assert told(a_run(40, 4, ratio_max=999.0, clip_fraction=None)) == []
    # GSPO: nearly everything is clipped, at ratios of sequences.
    assert told(a_run(80, 4, ratio_max=2.0, clip_fraction=0.97)) == []
