"""Each diagnosis is told at the very step at which its rule begins to hold, once, and not before;
and runs that learned are left in peace."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from paceline.config import keys
from paceline.diagnostics import RULES, Diagnosis, Watch, diagnoses, watched
from paceline.diagnostics.steps import Figures, clearly_rose
from paceline.errors import ConfigError
from paceline.recipes import tiny
from paceline.store.base import RecordError
from paceline.store.records import Measured, StepRecord
from paceline.training.round_checks import refuse_hopeless, repeated_mistakes
from paceline.types import Group, Round
from tests.helpers.fake_run import DEMO, FELL, PARTS, fake_step, seen
from tests.helpers.records import a_measurement, a_step
from tests.helpers.rounds import group_of

DOCUMENT = Path(__file__).parents[2] / "docs/diagnostics.md"
Steps = list[StepRecord]


def run(steps: int, parts: int = 1, **columns: Any) -> Steps:
    """A run in which nothing happens but what the columns say: a value, or a function of the step
    (of the round, where it is a round's figure), both counted from 1."""
    of_steps = {"entropy", "kl", "ratio_max", "clip_fraction", "evaluation"}
    made = []
    for i in range(steps):
        places = {name: i + 1 if name in of_steps else i // parts + 1 for name in columns}
        figures = {
            name: value(places[name]) if callable(value) else value
            for name, value in columns.items()
        }
        made.append(a_step(step=i + 1, round=i // parts, part=i % parts, **figures))
    return made


def told(steps: Steps) -> list[tuple[int, str]]:
    """(step, name) of each diagnosis, at the step at which the watch says it."""
    watch = Watch()
    said = [(step.step, found.name) for step in steps for found in watch.sees(step)]
    assert said == sorted((found.first, found.name) for found in watch.found)
    return said


def only(lines: Steps) -> Diagnosis:
    (found,) = diagnoses(lines)
    return found


def after(step: int, then: float, else_: float):
    return lambda place: then if place > step else else_


# Runs that learned


def test_runs_that_learned_are_left_in_peace():
    assert told(seen(DEMO)) == []
    assert told(seen(PARTS, 256, 32)) == []
    assert told([fake_step(step, 80) for step in range(1, 81)]) == []
    assert told(run(200)) == []
    rising = run(80, reward=lambda r: r / 80, accuracy=lambda r: r / 80, kl=lambda s: s / 20)
    assert told(rising) == []


def test_the_demo_that_fell_is_told_at_step_40():
    # Steps 31 to 40 but 37, which trained nothing: their entropy is 3 % of 1.78, and of their
    # answers 56 % were right, after 71 % in ten steps before.
    assert told(seen(FELL)) == [(40, "entropy collapse")]


# Groups without signal


@pytest.mark.parametrize(("right", "name"), [(0.2, "advantage collapse"), (0.96, "nothing left")])
def test_ten_rounds_without_signal_after_some_that_had_it(right, name):
    # From round 11 on 8 of 8 are silent: rounds 9 to 18 have (2 + 2 + 8·8) / 80 = 85 %, rounds 10
    # to 19 have 92.5 %.
    lines = run(40, groups_without_signal=after(10, 8, 2), accuracy=right, reward=right)
    ((step, said),) = told(lines)
    assert step == 19 and said.startswith(name)
    assert told(lines[:18]) == []
    found = only(lines)
    assert "in the last 10 rounds 92 % of the groups had no signal" in found.finding
    assert "in the last 10 rounds 100 % of the groups" in found.lately and found.last == 40


def test_just_below_nine_of_ten_groups_is_no_collapse():
    assert told(run(60, groups=10, groups_without_signal=after(10, 9, 2))) == [
        (20, "advantage collapse")
    ]
    assert told(run(60, groups=100, groups_without_signal=after(10, 89, 2))) == []


def test_a_start_without_signal_is_given_time():
    first = run(29, groups=80, groups_without_signal=79, accuracy=0.01)
    assert told(first) == []
    assert told(run(30, groups=80, groups_without_signal=79, accuracy=0.01)) == [
        (30, "advantage collapse")
    ]
    assert told(run(9, groups_without_signal=8, accuracy=0.0)) == []
    assert told(run(30, groups_without_signal=8, accuracy=0.0)) == [(10, "advantage collapse")]


def test_with_several_updates_a_round_its_figures_count_once():
    # Round 19 begins at step 4 · 18 + 1 = 73.
    lines = run(160, 4, groups_without_signal=after(10, 8, 2))
    assert told(lines) == [(73, "advantage collapse")]
    assert only(lines).last == 160


# Entropy


def test_entropy_below_five_percent_with_few_answers_right():
    # From step 21 on it is 0.01: steps 12 to 21 have a mean of 0.901, steps 21 to 30 of 0.01, steps
    # 20 to 29 of 0.109; a twentieth of the first three is 0.05.
    def fallen(right: float) -> Steps:
        return run(60, entropy=after(20, 0.01, 1.0), accuracy=right, reward=right)

    assert told(fallen(0.49)) == [(30, "entropy collapse")]
    assert told(fallen(0.50)) == []
    low = run(60, entropy=after(20, 0.05, 1.0), accuracy=0.3)
    assert told(low) == []
    better = run(60, entropy=after(20, 0.01, 1.0), accuracy=lambda r: 0.1 + r / 200)
    assert told(better) == []


def test_entropy_below_five_percent_and_answers_that_were_better():
    # From step 41 on 0.65 instead of 0.80: the tenth of them is 15 points below the best ten.
    lines = run(80, entropy=after(20, 0.01, 1.0), accuracy=after(40, 0.65, 0.80))
    assert told(lines) == [(50, "entropy collapse")]
    assert "65 % of their answers were right; in the 10 before 80 %, at best 80 %" in (
        only(lines).finding
    )
    assert told(run(80, entropy=after(20, 0.01, 1.0), accuracy=after(40, 0.66, 0.80))) == []


def test_steps_that_trained_nothing_are_skipped():
    # Every other step has none: the 30 that count end at step 59, of them the last twenty are low.
    lines = run(60, entropy=lambda s: None if s % 2 == 0 else 1.0 if s < 21 else 0.01, accuracy=0.3)
    assert told(lines) == [(59, "entropy collapse")]


def test_a_run_that_gets_better_is_left_in_peace_however_many_updates_a_round_serves():
    # From 25 to 45 % in 40 rounds, ±4 points in turn: ten rounds gain 5 points on the ten before,
    # single rounds lose 7.5 on the one before, and with it all windows of fewer than ten rounds.
    for parts in (1, 4, 8, 16):
        lines = run(
            40 * parts,
            parts,
            entropy=after(10 * parts, 0.01, 1.0),
            accuracy=lambda r: 0.25 + r / 200 + (0.04 if r % 2 else -0.04),
        )
        assert told(lines) == [], parts


def test_a_rise_within_thirty_rounds_is_no_collapse():
    # 0.35 from round 21 on: rounds 21 to 50 are the first thirty without a rise.
    lines = run(80, entropy=after(10, 0.01, 1.0), accuracy=after(20, 0.35, 0.30))
    assert told(lines) == [(50, "entropy collapse")]


def test_a_collapse_is_told_in_rounds_too():
    # Low from round 21 on: rounds 21 to 30 are the first ten that are, and round 30 begins at
    # step 4 · 29 + 1 = 117.
    lines = run(160, 4, entropy=after(80, 0.01, 1.0), accuracy=0.3)
    assert told(lines) == [(117, "entropy collapse")]
    assert only(lines).last == 160
    # A round's entropy is the mean of its steps: (0.02 + 3 · 0.07) / 4 = 0.0575, and 0.04.
    first, others = (
        run(160, 4, entropy=lambda s, x=x: 1.0 if s < 81 else 0.02 if s % 4 == 1 else x)
        for x in (0.07, 0.0467)
    )
    assert told([replace(step, accuracy=0.3) for step in first]) == []
    # 117 has (9 · 0.04 + 0.02) / 10.
    assert told([replace(step, accuracy=0.3) for step in others]) == [(117, "entropy collapse")]


def test_a_round_whose_first_update_trained_nothing_is_judged_with_the_next():
    lines = run(160, 4, accuracy=0.3, entropy=lambda s: None if s % 4 == 1 else 1.0)
    lines[80:] = [replace(one, entropy=one.entropy and 0.01) for one in lines[80:]]
    assert told(lines) == [(118, "entropy collapse")]


# Length


def test_length_that_grows_while_answers_stay():
    # Ten rounds of 150: the last of them is the first with a mean of 150.
    assert told(run(60, completion_tokens=after(20, 150.0, 100.0))) == [(30, "length drift")]
    assert told(run(60, completion_tokens=after(20, 149.0, 100.0))) == []
    assert told(run(60, completion_tokens=after(20, 50.0, 100.0))) == [(30, "length drift")]
    assert told(run(60, completion_tokens=after(20, 51.0, 100.0))) == []


def test_a_slow_drift_adds_up():
    # 100 + r: the mean of rounds r − 9 to r is r + 95.5, and the first three have 102: 153 is
    # passed at round 58.
    lines = run(80, completion_tokens=lambda r: 100.0 + r)
    assert told(lines) == [(58, "length drift")]
    assert only(lines).finding == (
        "completions grew from 102 to 154 tokens on average since step 3, while the share of right "
        "answers went from 50 % to 50 %"
    )


def test_length_may_go_where_it_likes_while_answers_get_better():
    slow = {"completion_tokens": lambda r: 100.0 + 4 * r, "accuracy": lambda r: 0.1 + r / 100}
    assert told(run(80, **slow, reward=lambda r: 0.1 + r / 100)) == []


def test_length_drift_with_several_updates_a_round():
    # Round 30 begins at step 88.
    assert told(run(120, 3, completion_tokens=after(20, 150.0, 100.0))) == [(88, "length drift")]


# KL and ratios


def test_kl_that_grows_while_answers_stay():
    # The median of ten is above 1.5 as soon as six of them are, and with five and five between.
    assert told(run(60, kl=after(20, 2.0, 0.1))) == [(26, "KL growth")]
    assert told(run(60, kl=after(20, 1.49, 0.1))) == []
    assert told(run(60, kl=after(20, 2.9, 1.5))) == []  # not twice as far
    assert told(run(60, kl=after(20, 3.0, 1.5))) == [(26, "KL growth")]
    spikes = run(60, kl=lambda s: 100.0 if s % 3 == 0 else 0.1)
    assert told(spikes) == []
    assert told(run(60, kl=None)) == []
    # Round 26 begins at step 101; a spike in every round is no round far away.
    assert told(run(160, 4, kl=after(80, 2.0, 0.1))) == [(101, "KL growth")]
    assert told(run(160, 4, kl=lambda s: 100.0 if s % 4 == 1 else 0.1)) == []
    paid = {"kl": lambda s: s / 20, "accuracy": lambda r: r / 70, "reward": lambda r: r / 70}
    assert told(run(60, **paid)) == []


def test_ratios_far_outside_step_after_step():
    far = {"ratio_max": lambda s: 1.0 if s % 4 == 1 else 10.0, "clip_fraction": 0.2}
    # Updates behind a round's first are steps 2 3 4, 6 7: the fifth is step 7.
    assert told(run(40, 4, **far)) == [(7, "ratio blow-up")]
    assert told(run(40, 4, **far | {"ratio_max": 9.9})) == []
    assert told(run(40, 4, **far | {"clip_fraction": 0.19})) == []
    # With two updates a round every even step counts; four of ten are too few.
    four = {"ratio_max": lambda s: 50.0 if s % 20 in (2, 4, 6, 8) else 2.0}
    five = {"ratio_max": lambda s: 50.0 if s % 20 in (2, 4, 6, 8, 18) else 2.0}
    assert told(run(80, 2, **far | four)) == []
    assert told(run(80, 2, **far | five)) == [(18, "ratio blow-up")]
    assert told(run(40, 1, **far | {"ratio_max": 50.0})) == []  # one update a round


def test_a_diagnosis_reaches_as_far_as_it_was_judged_and_to_the_end_of_that_round():
    # Steps 13 to 16 are the fourth round, of which the last trained nothing, as none did later.
    lines = run(40, 4, ratio_max=lambda s: 50.0 if s < 16 else None, clip_fraction=0.5)
    assert (only(lines).first, only(lines).last, only(lines).over) == (7, 16, False)


def test_ratios_beyond_all_bounds_need_no_clip():
    assert told(run(40, 4, ratio_max=1000.0, clip_fraction=None)) == [(7, "ratio blow-up")]
    assert told(run(40, 4, ratio_max=999.0, clip_fraction=None)) == []
    # GSPO: nearly everything is clipped, at ratios of sequences.
    assert told(run(80, 4, ratio_max=2.0, clip_fraction=0.97)) == []


# The reward


def test_form_without_answers_is_told():
    # Round r pays r / 50: ten rounds gain 0.2 over the ten before, seven times the standard error.
    lines = run(30, reward=lambda r: 0.1 + r / 50, accuracy=0.2)
    assert told(lines) == [(20, "reward ahead of the answers")]
    assert only(lines).finding == (
        "the mean reward of the last 10 rounds was 0.41, that of the 10 before 0.21, while the "
        "share of right answers went from 20 % to 20 %"
    )
    assert told(run(30, reward=lambda r: 0.1 + r / 50, accuracy=lambda r: 0.2 + r / 1000)) == []
    assert told(run(40, reward=after(20, 0.6, 0.5))) == [(30, "reward ahead of the answers")]
    assert told(run(40, reward=after(20, 0.59, 0.5))) == []
    # Round 20 begins at step 77.
    assert told(run(120, 4, reward=lambda r: 0.1 + r / 50, accuracy=0.2))[0][0] == 77


def test_what_chance_may_do_is_no_rise():
    # Alternating by ±0.2: a mean of ten has a standard error of 0.067, their difference of 0.094.
    noisy = [0.3, 0.7] * 5
    assert clearly_rose([0.5] * 10, [0.6] * 10, 0.1)
    assert not clearly_rose(noisy, [r + 0.37 for r in noisy], 0.1)
    assert clearly_rose(noisy, [r + 0.38 for r in noisy], 0.1)
    assert clearly_rose([0.5], [0.7], 0.1)


def measured(places: dict[int, float], n: int = 500):
    def evaluation(step: int) -> Measured | None:
        found = places.get(step)
        return None if found is None else a_measurement(found, n)

    return evaluation


def test_held_out_accuracy_that_stays_behind_is_told():
    paid = {"reward": after(10, 0.5, 0.2), "accuracy": after(10, 0.5, 0.2)}
    lines = run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}))
    assert told(lines) == [(20, "reward ahead of held-out accuracy")]
    assert "held-out accuracy is 35.0 %, after step 10 it was 40.0 %" in only(lines).finding
    assert told(run(20, **paid, evaluation=measured({10: 0.40, 20: 0.40}))) != []
    assert told(run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}, n=200))) != []
    assert told(run(20, **paid, evaluation=measured({10: 0.40, 20: 0.41}))) == []
    assert told(run(20, **paid, evaluation=measured({10: 0.40, 20: 0.35}, n=199))) == []


