"""The page of a replay."""

import re
import subprocess
from dataclasses import replace as changed

import pytest

from paceline.analysis.replay import Redone
from paceline.analysis.replay.page import (
    cosines,
    default_page,
    page,
    subject,
    write_page,
)
from paceline.model import Pieces
from tests.helpers.browser import BROWSER, Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import NASTY
from tests.helpers.replays import a_measure, a_replay, an_effect


def written(found, tmp_path) -> Page:
    write_page(found, tmp_path / "x.html")
    return Page(tmp_path / "x.html")


@pytest.fixture(scope="module")
def nasty(later, tmp_path_factory) -> Page:
    """The page, had the model written the nastiest texts."""
    pieces = {
        row: Pieces((NASTY,) * (len(p.texts) - 1) + ("",), (False,) * len(p.texts))
        for row, p in later.pieces.items()
    }
    path = tmp_path_factory.mktemp("page") / "x.html"
    measured = (changed(later.own, name="<b>mine</b>"), *later.measured[1:])
    prompts = dict.fromkeys(later.prompts, NASTY)
    write_page(changed(later, pieces=pieces, prompts=prompts, measured=measured), path)
    return Page(path)


def test_the_page_loads_nothing_and_its_policy_lets_nothing_else_run(nasty):
    assert_loads_nothing(nasty)
    for function in ("element", "draw", "compact", "visible"):  # the report's, which it uses
        assert f"function {function}(" in nasty.raw["script"]


def test_what_models_and_users_wrote_is_inert(nasty):
    assert_inert(nasty, scripts=2)
    assert "<b>mine</b>" in nasty.text


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_colours_the_tokens(nasty, later, tmp_path):
    path = tmp_path / "x.html"
    path.write_text(nasty.source, encoding="utf-8")
    off = ("gpu", "quic", "background-networking", "component-update", "sync")
    quiet = [*(f"--disable-{name}" for name in off), "--no-first-run"]
    found = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", *quiet, f"--user-data-dir={tmp_path / 'u'}",
         "--virtual-time-budget=4000", "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True, timeout=180, check=True,
    )  # fmt: skip
    dom = found.stdout.decode(errors="replace")
    data = nasty.data("replay")
    assert dom.count('class="card ') == len(data["groups"][0]["rows"])
    assert dom.count('class="mini"') == len(data["groups"][0]["rows"])
    assert 't up"' in dom and 't down"' in dom and '<span class="blank">◌</span>' in dom
    shown = re.sub(r"<[^>]*>", "", dom.split('id="group"')[1])
    assert re.search(r"<h3>Group 1 of 2: row \d+</h3>", dom)
    assert "largest token ratio" in shown  # the table's is that of the ratio an objective makes
    assert "&lt;/script&gt;&lt;script&gt;alert" in shown and "⟨U+202E⟩" in shown
    assert "<img" not in dom and b"Uncaught" not in found.stderr


def test_the_default_place_of_a_page_is_in_the_run(tmp_path):
    assert default_page(tmp_path, 8) == tmp_path / "replay-step-000008.html"


def test_the_head_names_part_objective_and_the_policys_origin():
    part, objective, policy = subject(a_replay(a_measure("grpo")))
    assert part.text == "Part 2 of 4 of round 1: 4 completions of 2 problems."
    assert objective.text.startswith("grpo. ")
    assert policy.text.startswith("2 steps redone from the checkpoint of step 3. The gradient’s")
    start = a_replay(a_measure("grpo"), redone=Redone(0, 0, 0.0, 6))
    assert subject(start)[2].text.startswith("No step redone from the model that the run began")


def test_cosines_are_coloured_by_their_size_and_sign():
    found = a_replay(a_measure("grpo"), a_measure("gspo"), cosine=((1.0, -0.25), (-0.25, None)))
    first, second = [[(c.value, c.kind) for c in row.cells] for row in cosines(found)]
    assert first == [("1.000", "c10"), ("−0.250", "c2 against")]
    assert second == [("−0.250", "c2 against"), ("–", "")]


def test_the_tables_figures_stand_in_the_page(tmp_path):
    own = a_measure("grpo", an_effect(1, (0.2, 0.4), weight=1.0), grad_norm=2.0)
    other = a_measure("gspo", grad_norm=0.5, clip_fraction=None, ratio_max=None)
    notes = ("torch was 0.9 and is 1.0.",)
    found = a_replay(own, other, redone=Redone(3, 2, 0.0, 4, notes))
    shown = written(found, tmp_path)
    for text in ("r, step 6, replayed", "1 of 4", "0 of 4", "0.25", *notes, repr(own.objective)):
        assert text in shown.text
    bars = [a for tag, a in shown.elements if tag == "rect"]
    assert len(bars) == 1


def test_a_part_without_any_signal_has_a_sentence_for_its_tokens(tmp_path):
    silent = a_replay(a_measure("grpo", grad_norm=0.0), a_measure("gspo", grad_norm=0.0))
    shown = written(silent, tmp_path)
    assert shown.data("replay")["groups"] == [] and "has a gradient under any" in shown.text


def test_numbers_that_are_not_finite_are_dashes_in_the_page():
    inf, nan = float("inf"), float("nan")
    effect = an_effect(0, (inf, 0.1), push=nan, weight=nan, ratio=inf)
    found = a_replay(a_measure("grpo", effect, grad_norm=nan), a_measure("gspo", grad_norm=inf))
    html = page(found).html().split("</head>")[1]
    assert "NaN" not in html and ">nan<" not in html and ">inf<" not in html
