"""An audit on the terminal."""

from dataclasses import replace
from pathlib import Path

from paceline.analysis.audit.terminal import print_audit
from paceline.run.screen import Screen
from tests.helpers.audits import a_probe, an_audit, rewarded


def printed(made, capsys, out=Path("page")) -> str:
    print_audit(made, Screen(0), out)
    return capsys.readouterr().out


def test_probes_sample_findings_and_verdict_are_printed(capsys, tmp_path):
    made = an_audit("sums")
    text = printed(made, capsys, tmp_path)
    assert text.startswith("audit of ") and "1 problem to train on" in text.split("\n")[0]
    assert "what the model does (8 problems × 8 completions)" in text
    assert "right 25 %, 25 % if form did not count" in text
    assert "expected 30 % of groups of 4, 60 % of groups of 8" in text
    assert "! sums\n" in text and "· Nothing is held out.\n" in text
    assert made.verdict in text and text.endswith("audit.html\n")


def test_what_a_bad_probe_was_paid_for_stands_below_it(capsys):
    bad = a_probe(name="praise", right=3, reward=0.075, good=False, reason="it\x1b[2Jsays so")
    made = replace(an_audit("sums"), reward=rewarded(a_probe(), bad), sampled=None, findings=())
    lines = printed(made, capsys).split("\n")
    assert "  ok  wrong                        0 of  40 right, mean   0.00" in lines
    place = lines.index("  BAD praise                       3 of  40 right, mean   0.07")
    assert lines[place + 1] == "      itsays so"  # what would drive the terminal is left out
    assert "  80 calls, 0.4 ms each, the longest 2 ms" in lines
    assert not any("what the model does" in line for line in lines)
