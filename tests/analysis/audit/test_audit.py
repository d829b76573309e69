"""The audit: a sound reward is called sound, and each bad one is found out for what it does."""

import json
import time
from dataclasses import replace

import pytest

from paceline import recipes
from paceline.analysis.audit import audit
from paceline.analysis.audit.conclusions import Finding, findings, verdict
from paceline.analysis.audit.model import Overlap, Sampled, _mixed, overlap_of
from paceline.analysis.audit.page import page as audit_page
from paceline.analysis.audit.probes import PROBES
from paceline.analysis.audit.record import Audit
from paceline.analysis.audit.reward import Probed, Rewarded, probe_reward
from paceline.cli import main
from paceline.tasks import Arithmetic, Task, Template
from paceline.types import Problem, Verdict
from paceline.verify import LastNumber, NumberIn
from paceline.verify.calling.pool import VerifierPool
from paceline.verify.calling.reward_config import RewardConfig
from tests.helpers.browser import Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import NASTY

PROBLEMS = tuple(Problem(f"p{i}", f"What is {i} + 1000?", str(i + 1000)) for i in range(60))


def task_of(verifier):
    gold = lambda p: f"<think>it is so</think>\n<answer>{p.answer}</answer>"  # noqa: E731
    return Task("sums", PROBLEMS[:50], PROBLEMS[50:], Template(), verifier, gold=gold)


def probed(verifier, workers=0, **settings):
    task = task_of(verifier)
    with VerifierPool(
        verifier, RewardConfig(workers=workers, on_error="drop", **settings)
    ) as verifiers:
        found = probe_reward(task, verifiers, 0)
    return found, {p.name: p for p in found.probes}


def said(verifier):
    found, _ = probed(verifier)
    return findings(recipes.demo(), task_of(verifier), found, Overlap(10, 0, 0), None)


def contains(problem, completion):
    return float(problem.answer in completion.text)


def tags(problem, completion):
    return float("<answer>" in completion.text)


def length(problem, completion):
    return Verdict(1.0 if completion.text else 0.0, reason="long enough")


