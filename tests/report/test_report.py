"""The report page: what it says, what it holds, and that nothing in it can act or load."""

import json
import math
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from paceline import objective
from paceline.config import to_json
from paceline.diagnostics import RULES
from paceline.errors import ConfigError, UserError
from paceline.report import page as page_of
from paceline.report import write_report
from paceline.report.curves import MOST_POINTS, charts, curve_data
from paceline.report.elements import Term
from paceline.report.history import SHOWN
from paceline.report.rollouts import (
    HEAD,
    MOST_COMPLETIONS,
    MOST_ROUNDS,
    MOST_TOKENS,
    TAIL,
    rollouts,
    spread,
    within,
)
from paceline.report.sentences import objective_in_words, verdict
from paceline.store.base import RecordError
from paceline.store.records import Event, StepRecord, Summary
from paceline.store.snapshot import RunSnapshot, read_run
from tests.helpers import fake_run as fake
from tests.helpers.browser import BROWSER, Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import (
    AFTER,
    BEFORE,
    NASTY,
    SUMMARY,
    fake_run,
    fake_step,
    write_lines,
    write_summary,
)
from tests.helpers.records import a_step, a_summary

THIN = "\u202f"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_run(tmp_path_factory.mktemp("runs") / "sums", every=4)


@pytest.fixture(scope="module")
def page(run_dir: Path) -> Page:
    return Page(write_report(run_dir))


def record(steps: Sequence[StepRecord], summary: Summary | None = None) -> RunSnapshot:
    return RunSnapshot(Path("runs/x"), {"name": "x"}, tuple(steps), summary)


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


