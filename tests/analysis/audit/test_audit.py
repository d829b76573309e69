"""The audit as a whole: a sound reward is called sound, and a bad one is found out in words."""

import json

import pytest

from paceline import recipes
from paceline.analysis.audit import audit, write_audit
from paceline.analysis.audit.conclusions import findings, verdict
from paceline.analysis.audit.model import Overlap
from paceline.cli import main
from paceline.tasks import Arithmetic
from paceline.types import Verdict
from paceline.verify import NumberIn
from tests.helpers.audits import contains, probed, tags, task_of
from tests.helpers.browser import Page, assert_loads_nothing


def length(problem, completion):
    return Verdict(1.0 if completion.text else 0.0, reason="long enough")


def said(verifier):
    task = task_of(verifier)
    return findings(recipes.demo(), task, probed(task)[0], Overlap(10, 0, 0), None)


def test_a_sound_reward_is_called_sound():
    assert verdict(said(NumberIn("tag"))) == "Verdict: nothing speaks against training with this."


@pytest.mark.parametrize(
    ("verifier", "names"),
    [
        (contains, {"all candidates", "the right, then a wrong"}),
        (tags, {"junk in the template", "wrong", "placeholder", "all candidates"}),
        (length, {"praise of itself", "a hundred thousand letters", "junk in the template"}),
    ],
)
def test_a_bad_reward_is_told_by_the_answers_that_it_pays_for(verifier, names):
    sentences = said(verifier)
    assert sentences[0].bad and "fix" in verdict(sentences)
    for name in names:
        assert any(f"'{name}' counts as right" in f.sentence for f in sentences)


@pytest.mark.parametrize("name", ["demo", "tiny", "program"])
def test_no_recipe_of_ours_has_to_be_mended(name):
    made = audit(recipes.NAMES[name]().with_(model={"path": "tiny"}), model=False)
    assert made.sound and made.verdict.startswith("Verdict: nothing speaks against"), made.findings


def test_the_demos_reward_is_lenient_and_the_audit_shows_it():
    # LastNumber takes the last of several numbers, so an answer that was corrected counts.
    made = audit(recipes.demo().with_(task=Arithmetic(), model={"path": "tiny"}), model=False)
    paid = {p.name: p.right == p.asked for p in made.reward.probes}
    assert paid["gold"] and not paid["wrong"] and not paid["junk in the template"]
    assert paid["ten wrong, then the right"]


def test_a_whole_audit_with_the_tiny_model(tmp_path, capsys):
    config = recipes.tiny()
    made = audit(config, rounds=1)
    write_audit(made, tmp_path)
    assert capsys.readouterr().out == ""
    assert made.sampled is not None and made.sampled.problems == config.rollouts.problems
    record = json.loads((tmp_path / "audit.json").read_text())
    assert record["verdict"] == made.verdict and record["sampled"]["seconds"] > 0
    page = Page(tmp_path / "audit.html")
    assert page.source.startswith("<!doctype html>") and "What the model does" in page.text
    assert "http" not in page.source.replace("http-equiv", "")
    assert_loads_nothing(page)


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("paceline.run.build.load_policy", lambda *_, **__: pytest.fail("loaded"))
    code = main(["audit", "tiny", "--no-model", "--json", "--page", str(tmp_path / "page")])
    record = json.loads(capsys.readouterr().out)
    assert code == (0 if record["sound"] else 4) and record["sampled"] is None
    assert main(["audit", "tiny", "--rounds", "0"]) == 2
    capsys.readouterr()
    assert main(["audit", "tiny", "--no-model", "--page", str(tmp_path / "page")]) == code
    told = capsys.readouterr().out
    assert "what the reward pays for" in told and "Verdict:" in told and "audit.html" in told
