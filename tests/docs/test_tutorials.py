"""The tutorials do what they say, in both languages."""

import sys

import pytest

from tests.helpers.markdown import DOCS, Page
from tests.helpers.tutorial import missing, play

TUTORIALS = sorted(path.name for path in (DOCS / "tutorials").glob("*.md"))


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_and_shows_what_comes_out(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    compared = play(Page.of(f"docs/tutorials/{name}"), tmp_path)
    assert len(compared) >= 2
    for shown, out in compared:
        piece = missing(shown, out)
        assert piece is None, f"this did not come out:\n{piece}\n\nWhat came out:\n{out}"


def test_a_wrong_output_would_be_seen():
    out = "step 3: 0.25 right, 7.1 s\nsaved\nreport r.html\n"
    assert missing("step 20: 0.5 right, 2 min\n…\nreport   r.html\n", out) is None
    assert missing("report … saved", out) == " saved"
    assert missing("step 3: 0.25 wrong", out) == "step 3: 0.25 wrong"