def test_several_updates_a_round_draw_the_ratio() -> None:
    steps = [
        replace(fake_step(s, 40), round=(s + 1) // 2, ratio_max=1 + 0.1 * (s % 2))
        for s in range(1, 41)
    ]
    found, constant = charts(record(steps))
    assert "ratio_max" in {chart.plot.id for chart in found}
    assert Term("Clip fraction", "No ratio left the clip’s range.", f"0{THIN}%") in constant
    stuck = [replace(step, ratio_max=1.0) for step in steps]
    sentences = {one.name: one.text for one in charts(record(stuck))[1]}
    assert "the policy does not move" in sentences["Largest ratio"]


def test_groups_that_were_set_aside_are_in_the_curve_as_in_the_diagnosis() -> None:
    silent = {"groups": 8, "groups_without_signal": 3, "groups_refused": 60}
    steps = [replace(fake_step(s, 40), **silent) for s in range(1, 41)]
    constant = charts(record(steps))[1]
    assert [one.value for one in constant if one.name == "Groups without signal"] == [
        f"93{THIN}%"  # 63 of 68
    ]


def test_long_runs_are_drawn_by_bins() -> None:
    run = record([fake_step(s, 2500) for s in range(1, 2501)])
    data = curve_data(run, charts(run)[0])
    # 2500 steps by threes: 833 whole bins and one of a single step
    assert len(data.steps) == 834 <= MOST_POINTS and data.steps[-1] == 2500
    assert all(len(v) == 834 for plot in data.charts for _, v in plot.series)


def test_a_change_within_the_noise_is_called_that() -> None:
    same = replace(BEFORE, sampled_accuracy=0.04)
    text = verdict(record([fake_step(1, 2)], replace(SUMMARY, after=same)))
    assert "the interval of the change includes zero" in text


def config_with(objective: Any) -> dict[str, Any]:
    """A run's config.json with this objective, as far as its sentence goes."""
    return {"config": {"objective": objective}, "objective": "as it is written"}


def test_the_objective_in_words() -> None:
    made = objective.Objective(
        advantage=objective.LeaveOneOut(),
        ratio=objective.SequenceRatio(),
        surrogate=objective.Clip(0.0003, 0.0004),
        weight=objective.PerConstant(256),
        kl=objective.KL(0.04),
    )
    assert objective_in_words(config_with(to_json(made))) == (
        "Each reward counts by its distance from the mean of the others in its group; one ratio for"
        " each whole completion; clipped to 0.9997–1.0004; all tokens weigh the same, over a"
        " constant length; KL penalty 0.04 in the loss, k3."
    )


def test_parts_of_a_users_own_are_told_without_loading_their_file() -> None:
    parts = {
        "type": "Objective",
        "advantage": {"type": "gone.py:mine", "k": 2},
        "surrogate": {"function": "gone.py:steep"},
        "kl": {"type": "gone.py:Pull", "coef": 0.1},
    }
    assert objective_in_words(config_with(parts)) == (
        "mine(k=2); one ratio for each token; steep; all tokens weigh the same;"
        " KL penalty Pull(coef=0.1)."
    )


@pytest.mark.parametrize(
    "parts",
    [
        None,
        {"type": "gone.py:Loss"},
        {"type": "Objective", "advantage": {"type": "NoSuchPart"}},
        {"type": "Objective", "advantage": {"type": "ZScore"}, "ratios": {}},
        {"type": "Objective", "advantage": {"type": "ZScore", "ddof": "x"}},
        {"type": "Objective"},
    ],
    ids=["none", "another loss", "a part of another version", "a key", "a value", "nothing in it"],
)
def test_an_objective_that_cannot_be_read_is_shown_as_it_is_written(parts: Any) -> None:
    assert objective_in_words(config_with(parts)) == "as it is written"
    assert objective_in_words({"config": {}}) == ""


def test_a_run_that_learned_has_one_quiet_line_of_diagnostics(page: Page) -> None:
    assert ("ol", {"class": "diagnoses"}) not in page.elements
    assert "Looked for and not found: advantage collapse, nothing left to learn," in page.text
    assert "Not judged, as there are no figures: KL growth, ratio blow-up." in page.text
    (details,) = [a for tag, a in page.elements if (tag, a.get("class")) == ("details", "rules")]
    assert "open" not in details and "#diagnostics" in {a.get("href") for _, a in page.elements}
    for rule in RULES:
        assert rule.rule.replace(" %", f"{THIN}%") in page.text


def demo_that_learned(step: int) -> StepRecord:
    """Figures like those of a demo that learned: its entropy falls to 4 % while nine of ten answers
    get right, so that most groups have no signal in the end."""
    late = step > 20
    return replace(
        fake_step(step, 80),
        reward=0.9 if late else 0.045 * step,
        accuracy=0.9 if late else 0.045 * step,
        entropy=0.04 if late else 1.0 - 0.048 * step,
        groups_without_signal=7 if late and step % 10 else 3,
        cut=0.0 if late else 0.9 - 0.045 * step,
    )


def test_the_curves_of_a_run_that_learned_warn_of_nothing() -> None:
    found, _ = charts(record([demo_that_learned(s) for s in range(1, 81)], SUMMARY))
    assert {"entropy", "no_signal", "cut"} <= {chart.plot.id for chart in found}
    assert [(chart.plot.id, chart.note) for chart in found if chart.note or chart.tone] == []


def test_the_curve_of_a_run_that_fell_points_to_its_diagnosis() -> None:
    steps = [demo_that_learned(s) for s in range(1, 81)]
    steps[40:] = [replace(step, accuracy=0.5) for step in steps[40:]]
    by_id = {chart.plot.id: chart for chart in charts(record(steps, SUMMARY))[0]}
    # Ten rounds of which k are at 0.5 have the mean 0.9 − 0.04 k: 15 points less from k = 4 on.
    assert by_id["entropy"].note == "Entropy collapse at steps\u202f44–80: see Diagnostics."
    assert by_id["entropy"].tone == "odd" and by_id["reward"].note == ""


def test_each_diagnosis_has_its_steps_figures_remedy_and_rule() -> None:
    steps = [
        replace(
            fake_step(s, 60),
            groups_without_signal=8 if s > 30 else 2,
            repeated_mistakes=0.9 if 10 < s < 31 or s > 50 else 0.0,
        )
        for s in range(1, 61)
    ]
    text = section("diagnostics", record(steps))
    # Ten rounds of which nine are silent end at 39; five that repeat themselves at 15 and at 55.
    assert "<h3>Advantage collapse <small>steps\u202f39–60, the last</small></h3>" in text
    assert "<h3>One answer fits all <small>steps\u202f15–30, 55–60, the last</small></h3>" in text
    assert text.index("One answer fits all <") < text.index("Advantage collapse <")
    # At their ends the two that repeat themselves say the same again, which stands there already.
    assert re.findall(r"<dt>Step\u202f(\d+)</dt><dd>In the last ", text) == ["15", "55", "39", "60"]
    assert text.count("<dt>Remedy</dt>") == text.count("<dt>Rule</dt>") == 2
    assert "<dd>Read some, and audit the reward (paceline audit): a guess" in text
    absent = text.split("<details")[1]
    assert "Looked for and not found: nothing left to learn, entropy collapse" in absent
    assert "advantage collapse" not in absent.casefold()
    assert "Traceback" not in text and " style=" not in text


def test_the_diagnostics_of_a_run_take_its_summarys_measurements() -> None:
    steps = [replace(fake_step(s, 40), evaluation=None) for s in range(1, 31)]
    lost = replace(AFTER, sampled_accuracy=0.01)
    text = section("diagnostics", record(steps, replace(SUMMARY, after=lost)))
    assert "Held-out accuracy is 1.0\u202f%, before training it was 3.2\u202f%, while" in text
    assert "ahead of held-out accuracy <small>steps\u202f30, the last</small>" in text
    assert "before the first step" in section("diagnostics", record([]))


# What it holds


def test_rollouts_are_whole_groups_of_rounds_spread_over_the_run(page: Page) -> None:
    data = page.data("rollouts")
    rounds = data["rounds"]
    assert len(rounds) == MOST_ROUNDS and (rounds[0]["round"], rounds[-1]["round"]) == (1, 80)
    assert all(len(group["rows"]) == 8 for r in rounds for group in r["groups"])
    assert sum(len(g["rows"]) for r in rounds for g in r["groups"]) == 384 <= MOST_COMPLETIONS
    # 21 files: round 1 and every fourth
    assert data["shown"] == (
        "Here: 384 of the 768 completions of 12 of 21 rounds; the run’s rollouts folder holds them"
        " all."
    )


def test_a_rollout_keeps_its_tokens_numbers_and_verdict(page: Page) -> None:
    data = page.data("rollouts")
    row = data["rounds"][0]["groups"][0]["rows"][1]
    pieces = [data["pieces"][i] for i in row["tokens"]]
    assert "".join(pieces).startswith(NASTY)
    assert row["text"].startswith(NASTY) and row["length"] == len(pieces) == 8
    assert len(row["old"]) == len(row["anchor"]) == 8 and row["ref"] is None
    assert all(isinstance(v, int) and v <= 0 for v in row["old"])
    assert row["parts"] == {"answer": 0.0, "format": 0.2} and row["finish"] in ("stop", "length")
    assert data["rounds"][0]["groups"][0]["prompt"].startswith("<|im_start|>user\nWhat is ")


def test_the_choice_keeps_first_and_last_and_stays_within_its_budget() -> None:
    assert spread(list(range(80)), 4) == [0, 26, 53, 79]
    assert spread([1, 2], 12) == [1, 2]
    groups = [list(range(8 * g, 8 * g + 8)) for g in range(16)]
    kept = within(groups, [100] * 128, rounds=12)
    assert [g[0] // 8 for g in kept] == [0, 5, 10, 15]  # 33 rows a round hold four groups of 8
    long = within(groups, [5000] * 128, rounds=12)  # 10,000 tokens a round hold two rows
    assert long == [[0, 7]]
    assert within([list(range(64))], [MOST_TOKENS] * 64, rounds=1) == [[0]]


def test_of_a_very_long_completion_the_middle_is_left_out(tmp_path: Path) -> None:
    run, n = fake_run(tmp_path / "long", steps=1), 5000
    long = replace(
        fake.rollout_rows(1, 80, 1, 2)[0],
        completion="x" * 50_000,
        token_ids=range(n),
        tokens=[f" {i}" for i in range(n)],
        special=[False] * n,
        old=[-0.5] * n,
        anchor=None,
        advantage=[float("nan")] * n,
    )
    rows = [replace(long, index=i) for i in range(300)]
    fake.write_rows(run / "rollouts/round-000001.parquet", rows)
    path = write_report(run)
    data = Page(path).data("rollouts")
    rows = data["rounds"][0]["groups"][0]["rows"]
    assert len(rows) == MOST_TOKENS // (HEAD + TAIL)
    pieces = [data["pieces"][i] for i in rows[0]["tokens"]]
    assert pieces[HEAD - 1 : HEAD + 1] == [" 499", " 4750"] and rows[0]["gap"] == HEAD
    assert rows[0]["length"] == n and set(rows[0]["advantage"]) == {None}
    assert "characters left out" in rows[0]["text"] and "first 500" in data["shown"]
    assert path.stat().st_size < 4_000_000


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


def test_numbers_that_are_none_or_not_finite_leave_gaps() -> None:
    steps = [replace(fake_step(s, 20), grad_norm=1.0 + s, entropy=None) for s in range(1, 21)]
    steps[2] = StepRecord.from_json({**steps[2].to_json(), "grad_norm": float("nan")})
    by_id = {chart.plot.id: chart for chart in charts(record(steps))[0]}
    assert by_id["grad_norm"].plot.series[0][1][2] is None
    assert by_id["grad_norm"].note == "At 1 of 20 steps it was not a finite number."
    assert "entropy" not in by_id


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


def test_a_measurement_that_lacks_its_accuracy_is_refused(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", steps=3)
    after = {**AFTER.to_json()}
    del after["sampled_accuracy"]
    (run / "summary.json").write_text(json.dumps({**SUMMARY.to_json(), "after": after}))
    with pytest.raises(
        RecordError, match=r"summary\.json.*: the measurement lacks 'sampled_accuracy'"
    ):
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


def test_a_group_knows_the_row_of_its_problem(page: Page) -> None:
    first, *_, last = page.data("rollouts")["rounds"][0]["groups"]
    assert (first["problem_row"], last["problem_row"]) == ("row 1", "row 8")


def test_rounds_of_earlier_versions_are_still_shown(tmp_path: Path) -> None:
    """They did not mark special tokens, and did not know where a problem was read."""
    folder = fake_run(tmp_path / "old", 1)
    (path,) = (folder / "rollouts").glob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["special", "problem_row"]), path)
    data = rollouts(folder)
    assert data.special == [] and "<|im_end|>" in data.pieces
    assert {group.problem_row for group in data.rounds[0].groups} == {""}


def test_what_happened_is_counted_and_told_in_order() -> None:
    counters = {"groups_lost": 3, "steps_skipped": 0, "resumes": 1, "checkpoints_failed": 2}
    time = "2026-11-21T1{}+0000"
    events = (
        Event(time=time.format("6:58:31"), kind="started", step=0),
        Event(time=time.format("7:01:02"), kind="not saved", step=25, text="<b>full</b>"),
        Event(time=time.format("8:00:00"), kind="resumed", step=25, text="after step 25"),
    )
    text = section("history", replace(record((), a_summary(counters=counters)), events=events))
    assert "<dt>3</dt><dd>groups dropped because the verifier gave no verdict</dd>" in text
    assert "steps skipped" not in text and "<dt>2</dt><dd>checkpoints that could" in text
    assert "&lt;b&gt;full&lt;/b&gt;" in text and "<b>full" not in text
    assert text.index("<b>started") < text.index("<b>not saved") < text.index("<b>resumed")
    assert "Nothing was skipped" in section("history", record((), a_summary()))
    many = tuple(Event(time="", kind="note", step=i, text=f"n{i}") for i in range(SHOWN + 7))
    assert "7 earlier events" in section("history", replace(record(()), events=many))


def test_a_run_says_what_it_is_doing() -> None:
    def state(**summary: Any) -> str:
        return record([a_step()], a_summary(**summary)).state

    assert record([a_step()]).state == state(finished=False, stopped=None) == "going"
    assert state(finished=True) == "finished"
    assert state(finished=False, interrupted=True, stopped="Interrupted: 15") == "interrupted"
    assert state(finished=False, interrupted=False, stopped="ValueError: x") == "stopped"
