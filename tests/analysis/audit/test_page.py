"""The page of an audit."""

from dataclasses import replace

from paceline.analysis.audit.conclusions import verdict
from paceline.analysis.audit.page import page, write_page
from tests.helpers.audits import an_audit
from tests.helpers.browser import Page, assert_inert, assert_loads_nothing
from tests.helpers.fake_run import NASTY


def written(made, tmp_path) -> Page:
    write_page(made, tmp_path / "x.html")
    return Page(tmp_path / "x.html")


def test_the_page_shows_what_was_found(tmp_path):
    shown = written(an_audit("sums"), tmp_path)
    assert ("p", {"class": "verdict no"}) in shown.elements and "one thing first;" in shown.text
    assert ("tr", {"class": "bad"}) in shown.elements and ("li", {"class": "bad"}) in shown.elements
    for text in ("1 problem to train on, 11 held out", "3 of 40", "0.07", "25.0\u202f%", "1,203",
                 "Expected with groups of 8", "80 calls, 0.4 ms each, the"):  # fmt: skip
        assert text in shown.text
    bars = [(a["x"], a["y"], a["height"]) for tag, a in shown.elements if tag == "rect"]
    # Two problems, one never solved: its bar is thin, and begins at the bottom.
    assert bars == [("0.000%", "99.0%", "1.0%"), ("50.000%", "50.0%", "50.0%")]


def test_bars_stand_from_the_hardest_problem_to_the_easiest():
    made = an_audit("sums")
    assert made.sampled is not None
    model = page(replace(made, sampled=replace(made.sampled, rates=(1.0, 0.25)))).content.model
    assert [(bar.x, bar.height) for bar in model.rates] == [("0.000", "25.0"), ("50.000", "100.0")]


def test_the_page_of_an_audit_without_a_model_says_so(tmp_path):
    shown = written(replace(an_audit("sums"), sampled=None, findings=(), verdict=verdict(())),
                    tmp_path)  # fmt: skip
    assert "The model was not asked." in shown.text and "ul" not in {t for t, _ in shown.elements}
    assert ("p", {"class": "verdict"}) in shown.elements
    assert "Nothing speaks against training with this." in shown.text


def test_what_models_and_users_wrote_is_inert_in_the_page(tmp_path):
    shown = written(an_audit(NASTY), tmp_path)
    assert_inert(shown, scripts=0)
    assert_loads_nothing(shown)
    assert shown.text.count('</script><script>alert("run")</script> <img src=x') >= 8