class Sometimes:
    """Another reward at every third call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, problem, completion):
        self.calls += 1
        return NumberIn("tag")(problem, completion).reward * (1 - 0.01 * (self.calls % 3))


def test_a_sound_reward_is_called_sound():
    found, by_name = probed(NumberIn("tag"))
    assert [p.name for p in found.probes if not p.good] == []
    assert len(by_name) == len(PROBES) and by_name["gold"].full == 40
    assert found.differing == 0 and found.errors == () and found.calls == 2 * 15 * 40
    assert verdict(said(NumberIn("tag"))) == "Verdict: nothing speaks against training with this."


@pytest.mark.parametrize(
    ("verifier", "names"),
    [
        (contains, {"all candidates", "another answer behind it"}),
        (tags, {"junk in the template", "wrong", "placeholder", "all candidates"}),
        (length, {"praise of itself", "a hundred thousand letters", "junk in the template"}),
    ],
)
def test_what_a_bad_reward_pays_for_is_named(verifier, names):
    _, by_name = probed(verifier)
    assert names <= {name for name, p in by_name.items() if not p.good}
    sentences = said(verifier)
    assert sentences[0].bad and "fix" in verdict(sentences)
    for name in names:
        assert any(f"'{name}' counts as right" in f.sentence for f in sentences)


def test_a_reward_that_refuses_right_answers_is_found_out():
    _, by_name = probed(NumberIn("boxed"))
    assert not by_name["gold"].good
    assert any(
        "40 of 40 gold answers miss full marks" in f.sentence for f in said(NumberIn("boxed"))
    )


def test_where_there_is_no_gold_answer_a_form_that_is_paid_is_found():
    for verifier, form in ((NumberIn("boxed"), "\\boxed{{{}}}"), (contains, "{}")):
        task = replace(task_of(verifier), gold=None)
        with VerifierPool(verifier, RewardConfig(workers=0)) as verifiers:
            found = probe_reward(task, verifiers, 0)
        assert found.form == form and len(found.probes) == len(PROBES)
        sentences = findings(recipes.demo(), task, found, Overlap(10, 0, 0), None)
        assert any("was taken for one" in f.sentence for f in sentences)
    # The audit of a reward of one's own finds the list of guesses.
    assert any("'all candidates' counts as right" in f.sentence for f in sentences)
    nothing = replace(task_of(length), gold=None)
    with VerifierPool(lambda p, c: 0.0, RewardConfig(workers=0)) as verifiers:
        found = probe_reward(nothing, verifiers, 0)
    assert found.form is None and {p.name for p in found.probes} >= {"empty", "praise of itself"}


def test_one_that_changes_its_mind_is_found_out():
    found, _ = probed(Sometimes())
    assert found.differing > 10
    assert any("another reward when they were repeated" in f.sentence for f in said(Sometimes()))


def test_one_that_raises_or_hangs_is_told_and_hangs_nothing():
    def raises(problem, completion):
        return float(completion.text[0] == "a")

    found, _ = probed(raises)
    assert len(found.errors) > 0 and "raised IndexError" in found.errors[0]
    assert any(f.bad and "The reward fails" in f.sentence for f in said(raises))


def test_one_that_hangs_is_asked_once_a_probe():
    def hangs(problem, completion):
        if completion.text.startswith("<answer><answer>"):
            time.sleep(600)
        return 0.0

    with VerifierPool(hangs, RewardConfig(workers=1, seconds=3, on_error="drop")) as verifiers:
        found = probe_reward(task_of(NumberIn("tag")), verifiers, 0)
    (probe,) = [p for p in found.probes if p.name == "tags without end"]
    assert (probe.asked, probe.unanswered, probe.good) == (1, 1, False)
    assert found.errors == ("'hangs' (test_audit.py) took longer than 3 s.",)
    sentences = findings(recipes.demo(), task_of(NumberIn("tag")), found, Overlap(9, 0, 0), None)
    assert any(f.bad and "'tags without end' got no verdict" in f.sentence for f in sentences)


def test_near_equal_problems_on_both_sides_are_counted():
    train = (Problem("a", "What is 3 + 4?", "7"), Problem("b", "Say hello!", "hello"))
    heldout = (Problem("c", "what is 3 4", "7"), Problem("d", "What is 5 + 9?", "14"))
    task = Task("t", train, heldout, Template(), NumberIn())
    assert overlap_of(task) == Overlap(2, 1, 2)
    assert any("have the words of a training problem" in f.sentence
               for f in findings(recipes.demo(), task, probed(NumberIn("tag"))[0],
                                 overlap_of(task), None))  # fmt: skip


def test_the_chance_of_signal():
    # Half right: a group of two is mixed half of the time. Never right so far: not never at all.
    assert _mixed(0.5, 10**6, 2) == pytest.approx(0.5, abs=1e-3)
    assert 0 < _mixed(0.0, 8, 8) < _mixed(0.0, 8, 32) < 1
    assert _mixed(1.0, 8, 8) == pytest.approx(_mixed(0.0, 8, 8))


def sampled(**changes):
    base = Sampled(
        problems=8, completions=8, rates=(0.0, 0.5), accuracy=0.25, lenient=0.25, reward=0.25,
        cut=0.0, tokens=9.0, with_signal=0.5, predicted={4: 0.3, 8: 0.6, 16: 0.7, 32: 0.8},
        group_size=8, max_tokens=32, reasons={}, seconds=1.0, prompt="", example="",
    )  # fmt: skip
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence", "bad"),
    [
        ({"cut": 0.8, "max_tokens": 64}, "rollouts.max_tokens=64", False),
        ({"rates": (0.0, 0.0), "with_signal": 0.0}, "fewer than 4.7 % are", False),
        ({"rates": (0.0,) * 2, "with_signal": 0.0, "problems": 200}, "was right", True),
        ({"rates": (1.0, 1.0)}, "solves every problem already", True),
        (
            {"predicted": {4: 0.1, 8: 0.2, 16: 0.4, 32: 0.6}, "group_size": 32},
            "groups of 32",
            False,
        ),
        ({"lenient": 0.6}, "35 points of a later gain would be form", False),
        ({"max_tokens": 8}, "would end runaway ones sooner", False),
    ],
)
def test_what_the_model_does_is_put_into_words(changes, sentence, bad):
    found = findings(recipes.demo(), task_of(NumberIn("tag")), probed(NumberIn("tag"))[0],
                     Overlap(10, 0, 0), sampled(**changes))  # fmt: skip
    matching = [f for f in found if sentence in f.sentence]
    assert len(matching) == 1 and matching[0].bad == bad


SUMS = tuple(
    Problem(f"{a}+{b}", f"What is {a} + {b}?", str(a + b)) for a in range(5) for b in range(5)
)


def test_what_stands_in_a_question_is_no_paid_form():
    gold = lambda p: f"{p.prompt[8:-1]} = {p.answer}"  # noqa: E731
    task = Task("sums", SUMS, (), Template(), LastNumber(True), gold=gold)
    made = {p.name: [p.make(task, problem, SUMS) for problem in SUMS] for p in PROBES}
    # "2 + 0 = 2" says its answer twice, and both are taken out.
    junk = dict(zip([p.id for p in SUMS], made["junk in the template"], strict=True))
    assert junk["2+0"] == "xyzzy + 0 = xyzzy" and junk["2+1"] == "2 + 1 = xyzzy"
    for name in ("junk in the template", "placeholder", "nothing in the template"):
        for problem, text in zip(SUMS, made[name], strict=True):
            assert text is not None and problem.answer not in text.split(), (problem, text)
    # Text that happens to say the answer is not tried on that problem: 1 is in "reward = 1.0".
    asked = [p.answer for p, text in zip(SUMS, made["praise of itself"], strict=True) if text]
    assert "1" not in asked and {"0", "2", "8"} <= {*asked}
    # A list of guesses has the right one once, neither first nor last.
    for problem, text in zip(SUMS, made["all candidates"], strict=True):
        first, *middle, last = str(text).rpartition("= ")[2].split(", ")
        assert middle.count(problem.answer) == 1 and problem.answer not in (first, last)
    with VerifierPool(task.verifier, RewardConfig(workers=0)) as verifiers:
        found = probe_reward(task, verifiers, 0)
    assert [p.name for p in found.probes if not p.good] == []


@pytest.mark.parametrize("name", ["demo", "tiny", "program"])
def test_no_recipe_of_ours_has_to_be_mended(name):
    made = audit(recipes.NAMES[name]().with_(model={"path": "tiny"}), model=False)
    assert made.sound and made.verdict.startswith("Verdict: nothing speaks against"), made.findings


def test_a_whole_audit_with_the_tiny_model(tmp_path, capsys):
    config = recipes.tiny()
    made = audit(config, out=tmp_path, rounds=1)
    told = capsys.readouterr().out
    assert "what the reward pays for" in told and "Verdict:" in told and "audit.html" in told
    assert made.sampled is not None and made.sampled.problems == config.rollouts.problems
    record = json.loads((tmp_path / "audit.json").read_text())
    assert record["verdict"] == made.verdict and record["sampled"]["seconds"] > 0
    page = Page(tmp_path / "audit.html")
    assert page.source.startswith("<!doctype html>") and "What the model does" in page.text
    assert "http" not in page.source.replace("http-equiv", "")
    assert_loads_nothing(page)


def an_audit(text):
    """An audit that found one bad probe, with this text wherever a user or a model wrote one."""
    probe = Probed(text, "not right", 40, 3, 3, 0.075, 0, text, False, "words are paid")
    did = sampled(reasons={text: 1203, "fine": 1}, prompt=text, example=text)
    found = (Finding(text, bad=True), Finding("Nothing is held out."))
    return Audit(
        text, text, 1, Rewarded((probe,), 80, 0.4, 2.0, 1, (text,)), Overlap(11, 0, 0),
        did, found, verdict(found),
    )  # fmt: skip


def test_the_page_shows_what_was_found(tmp_path):
    page = Page(audit_page(an_audit("sums")).write(tmp_path / "x.html"))
    assert ("p", {"class": "verdict no"}) in page.elements and "one thing first;" in page.text
    assert ("tr", {"class": "bad"}) in page.elements and ("li", {"class": "bad"}) in page.elements
    for text in ("1 problem to train on, 11 held out", "3 of 40", "0.07", "25.0\u202f%", "1,203",
                 "Expected with groups of 8", "80 calls, 0.4 ms each, the"):  # fmt: skip
        assert text in page.text
    bars = [(a["x"], a["y"], a["height"]) for tag, a in page.elements if tag == "rect"]
    # Two problems, one never solved: its bar is thin, and begins at the bottom.
    assert bars == [("0.000%", "99.0%", "1.0%"), ("50.000%", "50.0%", "50.0%")]


def test_the_page_of_an_audit_without_a_model_says_so(tmp_path):
    made = replace(an_audit("sums"), sampled=None, findings=(), verdict=verdict(()))
    page = Page(audit_page(made).write(tmp_path / "x.html"))
    assert "The model was not asked." in page.text and "ul" not in {t for t, _ in page.elements}
    assert ("p", {"class": "verdict"}) in page.elements
    assert "Nothing speaks against training with this." in page.text


def test_what_models_and_users_wrote_is_inert_in_the_page(tmp_path):
    page = Page(audit_page(an_audit(NASTY)).write(tmp_path / "x.html"))
    assert_inert(page, scripts=0)
    assert_loads_nothing(page)
    assert page.text.count('</script><script>alert("run")</script> <img src=x') >= 8


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("paceline.run.build.load_policy", lambda *_, **__: pytest.fail("loaded"))
    code = main(["audit", "tiny", "--no-model", "--json", "--page", str(tmp_path / "page")])
    record = json.loads(capsys.readouterr().out)
    assert code == (0 if record["sound"] else 4) and record["sampled"] is None
    assert main(["audit", "tiny", "--rounds", "0"]) == 2


def test_the_demos_reward_is_lenient_and_the_audit_shows_it(tmp_path):
    # LastNumber takes the last of several numbers, so an answer that was corrected counts.
    made = audit(recipes.demo().with_(task=Arithmetic(), model={"path": "tiny"}), model=False)
    paid = {p.name: p.right == p.asked for p in made.reward.probes}
    assert paid["gold"] and not paid["wrong"] and not paid["junk in the template"]
    assert paid["one answer after another"]
