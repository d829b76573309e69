"""All rules together: runs that learned are left in peace, and what is said of a step depends on
nothing that comes after it."""

import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from paceline.config import keys
from paceline.diagnostics import RULES, Watch, diagnoses, watched
from paceline.recipes import tiny
from paceline.store.base import RecordError
from paceline.store.records import StepRecord
from tests.helpers.fake_run import DEMO, FELL, PARTS, fake_step, seen
from tests.helpers.quiet_runs import Steps, a_run, after, only, told
from tests.helpers.records import a_measurement, a_step

DOCUMENT = Path(__file__).parents[2] / "docs/diagnostics.md"


# Runs that learned


def test_runs_that_learned_are_left_in_peace():
    assert told(seen(DEMO)) == []
    assert told(seen(PARTS, 256, 32)) == []
    assert told([fake_step(step, 80) for step in range(1, 81)]) == []
    assert told(a_run(200)) == []
    rising = a_run(80, reward=lambda r: r / 80, accuracy=lambda r: r / 80, kl=lambda s: s / 20)
    assert told(rising) == []


def test_the_demo_that_fell_is_told_at_step_40():
    # Steps 31 to 40 but 37, which trained nothing: their entropy is 3 % of 1.78, and of their
    # answers 56 % were right, after 71 % in ten steps before.
    assert told(seen(FELL)) == [(40, "entropy collapse")]


def test_the_measurements_of_the_summary_may_be_given():
    lines = a_run(30, reward=lambda r: r / 30, accuracy=lambda r: r / 30)
    before, late = a_measurement(0.10), a_measurement(0.08)
    assert diagnoses(lines) == diagnoses(lines, before) == []
    (found,) = diagnoses(lines, before, late)
    assert (found.name, found.first) == ("reward ahead of held-out accuracy", 30)
    # The first three rounds have 1/30 to 3/30, the last ten 21/30 to 30/30.
    assert "(10.0 % before training), while the mean reward went from 0.07 to 0.85" in (
        found.finding
    )


# What holds for all of them


SICK = [
    a_run(60, groups_without_signal=after(10, 8, 2)),
    a_run(60, entropy=after(20, 0.01, 1.0), accuracy=0.3),
    a_run(60, 4, ratio_max=50.0, clip_fraction=0.5),
    a_run(60, repeated_mistakes=lambda r: 0.9 if 10 < r < 31 else 0.0, kl=after(20, 2.0, 0.1)),
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
    "reward", "accuracy", "repeated_mistakes", "accuracy_refused", "grad_norm", "entropy", "kl",
    "ratio_max", "clip_fraction", "mismatch", "tokens_per_second", "memory_gb", "evaluation",
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
    [("lr", "x"), ("cut", True), ("groups", None), ("groups", 8.5), ("step", "1"),
     ("completion_tokens", math.inf), ("lr", math.nan), ("skipped", 0), ("phases", []),
     ("reasons", {"right": "many"}), ("evaluation", {"task": "t"}), ("evaluation", 0.4)],
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
    lines = a_run(160, 4, groups_without_signal=after(10, 8, 2))
    assert only([replace(one, part=0) for one in lines]).first == 73


def test_what_had_no_figures_was_not_judged():
    assert not any(rule.judged for rule in watched(a_run(4)).rules)
    judged = {rule.name for rule in watched(a_run(40, kl=None)).rules if rule.judged}
    missing = {rule.name for rule in RULES} - judged
    assert missing == {"KL growth", "ratio blow-up", "reward ahead of held-out accuracy"}


def test_a_notice_names_figures_and_remedy():
    watch = Watch()
    lines = a_run(30, repeated_mistakes=after(3, 0.9, 0.0))
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
