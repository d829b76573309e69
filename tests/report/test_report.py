"""The report page: what it says, what it holds, and that nothing in it can act or load."""

import json
import math
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from paceline.diagnostics import RULES
from paceline.errors import ConfigError, UserError
from paceline.report import page as page_of
from paceline.report import write_report
from paceline.store.base import RecordError
from paceline.store.records import Event
from paceline.store.snapshot import RunSnapshot, read_run
from tests.helpers.browser import BROWSER, Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import (
    AFTER,
    NASTY,
    SUMMARY,
    fake_run,
    fake_step,
    write_lines,
    write_summary,
)
from tests.helpers.records import a_step, a_summary
from tests.helpers.snapshots import a_snapshot

THIN = "\u202f"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_run(tmp_path_factory.mktemp("runs") / "sums", every=4)


@pytest.fixture(scope="module")
def page(run_dir: Path) -> Page:
    return Page(write_report(run_dir))


def section(name: str, run: RunSnapshot) -> str:
    """The HTML of one section of the run's page."""
    return page_of(run).html().split(f'<section id="{name}"')[1].split("</section>")[0]


# What it says


def test_the_verdict_and_the_table_give_the_summarys_numbers(page: Page) -> None:
    assert (
        f"Sampled accuracy on 500 held-out problems went from 3.2{THIN}% to 78.4{THIN}%"
        f" (95{THIN}% interval 74.6–81.8{THIN}%) in 9.8 minutes."
    ) in page.text
    # 78.4 − 3.2 = 75.2; below it √(3.81² + 1.94²) = 4.3, above it √(3.39² + 1.22²) = 3.6
    for cell in (f"2.0–5.1{THIN}%", "+75.2", "+70.9 to +78.8", f"85.8{THIN}%", "−40.8"):
        assert cell in page.text
    assert "SmolLM2-135M-Instruct" in page.text
    assert "paceline train arithmetic_smollm2 --name sums" in page.text
    assert f"608{THIN}tokens/s" in page.text and "5,120" in page.text


def test_metrics_that_never_change_get_a_sentence_and_no_curve(page: Page) -> None:
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {"chart-accuracy", "chart-entropy", "chart-phases", "chart-reasons"} <= ids
    assert "Every ratio is 1: one update a round, so the clip never binds." in page.text
    assert "chart-ratio_max" not in ids and "chart-kl" not in ids
    assert not [i for i in ids if i and "loss" in i]


def test_curves_hold_the_metrics_and_the_held_out_dots(page: Page, run_dir: Path) -> None:
    data = page.data("curves")
    by_id = {chart["id"]: chart for chart in data["charts"]}
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert data["steps"] == list(range(1, 81))
    assert by_id["accuracy"]["series"][0][1] == [float(f"{m['accuracy']:.5g}") for m in lines]
    sampled = [d for d in by_id["accuracy"]["dots"] if d["label"] == "held out, sampled"]
    assert [d["x"] for d in sampled] == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert sampled[-1] == {
        **{"x": 80, "y": 0.784, "label": "held out, sampled"},
        **{"low": 0.7459, "high": 0.8179},
    }
    shares = zip(*(values for _, values in by_id["reasons"]["series"]), strict=True)
    assert all(math.isclose(sum(step), 1, abs_tol=1e-3) for step in shares)


def test_a_run_that_learned_has_one_quiet_line_of_diagnostics(page: Page) -> None:
    assert ("ol", {"class": "diagnoses"}) not in page.elements
    assert "Looked for and not found: advantage collapse, nothing left to learn," in page.text
    assert "Not judged, as there are no figures: KL growth, ratio blow-up." in page.text
    (details,) = [a for tag, a in page.elements if (tag, a.get("class")) == ("details", "rules")]
    assert "open" not in details and "#diagnostics" in {a.get("href") for _, a in page.elements}
    for rule in RULES:
        assert rule.rule.replace(" %", f"{THIN}%") in page.text


def test_a_diagnosis_stands_above_the_line_of_the_rest() -> None:
    steps = [replace(a_step(step=s, round=s), repeated_mistakes=0.9 * (s > 3)) for s in range(9)]
    held, rest = section("diagnostics", a_snapshot(steps)).split("<details")
    assert "<h3>One answer fits all <small>steps\u202f8, the last</small></h3>" in held
    assert held.count("<dt>Remedy</dt>") == held.count("<dt>Rule</dt>") == 1
    assert "Not judged, as there are no figures: advantage collapse, nothing left" in rest
    assert "one answer fits all" not in rest.casefold()


