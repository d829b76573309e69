"""The record of an audit."""

import json
from dataclasses import replace

from paceline.analysis.audit.conclusions import Finding
from paceline.analysis.audit.record import as_record
from tests.helpers.audits import an_audit


def test_one_bad_finding_makes_an_audit_unsound():
    made = an_audit("sums")
    assert not made.sound
    assert replace(made, findings=(Finding("Nothing is held out."),)).sound
    assert replace(made, findings=()).sound


def test_the_record_is_plain_json_with_everything_that_was_found():
    made = an_audit("sums")
    record = json.loads(json.dumps(as_record(made)))
    assert record["sound"] is False and record["verdict"] == made.verdict
    assert record["findings"] == [
        {"sentence": "sums", "bad": True}, {"sentence": "Nothing is held out.", "bad": False},
    ]  # fmt: skip
    assert record["reward"]["probes"][0]["right"] == 3
    assert record["overlap"] == {"heldout": 11, "same_words": 0, "same_form": 0}
    assert record["sampled"]["predicted"] == {"4": 0.3, "8": 0.6, "16": 0.7, "32": 0.8}
    assert as_record(replace(made, sampled=None))["sampled"] is None
