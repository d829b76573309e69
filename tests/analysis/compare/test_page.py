"""The page of a comparison."""

import html
from dataclasses import replace

from paceline import config as configuration
from paceline.analysis.compare.page import alike, page, setup, subject, verdict
from paceline.recipes import tiny
from paceline.store.comparison import DiagnosisRecord, FailedRecord
from tests.helpers.browser import Page, assert_inert, assert_loads_nothing
from tests.helpers.comparisons import a_record, describe
from tests.helpers.fake_run import NASTY


def test_the_verdict_counts_what_is_shown_over_the_fewest_seeds(runs):
    # gspo is better with three seeds; rloo has two of them.
    data = a_record(runs, complete=True)
    assert verdict(data) == "gspo is better than grpo over 2 seeds."
    unfinished = replace(data, complete=False, planned=9)
    assert (
        verdict(unfinished) == "Not finished, 8 of 9 runs; gspo is better than grpo over 2 seeds."
    )


def test_the_verdict_says_where_nothing_is_shown(runs):
    del runs["gspo"]
    one = a_record(runs, complete=True)
    assert verdict(one) == "No difference shown between grpo and rloo over 2 seeds."
    two = a_record({**runs, "mine": runs["grpo"]}, complete=True)
    assert verdict(two) == "No difference shown between grpo and any of the 2 others over 2 seeds."


def test_worse_and_better_stand_in_one_sentence(runs):
    several = {"mine": runs["gspo"], "grpo": runs["gspo"], "gspo": runs["grpo"]}
    data = a_record(several, complete=True)
    assert verdict(data).startswith("gspo is worse than grpo over")


def test_the_verdict_waits_for_the_first(runs):
    del runs["grpo"]
    assert verdict(a_record(runs)) == "Not finished, 8 of 8 runs: nothing to compare yet."


def test_different_tests_have_no_verdict(runs):
    for label in runs:
        describe(runs, label, fingerprints={"problems": label})
    data = a_record(runs, complete=True)
    assert verdict(data) == "Measured on different tests, so that nothing is compared."
    assert alike(replace(data, same_start=False)).startswith("other problems, or other starts for")


def test_the_head_names_runs_and_rounds(runs):
    terms = {term.name: term.text for term in subject(a_record(runs))}
    assert terms["Runs"] == (
        "3 × 3 seeds of 4 steps, 8 of 8 finished; same start, problems and random numbers for one "
        "seed"
    )
    assert terms["A round"] == "8 problems × 16 completions, 2 updates"
    data = a_record(runs, complete=True, same_start=False)
    longer = replace(data.objectives["gspo"], steps=8, updates_a_round=1)
    data = replace(data, objectives={**data.objectives, "gspo": longer})
    terms = {term.name: term.text for term in subject(data)}
    assert terms["Runs"].startswith("3 × 3 seeds of 4 or 8 steps; same problems, other starts for")
    assert terms["A round"].endswith("2 or 1 updates")


def test_the_setup_links_every_runs_own_report(runs):
    failed = (FailedRecord(run="rloo seed 1", why="ValueError: no"),)
    made = setup(a_record(runs, command="paceline compare tiny", failed=failed), runs)
    assert made.command == "paceline compare tiny" and made.failed == (
        "rloo seed 1: ValueError: no",
    )
    assert [one.label for one in made.compared] == ["grpo", "gspo", "rloo"]
    links = [(link.name, link.path) for link in made.compared[2].reports]
    assert links == [(f"seed {seed}", f"{runs['rloo'][seed].path}/report.html") for seed in (0, 2)]


def test_a_label_with_fewer_seeds_says_so(runs):
    text = page(a_record(runs), runs).html()
    assert "rloo <small>2 of 3 seeds</small>" in text and "grpo <small>" not in text


def test_the_sections_stand_in_the_page(runs, tmp_path):
    data = a_record(runs, sentences=("gspo is better.",))
    shown = Page(page(data, runs).write(tmp_path / "x.html"))
    for text in ("tiny, compared", "gspo is better.", "Held-out accuracy", "Cost",
                 "Written 2026-11-28 19:02 by paceline."):  # fmt: skip
        assert text in html.unescape(shown.text)
    assert shown.data("side") == {"seed": 0, "rounds": []}  # these runs have no rounds on disk
    assert shown.data("curves")["sets"][0]["steps"] == [0, 2, 4]


def test_what_users_wrote_is_inert_in_the_page(runs, tmp_path):
    config = configuration.to_json(tiny())
    config |= {"task": {"name": NASTY}, NASTY: {NASTY: NASTY}}
    found = a_record(
        runs, name=NASTY, command=NASTY, config=config, sentences=(NASTY,),
        failed=(FailedRecord(run=NASTY, why=NASTY),),
    )  # fmt: skip
    diagnosis = DiagnosisRecord(seed=0, name=NASTY, first=1, last=2, over=False, finding=NASTY,
                                lately=NASTY, rule=NASTY, remedy=NASTY)  # fmt: skip
    grpo = replace(found.objectives["grpo"], objective=NASTY, diagnoses=(diagnosis,),
                   runs=(f"{NASTY}/report.html",) * 3)  # fmt: skip
    found = replace(found, objectives={NASTY: grpo, "gspo": found.objectives["gspo"]})
    made = page(found, {NASTY: runs["grpo"], "gspo": runs["gspo"]}).write(tmp_path / "x.html")
    shown = Page(made)
    assert_inert(shown, scripts=3)
    assert_loads_nothing(shown)
    assert shown.text.count('</script><script>alert("run")</script> <img src=x') >= 14