def test_the_history_tells_counts_and_events() -> None:
    event = Event(time="2026-11-21T17:01:02+0000", kind="not saved", step=25, text="<b>full</b>")
    summary = a_summary(counters={"groups_lost": 3})
    text = section("history", a_snapshot(summary=summary, events=(event,)))
    assert "<dt>3</dt><dd>groups dropped because the verifier gave no verdict</dd>" in text
    assert "&lt;b&gt;full&lt;/b&gt;" in text and "<b>full" not in text and "<b>not saved" in text
    assert "Nothing was skipped" in section("history", a_snapshot(summary=a_summary()))


# That nothing in it can act or load


def test_model_text_is_inert(page: Page) -> None:
    assert_inert(page, scripts=3)


def test_nothing_is_loaded_and_no_other_script_may_run(page: Page) -> None:
    assert_loads_nothing(page)
    assert {a.get("href") for _, a in page.elements} >= {"#result", "#curves", "#setup"}


def test_what_users_and_verifiers_wrote_is_inert_too(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=3)
    config = json.loads((run / "config.json").read_text())
    config |= dict.fromkeys(("name", "command", "objective", "started"), NASTY)
    config["config"] |= {"task": {"name": NASTY}, "model": {"path": NASTY}, NASTY: {NASTY: NASTY}}
    config["config"]["objective"] = {"type": "gone.py:Loss"}
    config |= {"versions": {NASTY: NASTY}, "machine": {"device": NASTY}}
    (run / "config.json").write_text(json.dumps(config))
    steps = [replace(fake_step(s, 3), reasons={NASTY: 64}, phases={NASTY: 1.0}) for s in (1, 2, 3)]
    write_lines(run / "metrics.jsonl", steps)
    event = Event(time=NASTY[:5], kind=NASTY, step=1, text=NASTY)
    write_lines(run / "events.jsonl", [event])
    page = Page(write_report(run))
    assert_inert(page, scripts=3)
    assert_loads_nothing(page)
    shown = 'The sum is </script><script>alert("run")</script> <img src=x onerror=alert(1)> <!-- '
    # Tab, heading, model, task, sentence of the objective, command, event twice, …
    assert page.text.count(shown) >= 12 and "red⟨U+202E⟩evil" in page.text


def test_the_config_is_escaped_and_keeps_its_secrets(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=1)
    config = json.loads((run / "config.json").read_text())
    config |= {"name": "<b>bold</b>", "command": "train '</script><i>'"}
    config["config"]["tracker"] = {"api_key": "sk-very-secret"}  # of a version that has trackers
    (run / "config.json").write_text(json.dumps(config))
    page = Page(write_report(run))
    assert "<b>bold</b>" in page.text and "train '</script><i>'" in page.text
    assert "sk-very-secret" not in page.source and "tracker" in page.text
    assert "max_tokens" in page.text and "48" in page.text


# Runs that are not whole


def test_an_unfinished_run_says_how_far_it_is(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=7, finished=False)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "rew')
    (run / "rollouts/round-000008.parquet").write_bytes(b"PAR1 half")
    page = Page(write_report(run))
    assert "Not finished: 7 steps in 48 seconds so far; the share of right training" in page.text
    assert "appears when the run has finished" in page.text
    assert len(page.data("rollouts")["rounds"]) == 7
    assert "round-000008.parquet" in page.data("rollouts")["shown"]
    assert [p.name for p in run.iterdir() if "part" in p.name] == []


def test_a_run_without_a_step_has_a_page(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=0, finished=False)
    (run / "metrics.jsonl").unlink()
    page = Page(write_report(run))
    assert "No step has been finished yet." in page.text
    assert page.data("curves")["charts"] == [] and page.data("rollouts")["rounds"] == []
    assert page.data("rollouts")["shown"] == "No round has been sampled yet."


