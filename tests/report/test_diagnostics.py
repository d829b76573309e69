"""The report's diagnoses: rules that held, and those that were looked for."""

from dataclasses import replace

from paceline.diagnostics import RULES
from paceline.report.diagnostics import diagnostics
from tests.helpers.fake_run import AFTER, SUMMARY, fake_step
from tests.helpers.records import a_step
from tests.helpers.snapshots import a_snapshot

THIN = "\u202f"


def test_each_diagnosis_has_its_steps_figures_remedy_and_rule() -> None:
    steps = [
        replace(
            fake_step(s, 60),
            groups_without_signal=8 if s > 30 else 2,
            repeated_mistakes=0.9 if 10 < s < 31 or s > 50 else 0.0,
        )
        for s in range(1, 61)
    ]
    answer, collapse = diagnostics(a_snapshot(steps)).held
    # Ten rounds of which nine are silent end at 39; five that repeat themselves at 15 and at 55.
    assert (answer.name, answer.steps) == (
        "One answer fits all",
        f"steps{THIN}15–30, 55–60, the last",
    )
    assert (collapse.name, collapse.steps) == ("Advantage collapse", f"steps{THIN}39–60, the last")
    # At their ends the two that repeat themselves say the same again, which stands there already.
    assert [row.name for row in answer.rows] == [
        f"Step{THIN}15", f"Step{THIN}55", "Remedy", "Rule",
    ]  # fmt: skip
    assert [row.name for row in collapse.rows] == [
        f"Step{THIN}39", f"Step{THIN}60", "Remedy", "Rule",
    ]  # fmt: skip
    assert [row.muted for row in collapse.rows] == [False, False, False, True]
    assert collapse.rows[0].text.startswith(f"In the last 10 rounds 92{THIN}% of the groups had no")
    assert collapse.rows[1].text.startswith(f"In the last 10 rounds 100{THIN}% of the groups")
    remedy = "Read some completions, and audit the reward (paceline audit): a guess"
    assert answer.rows[2].text.startswith(remedy) and answer.rows[2].text.endswith("winning.")


def test_a_short_diagnosis_in_the_middle_is_told_once() -> None:
    # From 5 of 8 repeated rounds on it holds: steps 8 to 12, and not since.
    steps = [a_step(step=s, round=s, repeated_mistakes=0.9 * (3 < s < 13)) for s in range(1, 15)]
    (held,) = diagnostics(a_snapshot(steps)).held
    assert held.steps == f"steps{THIN}8–12"
    assert [row.name for row in held.rows] == [f"Step{THIN}8", "Remedy", "Rule"]
    (held,) = diagnostics(a_snapshot(steps[:8])).held
    assert held.steps == f"steps{THIN}8, the last"


def test_the_rest_is_one_line_that_opens_to_the_rules() -> None:
    steps = [a_step(step=s, round=s, kl=None) for s in range(1, 41)]
    found = diagnostics(a_snapshot(steps))
    assert found.held == () and found.rest == (
        "Looked for and not found: advantage collapse, nothing left to learn, entropy collapse,"
        " length drift, reward ahead of the answers, one answer fits all. Not judged, as there are"
        " no figures: KL growth, ratio blow-up, reward ahead of held-out accuracy."
    )
    assert [one.name.casefold() for one in found.rules[-3:]] == [
        "kl growth", "ratio blow-up", "reward ahead of held-out accuracy",
    ]  # fmt: skip
    said = {one.text for one in found.rules}
    assert said == {rule.rule.replace(" %", f"{THIN}%") for rule in RULES}


def test_the_diagnoses_of_a_run_take_its_summarys_measurements() -> None:
    steps = [replace(fake_step(s, 40), evaluation=None) for s in range(1, 31)]
    lost = replace(AFTER, sampled_accuracy=0.01)
    (held,) = diagnostics(a_snapshot(steps, replace(SUMMARY, after=lost))).held
    assert (held.name, held.steps) == (
        "Reward ahead of held-out accuracy",
        f"steps{THIN}30, the last",
    )
    said = f"Held-out accuracy is 1.0{THIN}% (3.2{THIN}% before training), while"
    assert held.rows[0].text.startswith(said)


def test_before_the_first_step_there_is_nothing_to_judge() -> None:
    found = diagnostics(a_snapshot())
    assert (found.held, found.rules) == ((), ())
    assert found.rest == "There is nothing to judge before the first step."