def test_one_round_is_no_start_to_compare_with():
    # A run that stands still at 0.5 ± 0.15, with a low first round and the best measurement after
    # it: the first three have a mean of 0.417, the ten to step 10 one of 0.475, with an error of
    # 0.05: more than five of it above the first alone.
    swing = [0.20, 0.40, 0.65, 0.35, 0.65, 0.35, 0.65, 0.35, 0.65, 0.50]
    places = {1: 0.42} | dict.fromkeys(range(2, 11), 0.40)
    noisy = {"reward": lambda r: swing[r - 1], "accuracy": lambda r: swing[r - 1]}
    assert told(run(10, **noisy, evaluation=measured(places))) == []
    # The same from 0.1 to 0.5 is a rise, whether the best is before the first round or behind it.
    risen = {"reward": after(3, 0.5, 0.1), "accuracy": after(3, 0.5, 0.1)}
    assert told(run(13, **risen, evaluation=measured({1: 0.42, 13: 0.40}))) == [
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
    assert told(run(20, **swinging(0.23), evaluation=places)) == []
    assert told(run(20, **swinging(0.24), evaluation=places)) != []


def test_it_is_compared_with_the_best_so_far_and_ends_where_that_is_passed():
    # 0.005 a round: from 10 to 20 the reward gains 0.05, from 10 to 30 it gains 0.1.
    slow = {"reward": lambda r: r / 200, "accuracy": lambda r: r / 200}
    places = {10: 0.40, 20: 0.39, 30: 0.38, 40: 0.41, 50: 0.42}
    lines = run(60, **slow, evaluation=measured(places))
    found = only(lines)
    assert (found.first, found.last, found.over) == (30, 30, True)


def test_the_measurements_of_the_summary_may_be_given():
    lines = run(30, reward=lambda r: r / 30, accuracy=lambda r: r / 30)
    before, late = a_measurement(0.10), a_measurement(0.08)
    assert diagnoses(lines) == diagnoses(lines, before) == []
    (found,) = diagnoses(lines, before, late)
    assert (found.name, found.first) == ("reward ahead of held-out accuracy", 30)
    # The first three rounds have 1/30 to 3/30, the last ten 21/30 to 30/30.
    assert "before training it was 10.0 %, while the mean reward went from 0.07 to 0.85" in (
        found.finding
    )


# One answer for all


def test_one_answer_for_all_is_told_after_five_rounds():
    repeated = run(20, repeated_mistakes=after(3, 0.51, 0.25))
    assert told(repeated) == [(8, "one answer fits all")]
    assert told(run(20, repeated_mistakes=after(3, 0.50, 0.0))) == []
    assert told(run(20, repeated_mistakes=0.9)) == []  # so from the start: the answers are few
    # Round 8 begins at step 29.
    assert told(run(60, 4, repeated_mistakes=after(3, 0.9, 0.0))) == [(29, "one answer fits all")]


# What holds for all of them


def test_it_is_told_once_and_again_only_when_it_comes_back():
    flapping = run(60, repeated_mistakes=lambda r: 0.9 if r % 10 > 3 else 0.0 if r < 4 else 0.4)
    assert told(flapping) == [(8, "one answer fits all")]
    back = run(80, repeated_mistakes=lambda r: 0.9 if 10 < r < 31 or r > 50 else 0.0)
    assert told(back) == [(15, "one answer fits all"), (55, "one answer fits all")]
    first, second = diagnoses(back)
    assert (first.first, first.last, first.over) == (15, 30, True)
    assert (second.first, second.last, second.over) == (55, 80, False)


SICK = [
    run(60, groups_without_signal=after(10, 8, 2)),
    run(60, entropy=after(20, 0.01, 1.0), accuracy=0.3),
    run(60, 4, ratio_max=50.0, clip_fraction=0.5),
    run(60, repeated_mistakes=lambda r: 0.9 if 10 < r < 31 else 0.0, kl=after(20, 2.0, 0.1)),
    seen(FELL),
]


@pytest.mark.parametrize("lines", SICK)
def test_what_is_said_of_a_step_does_not_depend_on_what_comes_after(lines):
    whole = diagnoses(lines)
    assert whole
    for end in range(len(lines) + 1):
        so_far = diagnoses(lines[:end])
        assert [(d.name, d.first, d.finding) for d in so_far] == [
            (d.name, d.first, d.finding) for d in whole if d.first <= end
        ]
        assert all(d.last <= w.last for d, w in zip(so_far, whole, strict=False))


MAY_BE_NULL = {
    "repeated_mistakes", "accuracy_refused", "grad_norm", "entropy", "kl", "ratio_max",
    "clip_fraction", "mismatch", "tokens_per_second", "memory_gb", "evaluation",
}  # fmt: skip
MAY_BE_MISSING = {
    "empty", "stop_reasons", "reasons", "repeated_mistakes", "accuracy_refused", "groups_lost",
    "prompts_too_long", "memory_gb", "phases", "evaluation",
}  # fmt: skip


def read_again(lines: list[dict[str, Any]]) -> Steps:
    return [StepRecord.from_json(line) for line in lines]


@pytest.mark.parametrize("steps", SICK)
def test_null_and_missing_figures_are_no_sign_or_are_named(steps):
    """A line is judged, or refused with the key: never judged by half of what it says."""
    lines = [step.to_json() for step in steps]
    assert diagnoses(read_again(lines)) == diagnoses(steps)
    for key in lines[0]:
        nothing = [{**line, key: None} for line in lines]
        without = [{k: v for k, v in line.items() if k != key} for line in lines]
        for changed, allowed in ((nothing, MAY_BE_NULL), (without, MAY_BE_MISSING)):
            if key in allowed:
                diagnoses(read_again(changed))
            else:
                with pytest.raises(RecordError, match=f"'{key}'"):
                    read_again(changed)


@pytest.mark.parametrize(
    ("key", "value"),
    [("reward", "x"), ("accuracy", True), ("groups", None), ("groups", 8.5), ("step", "1"),
     ("completion_tokens", math.inf), ("reward", math.nan), ("skipped", 0), ("phases", []),
     ("reasons", {"right": "many"}), ("evaluation", {"n": 5}), ("evaluation", 0.4)],
)  # fmt: skip
def test_a_figure_of_another_kind_is_named(key, value):
    with pytest.raises(RecordError, match=f"'{key}'|measurement"):
        read_again([{**a_step().to_json(), key: value}])


def test_odd_figures_are_no_sign_and_no_error():
    odd = {"groups": 0, "groups_without_signal": 0, "entropy": math.inf, "kl": "x", "rows": 0}
    line = a_step(completions=0, rows_trained=0).to_json()
    assert diagnoses(read_again([{**line, **odd}] * 40)) == []
    assert diagnoses([]) == []


def test_a_round_begins_where_its_number_changes_whatever_its_part_says():
    # Round 19 begins at step 73, though every step says that it is a first part.
    lines = run(160, 4, groups_without_signal=after(10, 8, 2))
    assert only([replace(one, part=0) for one in lines]).first == 73


def test_what_had_no_figures_was_not_judged():
    assert not any(rule.judged for rule in watched(run(4)).rules)
    judged = {rule.name for rule in watched(run(40, kl=None)).rules if rule.judged}
    missing = {rule.name for rule in RULES} - judged
    assert missing == {"KL growth", "ratio blow-up", "reward ahead of held-out accuracy"}


def test_a_notice_names_figures_and_remedy():
    watch = Watch()
    lines = run(30, repeated_mistakes=after(3, 0.9, 0.0))
    said = [text for line in lines for text in watch.notices(line)]
    assert len(said) == 1
    assert said[0].startswith("one answer fits all: in the last 5 rounds 90 % of the completions")
    assert "audit the reward (paceline audit)" in said[0] and said[0].endswith(".")
    assert json.loads(json.dumps(asdict(watch.found[0])))["first"] == 8


def test_the_document_says_the_rules_that_the_code_has():
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_name = {}
    for section in sections:
        name, _, text = section.partition("\n")
        by_name[name] = " ".join(text.split())
    assert [name for name in by_name if "tried" not in name] == [rule.name for rule in RULES]
    for rule in RULES:
        assert (
            f"**Rule.** {rule.rule} **Remedy.** {rule.remedy} **In the curves.**"
            in (by_name[rule.name])
        )


def test_remedies_name_keys_that_there_are():
    known = {key.path for key in keys(tiny())}
    for rule in RULES:
        for key in re.findall(r"\b[a-z]+\.[a-z]\w*", rule.remedy):
            assert key in known, key


# What is seen in a round


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


def test_groups_that_were_refused_for_having_no_signal_count_as_such():
    # rollouts.accept=signal keeps 4 groups with signal and sets 12 without aside.
    step = a_step(groups=4, groups_without_signal=0)
    assert Figures.of(step, None).silent == 0.0
    assert Figures.of(replace(step, groups_refused=12), None).silent == 0.75


def test_refused_groups_count_with_their_answers():
    # (3 + 60) / 68 = 93 % have no signal; (8 · 0.74 + 60 · 0.98) / 68 = 95 % of the answers are
    # right, and with 10 % of those that were refused 17.5 %.
    refused = {"groups": 8, "groups_without_signal": 3, "groups_refused": 60, "accuracy": 0.74}
    assert told(run(40, **refused, accuracy_refused=0.98)) == [(30, "nothing left to learn")]
    hard = run(40, **refused, accuracy_refused=0.1)
    assert told(hard) == [(30, "advantage collapse")]
    assert only(hard).finding == (
        "in the last 30 rounds 93 % of the groups had no signal, with 18 % of the answers right"
    )
    # Lines of older versions do not say how refused groups answered.
    assert told(run(40, **refused)) == []
    few = refused | {"groups_without_signal": 8, "groups_refused": 2}
    assert told(run(40, **few)) == [(10, "advantage collapse")]