def test_an_interrupted_run_shows_what_was_measured_before(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=12)
    write_summary(run, replace(SUMMARY, finished=False, after=None, interrupted=True))
    page = Page(write_report(run))
    assert "Interrupted after 12 steps in 83 seconds; the share of right" in page.text
    assert f"3.2{THIN}%" in page.text and "–" in page.text


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=3)
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text("not json\n" + text)
    assert read_run(run).broken_lines == 1 and len(read_run(run).metrics) == 3
    assert "1 line of metrics.jsonl could not be read." in Page(write_report(run)).text


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_what_is_no_run_is_refused_in_one_sentence(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError) as caught:
        write_report(tmp_path)
    assert isinstance(caught.value, UserError)
    assert str(tmp_path) in str(caught.value) and str(caught.value).endswith(".")
    assert not (tmp_path / "report.html").exists()


def without(path: Path, *keys: str) -> None:
    """Take keys out of every object of a JSON file, or of a file with one a line."""
    lines = path.read_text().splitlines()
    kept = [{k: v for k, v in json.loads(line).items() if k not in keys} for line in lines]
    path.write_text("".join(json.dumps(one) + "\n" for one in kept))


def test_a_run_of_the_first_version_has_a_page(tmp_path: Path) -> None:
    """It had no events, lines had four keys less, and a summary was only of what was over."""
    run = fake_run(tmp_path / "run", steps=30)
    (run / "events.jsonl").unlink()
    later = ("empty", "groups_lost", "accuracy_refused", "repeated_mistakes")
    without(run / "metrics.jsonl", *later)
    without(run / "summary.json", "finished", "evaluation", "stopped")
    read = read_run(run)
    assert read.state == "finished" and read.steps == list(range(1, 31))
    page = Page(write_report(run))
    assert f"went from 3.2{THIN}% to 78.4{THIN}%" in page.text and "going" not in page.text
    assert "Not judged, as there are no figures: KL growth, ratio blow-up, one answer" in page.text


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("metrics.jsonl", "groups", "', line 1, cannot .*: the step lacks 'groups'.$"),
        ("metrics.jsonl", "round", "', line 1, cannot .*: the step lacks 'round'.$"),
        ("events.jsonl", "kind", "', line 1, cannot .*: the event lacks 'kind'.$"),
        ("summary.json", "steps", "' cannot be read by this .*: the summary lacks 'steps'.$"),
    ],
)
def test_a_run_that_lacks_what_every_version_wrote_is_refused_whole(
    tmp_path: Path, name: str, key: str, why: str
) -> None:
    run = fake_run(tmp_path / "run", steps=3)
    without(run / name, key)
    with pytest.raises(RecordError, match=re.escape(str(run / name)) + why):
        write_report(run)
    assert not (run / "report.html").exists()


def test_a_measurement_that_lacks_its_number_of_problems_is_refused(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=3)
    after = {**AFTER.to_json()}
    del after["n"]
    (run / "summary.json").write_text(json.dumps({**SUMMARY.to_json(), "after": after}))
    with pytest.raises(RecordError, match=r"summary\.json.*: the measurement lacks 'n'"):
        write_report(run)


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_draws_the_curves_and_the_rollouts(run_dir: Path, tmp_path: Path) -> None:
    off = ("gpu", "quic", "background-networking", "component-update", "sync")
    quiet = [
        *(f"--disable-{name}" for name in off),
        "--no-first-run",
        f"--user-data-dir={tmp_path}",
    ]
    address = f"{write_report(run_dir).resolve().as_uri()}#round-1-1"
    command = [str(BROWSER), "--headless", "--no-sandbox", *quiet, "--virtual-time-budget=4000"]
    found = subprocess.run(
        [*command, "--enable-logging=stderr", "--dump-dom", address],
        capture_output=True,
        timeout=180,
        check=True,
    )
    dom = found.stdout.decode(errors="replace")
    assert dom.count('class="line hue0 raw"') >= 7 and dom.count('class="card ') == 8
    shown = re.sub(r"<[^>]*>", "", dom.split('id="group"')[1])
    assert "&lt;/script&gt;&lt;script&gt;alert" in shown and "⟨U+202E⟩" in shown
    assert "<img" not in dom and b"Uncaught" not in found.stderr
    assert re.search(r"<h3>Group 1 of \d+ \(of 8 sampled\): row 1</h3>", dom)
    # A part of a character is no empty box, and only special tokens look like one.
    assert dom.count('<span class="blank">◌</span></span>') == 1
    assert len(re.findall(r'class="t special[^>]*>&lt;\|im_end\|&gt;</span>', dom)) >= 1
